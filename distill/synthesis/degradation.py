"""Degradation of the ink: strokes of neighbouring lines, rules, faded bands and patches, ragged edges.

Works on coverage, uint8 (H, W), 255 where a letter covers the whole pixel. A pure function of its arguments.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from distill.data.augment import Pixels, add_noise, blur

_GRAIN_PX = 0.6  # sigma of the grain of ragged edges: about that of a receipt scanned at 200 dpi
_STEEPNESS = 4.0


def with_neighbours(coverage: Pixels, share: float, place: float) -> Pixels:
    """Add the feet of a line above, or the heads of one below, in a strip that is `share` of the height.

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


def ruled(coverage: Pixels, corners: NDArray[np.float64], gap_px: float, kind: float) -> Pixels:
    """Add a rule below, above or on both sides of the letters, or a box about them, by `kind` (0 to 1).

    `corners` (4, 2) of the letters run clockwise from the top left, in x and y. Rules cross the whole picture,
    `gap_px` from the letters, or nearer where the picture ends before.
    """
    height, width = coverage.shape
    top_left, top_right, bottom_right, bottom_left = corners
    down = (bottom_left - top_left) / np.hypot(*(bottom_left - top_left))
    along = (top_right - top_left) / np.hypot(*(top_right - top_left))
    above = down * min(gap_px, max(0.0, min(top_left[1], top_right[1]) - 1))
    below = down * min(gap_px, max(0.0, height - 2 - max(bottom_left[1], bottom_right[1])))
    top, bottom = np.array([top_left, top_right]) - above, np.array([bottom_left, bottom_right]) + below
    far, side = along * (width + height), along * gap_px
    if kind < 0.75:
        beyond = np.array([-far, far])
        strokes = [bottom + beyond] * (kind < 0.5) + [top + beyond] * (kind >= 0.25)
    else:
        strokes = [np.array([top[0] - side, top[1] + side, bottom[1] + side, bottom[0] - side, top[0] - side])]
    thickness = max(1, round(height / 32 * (1 + kind * 97 % 1)))
    lines = np.zeros_like(coverage)
    points = [np.rint(stroke * 16).astype(np.int32) for stroke in strokes]
    cv2.polylines(lines, points, False, 255, thickness, cv2.LINE_AA, shift=4)
    return np.maximum(coverage, lines)


def faded(coverage: Pixels, loss: float, uniform: list[float]) -> Pixels:
    """Take up to the share `loss` of the ink away: in rows, columns or patches, by `uniform` (nine, in [0, 1))."""
    height, width = coverage.shape
    knots = np.array(uniform[1:9], np.float32)
    if uniform[0] < 1 / 3:  # rows: a print head that skips
        grid, shape = np.resize(knots, (max(2, height // 3), 1)), (1, height)
    elif uniform[0] < 2 / 3:  # columns: abraded paper
        grid, shape = np.resize(knots, (1, max(2, width // height * 4))), (width, 1)
    else:
        grid, shape = np.resize(np.outer(knots, knots[::-1]), (3, max(2, width // height * 2))), (width, height)
    field = cv2.resize(np.ascontiguousarray(grid), shape, interpolation=cv2.INTER_LINEAR).reshape(shape[::-1])
    kept: NDArray[np.float32] = 1 - np.float32(loss) * field
    return np.asarray(coverage * kept + 0.5, np.uint8)


def ragged(coverage: Pixels, roughness: float, place: float) -> Pixels:
    """Tear the edges by grain of `roughness` (share of full coverage), as on thermal paper or a bad copy."""
    grain = add_noise(np.full_like(coverage, 127), 127 * roughness, place)
    torn = cv2.addWeighted(coverage, 1.0, blur(grain, _GRAIN_PX), 2.0, -254.0)
    table = np.clip((np.arange(256) - 127.5) * _STEEPNESS + 127.5, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(torn, table), np.uint8)
