"""A picture without writing does not teach what a teacher that others made writes on it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFont

from distill.cli import main
from distill.data.batch import Batch
from distill.data.lines import Lines
from distill.pools.usable import no_writing, with_writing
from distill.teaching.trust import unless_empty
from tests.adopted import write_adopted
from tests.samples import write_student


def blank(level: int = 255, spread: int = 0) -> bytes:
    pixels = np.full((40, 200), level, np.uint8) - np.random.default_rng(0).integers(0, spread + 1, (40, 200), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def written(number: int = 0) -> bytes:
    picture = Image.new("L", (150, 32), 255)
    ImageDraw.Draw(picture).text((4, 2), f"Total {48 + number}.90", font=ImageFont.load_default(24), fill=0)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def test_blank_pictures_leave_unless_their_label_says_so() -> None:
    pictures = [blank(), blank(200, spread=5), written(), blank(), blank()]
    texts = (None, None, None, "", "abc")
    keys = tuple("vwxyz")
    fetch = tuple((pictures.__getitem__, i) for i in range(5))
    lines = Lines(keys, keys, texts, ("made",) * 5, np.full(5, 160), keys, fetch)
    refused: list = []
    kept = with_writing(lines, refused)
    assert kept.keys == ("x", "y")
    assert [refusal.key for refusal in refused] == ["v", "w", "z"]
    assert "no writing in the picture (0 grey levels)" in refused[0].reason
    assert with_writing(kept, refused) is kept
    assert with_writing(lines, refused, unread={"made"}) is lines


def noisy(kind: str, height: int, width: int) -> np.ndarray:
    rng, size = np.random.default_rng(height), (height, width)
    match kind:
        case "fine":
            levels = 235 + rng.normal(0, 8, size)
        case "coarse":
            levels = 128 + rng.normal(0, 30, size)
        case "specks":
            levels = np.where(rng.random(size) < 0.05, 0, 230)
        case _:
            levels = np.linspace(150, 230, width) + rng.normal(0, 8, size)
    return np.clip(levels, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("kind", ["fine", "coarse", "specks", "lit from one side"])
@pytest.mark.parametrize("size", [(20, 80), (32, 100), (40, 200), (120, 500)])
def test_noise_is_no_writing_but_faint_writing_in_noise_is(kind: str, size: tuple[int, int]) -> None:
    assert no_writing(noisy(kind, *size)) is not None
    height, width = size
    small = (width * 40 // height, 40)
    picture = Image.new("L", small, 255)
    ImageDraw.Draw(picture).text((4, 2), "Total 48.90", font=ImageFont.load_default(28), fill=200)
    letters = np.asarray(picture.resize((width, height))).astype(float) - 255
    levels = np.clip(235 + letters + np.random.default_rng(0).normal(0, 8, size), 0, 255)
    assert no_writing(levels.astype(np.uint8)) is None


def test_on_lines_labelled_as_empty_the_label_alone_teaches() -> None:
    lengths, labelled = torch.tensor([0, 0, 3]), torch.tensor([True, False, True])
    batch = Batch(torch.zeros(3, 1, 8, 8), torch.zeros(3, 3), lengths, labelled, ("a", "b", "c"), (None,) * 3)
    weights = unless_empty(None, batch)
    assert weights is not None
    assert weights.tolist() == [0, 1, 1]
    weights = unless_empty(torch.tensor([0.5, 0.5, 0.25]), batch)
    assert weights is not None
    assert weights.tolist() == [0, 0.5, 0.25]
    assert unless_empty(None, batch._replace(target_lengths_N=torch.tensor([1, 0, 3]))) is None


def test_a_run_leaves_them_out_only_where_others_made_the_teacher(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(3):
        (folder / f"blank-{number}.png").write_bytes(blank(255 - number))
        (folder / f"line-{number}.png").write_bytes(written(number))
    text = {"min_characters": 3, "max_characters": 8}
    rendered = {"kind": "rendered", "name": "printed", "lines": 40, "fonts": ["arimo"], "text": text}
    data = json.dumps([rendered, {"kind": "folder", "name": "bare", "path": str(folder)}])
    adopted = write_adopted(tmp_path / "adopted.onnx")
    for teacher, n_left_out in ((adopted, 3), (write_student(tmp_path / "own.safetensors"), 0)):
        choices = [f"runtime.cache_root={tmp_path}", f"data.train={data}", f"teacher.file={teacher}"]
        run = tmp_path / f"run-{teacher.stem}"
        main(["check", "smoke", *choices, "--suspicious", "0", "--json", "--run", str(run)])
        found = json.loads(capsys.readouterr().out)
        left_out = [each for each in found["findings"] if "no writing" in each["message"]]
        assert sum(len(each["keys"]) for each in left_out) == n_left_out
