"""Which found line is which marked line of a page.

Lines are compared by their upright boxes. A found and a marked line match where the area they share is at least half of
the area they cover together (intersection over union, IoU), one to one, greatest overlap first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from distill.data.pages.record import MarkedLine

LEAST = 0.5  # the IoU from which lines match
MOSTLY = 0.5  # a line lies in another for the most part where more than this share of its area does


class Pairs(NamedTuple):
    """Positions of lines that match, greatest IoU first."""

    marked_K: np.ndarray  # among the marked lines that are not ignored
    found_K: np.ndarray
    iou_K: np.ndarray


def boxes_of(outlines: Sequence[np.ndarray]) -> np.ndarray:
    """Return the upright boxes x0, y0, x1, y1 around outlines of any number of points, float64 (N, 4)."""
    boxes = [(*outline_P2.min(axis=0), *outline_P2.max(axis=0)) for outline_P2 in outlines]
    return np.array(boxes, np.float64).reshape(-1, 4)


def sorted_out(lines: Sequence[MarkedLine]) -> tuple[list[MarkedLine], np.ndarray]:
    """Return the lines that count, and the boxes of those that are ignored, (I, 4)."""
    return [line for line in lines if not line.ignored], boxes_of([line.corners_42 for line in lines if line.ignored])


def pairs_of(marked_M4: np.ndarray, found_F4: np.ndarray) -> Pairs:
    """Pair marked and found boxes; of equal overlaps the later lines are paired first."""
    shared_MF = shared_areas(marked_M4, found_F4)
    area_M, area_F = areas(marked_M4), areas(found_F4)
    union_MF = area_M[:, None] + area_F - shared_MF
    iou_MF = np.divide(shared_MF, union_MF, out=np.zeros_like(shared_MF), where=shared_MF > 0)
    marked_K, found_K = np.nonzero(iou_MF >= LEAST)
    iou_K = iou_MF[marked_K, found_K]
    free_M, free_F, kept = np.ones(len(area_M), bool), np.ones(len(area_F), bool), []
    for k in np.lexsort((-found_K, -marked_K, -iou_K)):
        if free_M[marked_K[k]] and free_F[found_K[k]]:
            free_M[marked_K[k]] = free_F[found_K[k]] = False
            kept.append(k)
    order = np.array(kept, int)
    return Pairs(marked_K[order], found_K[order], iou_K[order])


def mostly_in(boxes_A4: np.ndarray, others_B4: np.ndarray) -> np.ndarray:
    """Return which of the first boxes lie for the most part in which of the others, (A, B)."""
    inside_AB: np.ndarray = shared_areas(boxes_A4, others_B4) > MOSTLY * areas(boxes_A4)[:, None]
    return inside_AB


def in_ignored(found_F4: np.ndarray, ignored_I4: np.ndarray) -> np.ndarray:
    """Return which found boxes lie for the most part in ignored ones, all of them together, (F,)."""
    inside_F: np.ndarray = shared_areas(ignored_I4, found_F4).sum(axis=0) > MOSTLY * areas(found_F4)
    return inside_F


def without(among_F: np.ndarray, matched_K: np.ndarray) -> np.ndarray:
    """Return a mask of lines without those that match."""
    left_F = among_F.copy()
    left_F[matched_K] = False
    return left_F


def areas(boxes_N4: np.ndarray) -> np.ndarray:
    """Return the areas of boxes, (N,)."""
    return (boxes_N4[:, 2] - boxes_N4[:, 0]) * (boxes_N4[:, 3] - boxes_N4[:, 1])


def shared_areas(a_A4: np.ndarray, b_B4: np.ndarray) -> np.ndarray:
    """Return the area that each box of the first shares with each of the second, (A, B)."""
    low_AB2 = np.maximum(a_A4[:, None, :2], b_B4[None, :, :2])
    high_AB2 = np.minimum(a_A4[:, None, 2:], b_B4[None, :, 2:])
    return np.maximum(high_AB2 - low_AB2, 0).prod(axis=2)
