"""Lines that stand in one row and were found as one, parted where the row shows a wide gap without ink.

A gap parts a line where it is wide, counted in heights of the line, and the locator is not sure that the line goes on
through it. Both limits stand in `Finding`; where `gap` is null nothing is parted.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np

from students.pages.cutting import RECTANGLE_42
from students.pages.preparation import STRIDE_PX

INNER = 0.1  # of a height: above and below, where neighbours and rules reach in, ink does not count
INK = 0.35  # of the contrast of the strokes: a column with so much of it has ink
STROKES = 90  # percentile of the columns' contrasts: that of strokes
DARKEST = 2  # pixels of a column whose mean contrast is the column's: a single one may be noise
STANDS_OUT = 1.5  # times as wide as the widest other gap is a wide one, so that justified lines stay whole
END = 0.12  # of a height: a line ends so far beyond its ink, as people mark lines


class Limits(NamedTuple):
    """Lines are parted at gaps wider than `gap` heights, in which a pixel of the core is less probable than `core`."""

    gap: float
    core: float


def parted(corners_42: np.ndarray, core_HW: np.ndarray, grey_HW: np.ndarray, limits: Limits) -> list[np.ndarray]:
    """Return the corners (4, 2) of the parts of a line along its text; its own where it is one.

    Corners are those on the prepared page, of which `grey_HW` is what the locator saw; `core_HW` are logits.
    """
    sides_4 = np.linalg.norm(np.roll(corners_42, -1, axis=0) - corners_42, axis=1)
    length_px, height_px = (sides_4[0] + sides_4[2]) / 2, (sides_4[1] + sides_4[3]) / 2
    size_px = max(1, round(length_px)), max(1, round(height_px))
    logit = math.log(limits.core / (1 - limits.core))
    if length_px < limits.gap * height_px:
        return [corners_42]
    core_W = _strip(core_HW, corners_42 / STRIDE_PX, size_px)[size_px[1] // 3 : -(-2 * size_px[1] // 3)].max(0)
    if core_W.min() >= logit:
        return [corners_42]
    ink_K = np.flatnonzero(_inked(_strip(grey_HW, corners_42, size_px)))
    last_G, first_G = ink_K[:-1] + 1, ink_K[1:]
    end_px = END * height_px
    bounds = [0.0]
    for g in _wide(first_G - last_G, limits.gap * height_px):
        if core_W[last_G[g] : first_G[g]].min() < logit:
            bounds += [(last_G[g] + end_px) / size_px[0], (first_G[g] - end_px) / size_px[0]]
    bounds.append(1.0)
    return (
        [_part(corners_42, *bounds[i : i + 2]) for i in range(0, len(bounds), 2)] if len(bounds) > 2 else [corners_42]
    )


def _wide(gap_G: np.ndarray, least_px: float) -> list[int]:
    """Which gaps are wide: none where text is spaced so widely that the next narrower one is nearly as wide."""
    wide_G = gap_G > least_px
    others = gap_G[~wide_G]
    if len(others) and wide_G.any() and gap_G[wide_G].min() <= STANDS_OUT * others.max():
        return []
    return np.flatnonzero(wide_G).tolist()


def _strip(map_HW: np.ndarray, corners_42: np.ndarray, size_px: tuple[int, int]) -> np.ndarray:
    """A line as a rectangle of this size, its nearest pixels beyond the page."""
    matrix_33 = cv2.getPerspectiveTransform(
        (corners_42 - 0.5).astype(np.float32), (RECTANGLE_42 * size_px - 0.5).astype(np.float32)
    )
    flags, border = cv2.INTER_LINEAR, cv2.BORDER_REPLICATE
    return np.asarray(cv2.warpPerspective(map_HW, matrix_33, size_px, flags=flags, borderMode=border))


def _inked(strip_HW: np.ndarray) -> np.ndarray:
    """Which columns of a line (H, W) hold ink, darker or brighter than most of it, (W,)."""
    skipped = round(INNER * len(strip_HW))
    inner_HW = strip_HW[skipped : len(strip_HW) - skipped]
    contrast_HW = np.sort(np.abs(inner_HW - np.median(inner_HW)), axis=0)
    contrast_W = contrast_HW[-DARKEST:].mean(0)
    inked_W: np.ndarray = contrast_W > INK * np.percentile(contrast_W, STROKES)
    return inked_W


def _part(corners_42: np.ndarray, begin: float, end: float) -> np.ndarray:
    """The corners of what lies between two shares of a line's length."""
    top_left, top_right, bottom_right, bottom_left = corners_42
    along_top, along_bottom = top_right - top_left, bottom_right - bottom_left
    return np.stack(
        [
            top_left + begin * along_top,
            top_left + end * along_top,
            bottom_left + end * along_bottom,
            bottom_left + begin * along_bottom,
        ]
    )
