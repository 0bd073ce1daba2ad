"""The pixels of a locator's maps that belong to cores of lines, each with the others of its core."""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np

from students.pages.maps import Maps
from students.pages.preparation import STRIDE_PX

JUMP = 0.5  # of a height: neighbours whose lines' middles are further apart belong to two lines


class CorePixels(NamedTuple):
    """Pixels of cores, those of a core together. Coordinates and distances in pixels of the prepared page."""

    core_P: np.ndarray  # which core it is, from 0
    starts_N: np.ndarray  # the first pixel of every core
    x_P: np.ndarray
    y_P: np.ndarray
    probability_P: np.ndarray
    above_P: np.ndarray
    below_P: np.ndarray
    cosine_P: np.ndarray
    sine_P: np.ndarray

    def mean_N(self, values_P: np.ndarray, weights_P: np.ndarray) -> np.ndarray:
        """Return the weighted mean of each core."""
        sums_N, weight_N = (np.add.reduceat(a_P, self.starts_N) for a_P in (values_P * weights_P, weights_P))
        mean_N: np.ndarray = sums_N / np.maximum(weight_N, 1e-9)
        return mean_N

    def some(self, cores_K: np.ndarray) -> CorePixels:
        """Return the pixels of some cores, given in ascending order and numbered anew."""
        sizes_N = np.diff(self.starts_N, append=len(self.core_P))
        kept_N = np.zeros(len(sizes_N), bool)
        kept_N[cores_K] = True
        kept_P, sizes_K = np.repeat(kept_N, sizes_N), sizes_N[cores_K]
        core_P = np.repeat(np.arange(len(cores_K)), sizes_K)
        return CorePixels(core_P, np.cumsum(sizes_K) - sizes_K, *(values_P[kept_P] for values_P in self[2:]))


def core_pixels(maps: Maps, size_px: tuple[int, int], least: float) -> CorePixels | None:
    """Return the pixels whose logit is above `least`, on a prepared page of this size; None where there are none."""
    width, height = (math.ceil(side / STRIDE_PX) for side in size_px)
    inside = Maps(*(map_HW[:height, :width] for map_HW in maps))
    core_HW = inside.core > least
    _come_apart(core_HW, inside)
    n, labels_HW = cv2.connectedComponents(core_HW.astype(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    if n == 1:
        return None
    places_P = np.flatnonzero(core_HW)
    core_P = labels_HW.ravel()[places_P] - 1
    order_P = np.argsort(core_P.astype(np.uint16) if n <= 2**16 else core_P, kind="stable")  # 16 bits sort faster
    places_P, core_P = places_P[order_P], core_P[order_P]
    rows_P, columns_P = np.divmod(places_P, core_HW.shape[1])
    logit_P, *others = (map_HW[rows_P, columns_P].astype(np.float64) for map_HW in inside)
    starts_N = np.flatnonzero(np.diff(core_P, prepend=-1))
    x_P, y_P = ((numbers_P + 0.5) * STRIDE_PX for numbers_P in (columns_P, rows_P))
    return CorePixels(core_P, starts_N, x_P, y_P, 1 / (1 + np.exp(-logit_P)), *others)


def _come_apart(core_HW: np.ndarray, maps: Maps) -> None:
    """Clear, in place, neighbours whose distances say that they belong to two lines."""
    down_HW = (maps.below - maps.above) / 2  # from the pixel to the middle of its line
    across_HW, far_HW = -down_HW * maps.sine, (maps.above + maps.below) * JUMP
    down_HW = down_HW * maps.cosine
    for step_y, step_x in ((1, 0), (0, 1)):
        height, width = core_HW.shape
        here = slice(0, height - step_y), slice(0, width - step_x)
        there = slice(step_y, height), slice(step_x, width)
        dx_HW = across_HW[there] - across_HW[here] + step_x * STRIDE_PX
        dy_HW = down_HW[there] - down_HW[here] + step_y * STRIDE_PX
        jump_HW = np.abs(dy_HW * maps.cosine[here] - dx_HW * maps.sine[here])
        apart_HW = core_HW[here] & core_HW[there] & (jump_HW > np.minimum(far_HW[here], far_HW[there]))
        core_HW[here] &= ~apart_HW
        core_HW[there] &= ~apart_HW
