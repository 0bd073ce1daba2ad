"""Lines of tall pictures: turned by their labels to be learnt, and in every way to be read."""

from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from distill.data.formats.contents import Contents
from distill.data.lines import Lines, joined, scan
from distill.data.prepared import ScaledLines
from distill.data.sources import ParquetSource
from distill.evaluation.evaluate import read_here
from students.image import Preparation, decode_image
from students.parts import Outputs
from students.turning import after

SIZES = ((32, 90), (90, 32), (90, 32), (90, 32), (48, 32), (90, 32))
TEXTS = ("ab", "ab", "a", None, "ab", "")
TURNED = [0, 1, 0, 1, 0, 0]
PREPARATION = Preparation(width_quantum_px=8)
CPU = torch.device("cpu")


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def lines(turned: str) -> Lines:
    """A line of each size and text, in pictures of noise."""
    data = [png(np.random.default_rng(i).integers(0, 256, size, np.uint8)) for i, size in enumerate(SIZES)]
    contents = Contents(tuple(f"{i}" for i in range(len(data))), TEXTS, data.__getitem__)
    source = ParquetSource(kind="parquet", name="mine", path="nowhere")
    return scan(source, contents, Preparation(width_quantum_px=8, turned=turned))[0]


def test_tall_lines_are_turned_unless_their_text_has_one_character() -> None:
    found, plain = lines("surer"), lines("never")
    assert [found.quarters_of(i) for i in range(len(found))] == TURNED
    assert found.tall is not None
    assert found.tall.tolist() == [False, True, True, True, False, True]
    assert found.padded_width_px.tolist() == [96, 96, 16, 96, 24, 16]
    assert plain.padded_width_px.tolist() == [96, 16, 16, 16, 24, 16]
    scaled = ScaledLines(found, PREPARATION)
    for i, quarters in enumerate(TURNED):
        turned = after(quarters, decode_image(found[i].image))
        assert (scaled[i] == Preparation().scale(turned)).all()


def test_what_is_turned_is_part_of_the_digest_and_stays_so_in_parts() -> None:
    found, plain = lines("tall"), lines("never")
    assert plain.quarters is None
    assert plain.digest != found.digest
    assert plain.digest_of_pictures != found.digest_of_pictures
    back = joined([found.take([5, 1]), plain.take([1]), found.take([3])])
    assert [back.quarters_of(i) for i in range(4)] == [0, 1, 0, 1]
    assert joined([plain, plain]).tall is None
    higher = found.prepared_by(Preparation(height_px=64, width_quantum_px=8))
    assert higher.padded_width_px.tolist() == [184, 184, 24, 184, 48, 24]


class OfWidths(nn.Module):
    """Writes class 1, and is the surer the wider its images are."""

    def forward(self, images_NCHW: Tensor) -> Outputs:
        n, _, _, width = images_NCHW.shape
        logits_NTC = torch.zeros(n, width // 8, 2)
        logits_NTC[..., 1] = width / 5
        return Outputs(logits_NTC, torch.full((n,), width // 8), logits_NTC)


def test_every_line_is_read_once_and_a_tall_one_the_way_it_is_surest() -> None:
    for turned, frames in (("never", [12, 2, 2, 2, 3, 2]), ("tall", [12, 12, 12, 12, 3, 12])):
        found = lines(turned)
        read = read_here(OfWidths(), found, len, PREPARATION, CPU)
        n_frames = dict(line for batch in read for line in batch)
        assert [n_frames[key] for key in found.keys] == frames
    found = lines("surer")
    whole, one, other = (
        dict(line for batch in read_here(OfWidths(), found, len, PREPARATION, CPU, share) for line in batch)
        for share in (slice(None), slice(0, None, 2), slice(1, None, 2))
    )
    assert [whole[key] for key in found.keys] == [12, 12, 12, 12, 3, 12]
    assert one | other == whole
    assert not one.keys() & other.keys()
