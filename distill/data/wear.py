"""What befalls ink before it is seen: strokes of neighbouring lines, faded bands and patches, ragged edges.

Works on coverage, uint8 (H, W), 255 where a letter covers the whole pixel. A pure function of its arguments.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from distill.data.augment import Pixels, add_noise, blur

_GRAIN_PX = 0.6  # sigma of the grain of ragged edges: about that of a receipt scanned at 200 dpi
_STEEPNESS = 4.0


def with_neighbours(coverage: Pixels, share: float, place: float) -> Pixels:
    """The feet of a line above, or the heads of one below, in a strip that is `share` of the height.

    The line's own strokes serve, moved along it by `place` (0 to 1): below one half they come in from above.
    """
    height, width = coverage.shape
    depth = max(1, round(share * height))
    rows = np.flatnonzero(coverage.max(1) > 0)
    strokes = coverage[rows[0] : rows[-1] + 1]
    above = place < 0.5
    strip = np.roll(strokes[-depth:] if above else strokes[:depth], int(place * width), axis=1)
    seen = coverage.copy()
    edge = seen[: len(strip)] if above else seen[height - len(strip) :]
    np.maximum(edge, strip, out=edge)
    return seen


def faded(coverage: Pixels, loss: float, draw: list[float]) -> Pixels:
    """Ink of which up to the share `loss` is missing: in rows, in columns, or in patches, by `draw` (nine numbers)."""
    height, width = coverage.shape
    knots = np.array(draw[1:9], np.float32)
    if draw[0] < 1 / 3:  # rows: a print head that skips
        grid, shape = np.resize(knots, (max(2, height // 3), 1)), (1, height)
    elif draw[0] < 2 / 3:  # columns: worn paper
        grid, shape = np.resize(knots, (1, max(2, width // height * 4))), (width, 1)
    else:
        grid, shape = np.resize(np.outer(knots, knots[::-1]), (3, max(2, width // height * 2))), (width, height)
    field = cv2.resize(np.ascontiguousarray(grid), shape, interpolation=cv2.INTER_LINEAR).reshape(shape[::-1])
    kept: NDArray[np.float32] = 1 - np.float32(loss) * field
    return np.asarray(coverage * kept + 0.5, np.uint8)


def ragged(coverage: Pixels, roughness: float, place: float) -> Pixels:
    """Edges torn by grain of `roughness` (share of full coverage), then steep, as on thermal paper or a bad copy."""
    grain = add_noise(np.full_like(coverage, 127), 127 * roughness, place)
    torn = cv2.addWeighted(coverage, 1.0, blur(grain, _GRAIN_PX), 2.0, -254.0)
    table = np.clip((np.arange(256) - 127.5) * _STEEPNESS + 127.5, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(torn, table), np.uint8)
