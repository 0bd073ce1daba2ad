"""How far what a teacher writes lies from its ink: whether a student can foretell the teacher's frames.

A network writes each character on a frame or a few. A network of the student's kind has them at one place of the
character, to within the width of a frame; others scatter, and a student that follows frame by frame splits what it
cannot foretell between two frames and writes neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from distill.data.lines import Lines
from distill.evaluation.doctor.findings import Finding
from distill.recipe.objective import FrameMatch
from distill.seeds import generator_of
from students.image import decode_image
from students.reader import Reader

READ_LINES = 200
LEAST_SYMBOLS = 200  # of which the scatter is known to a tenth or so
MOST_FRAMES = 0.38  # of the student; our teachers have 0.30 (a frame alone gives 0.29), PP-OCRv6 small 0.46
OF_NORMAL = 1.4826  # standard deviation of a normal distribution over its median absolute deviation


class Scatter(NamedTuple):
    """Deviation of a teacher's characters from where it writes each kind of character, in heights of a line."""

    heights: float
    n_symbols: int
    n_lines: int


def scatter_of(reader: Reader, lines: Lines, seed: int) -> Scatter | None:
    """Return the scatter over real lines, at most `READ_LINES` of them, sampled by `seed`; None for too few symbols.

    Only lines count whose ink falls apart into as many pieces, left to right, as the teacher reads characters that are
    no spaces. From each character's offset, its middle less the middle of its piece, the median offset of that
    character is taken, which a student learns; what is left scatters by 1.4826 times its median absolute value.
    """
    order = torch.randperm(len(lines), generator=generator_of("scatter", seed))[:READ_LINES]
    sample = lines.take(sorted(order.tolist()))
    preparation, offsets, n_lines = reader.description.preparation, [], 0
    for i in range(len(sample)):
        pixels = decode_image(sample[i].image, sample.keys[i])
        height, width = pixels.shape[:2]
        reading = reader.read(sample[i].image)
        extents = reading.extents_px(preparation, height, width)
        middles = [
            (character.text, (left + right) / 2)
            for character, (left, right) in zip(reading.characters, extents, strict=True)
            if not character.text.isspace()
        ]
        of_line = offsets_from_ink(middles, pixels)
        offsets += of_line
        n_lines += bool(of_line)
    if len(offsets) < LEAST_SYMBOLS:
        return None
    return Scatter(deviation(offsets), len(offsets), n_lines)


def offsets_from_ink(middles: Sequence[tuple[str, float]], pixels: np.ndarray) -> list[tuple[str, float]]:
    """Return each character with its middle less that of its ink, in heights; none where they cannot be paired."""
    grey_HW = pixels.reshape(*pixels.shape[:2], -1).mean(-1)
    apart_HW = np.abs(grey_HW - np.median(grey_HW))
    inked_W = (apart_HW > np.quantile(apart_HW, 0.98) / 2).any(0)
    edges = np.flatnonzero(np.diff(np.pad(inked_W.astype(np.int8), 1)))
    ink = (edges[::2] + edges[1::2]) / 2
    if len(ink) != len(middles):
        return []
    return [(c, float(at - piece) / len(grey_HW)) for (c, at), piece in zip(middles, ink, strict=True)]


def deviation(offsets: Sequence[tuple[str, float]]) -> float:
    """Return 1.4826 times the median distance of the offsets from the median of their character."""
    of_character: dict[str, list[float]] = {}
    for c, offset in offsets:
        of_character.setdefault(c, []).append(offset)
    left = [float(x) for each in of_character.values() if len(each) > 1 for x in np.array(each) - np.median(each)]
    return OF_NORMAL * float(np.median(np.abs(left))) if left else 0.0


def findings_in_scatter(scatter: Scatter | None, frames_a_height: float, match: FrameMatch) -> list[Finding]:
    """Return a note where the scatter is more than the student, of so many frames a height, can foretell."""
    if scatter is None or (frames := scatter.heights * frames_a_height) <= MOST_FRAMES:
        return []
    message = (
        f"the teacher's characters scatter by {scatter.heights:.3f} line heights about their ink, {frames:.2f} frames "
        f"of the student, on {scatter.n_symbols:,} characters; those of a teacher of the student's kind by 0.3"
    )
    by_symbols = match.how in ("near", "auto") or (match.how == "symbols" and match.always)
    advice = "objective.match is made for it" if by_symbols else "match by symbols: objective.match.always=true"
    return [Finding("note", "scatter", "recipe", message, advice=advice)]
