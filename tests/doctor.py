"""Lines for the tests of the doctor: pictures and labels in memory, and a teacher that reads bars."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from distill.data.labels import LabelForm
from distill.data.lines import Lines
from distill.evaluation.doctor.findings import Finding
from students.charset import Charset
from students.image import Preparation
from students.parts import Outputs
from students.reader import Reader
from students.torch_reader import open_student, reader_of
from tests.samples import write_student

_LETTERS = np.random.default_rng(3)
WORDS = ["".join(_LETTERS.choice(list("abcdefghiklmnoprstuvw"), 6)) for _ in range(30)]


def lines_of(
    pictures: Sequence[np.ndarray], texts: Sequence[str | None], source: str = "mine", form: LabelForm = "exact"
) -> Lines:
    """Lines in memory: grey pictures and their labels."""
    encoded = []
    for picture in pictures:
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, "PNG")
        encoded.append(buffer.getvalue())
    names = tuple(f"{i:03d}_0.png" for i in range(len(texts)))
    widths = [Preparation().padded_width_px(*picture.shape[:2]) for picture in pictures]
    keys = tuple(f"{source}/{name}" for name in names)
    fetch = tuple((encoded.__getitem__, i) for i in range(len(texts)))
    digests = tuple(str(hash(data)) for data in encoded)
    sources = (source,) * len(texts)
    padded, forms = np.array(widths, np.int64), {source: form}
    return Lines(keys, names, tuple(texts), sources, padded, digests, fetch, forms, preparation=Preparation())


def labelled(*texts: str) -> Lines:
    return lines_of([np.full((32, 64), 200, np.uint8)] * len(texts), texts)


def written(text: str, height: int = 32) -> np.ndarray:
    """Dark letters on light paper."""
    font = ImageFont.load_default(24)
    image = Image.new("L", (int(font.getlength(text)) + 16, 32), 220)
    ImageDraw.Draw(image).text((8, 2), text, fill=30, font=font)
    return np.asarray(image.resize((image.width * height // 32, height)))


def kinds(findings: list[Finding]) -> set[str]:
    return {finding.kind for finding in findings}


def saved_again(picture: np.ndarray) -> np.ndarray:
    """Smaller, darker, compressed."""
    image = Image.fromarray((picture * 0.8 + 10).astype(np.uint8))
    buffer = io.BytesIO()
    image.resize((image.width * 4 // 5, image.height * 4 // 5)).save(buffer, "JPEG", quality=60)
    return np.asarray(Image.open(buffer))


def textured(word: str, seed: int) -> np.ndarray:
    """A word as a photograph has it: with the light and the grain of its own."""
    generator = np.random.default_rng(seed)
    light = np.asarray(Image.fromarray(generator.uniform(0, 120, (3, 6)).astype(np.float32)).resize((150, 32)))
    base = np.asarray(Image.fromarray(written(word)).resize((150, 32)), np.float32)
    return np.clip(base * 0.6 + light + generator.normal(0, 4, base.shape), 0, 255).astype(np.uint8)


class _Certain(torch.nn.Module):
    """Reads the dark columns of a picture: one frame for each four, `a` where dark is above, else `b`."""

    def __init__(self) -> None:
        super().__init__()
        self.nothing = torch.nn.Parameter(torch.zeros(1))

    def forward(self, images_NCHW: torch.Tensor) -> Outputs:
        above, below = ((images_NCHW[:, 0, half] < 0).float().mean(1) for half in (slice(0, 16), slice(16, 32)))
        frames = torch.stack([above, below])[..., ::4]
        logits_NTC = torch.stack([1.5 - frames.sum(0) * 3, frames[0] * 3, frames[1] * 3, frames[0] * 0 - 3], -1) * 4
        n, t, _ = logits_NTC.shape
        return Outputs(logits_NTC, torch.full((n,), t), ())


def certain_reader(tmp_path: Path) -> Reader:
    reader = open_student(write_student(tmp_path / "model.safetensors"))
    description = reader.description.model_copy(update={"charset": Charset(characters="abc")})
    return reader_of(_Certain(), description, reader.path)  # type: ignore[arg-type]


def bars(text: str) -> np.ndarray:
    """Dark blocks of four columns above for `a`, below for `b`, each behind a gap."""
    picture = np.full((32, 64), 255, np.uint8)
    for i, c in enumerate(text):
        picture[slice(0, 16) if c == "a" else slice(16, 32), 4 + 8 * i : 8 + 8 * i] = 0
    return picture
