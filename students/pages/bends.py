"""The outline of a line that bends, as on a page that curls: what straight edges would miss."""

from __future__ import annotations

import math

import numpy as np
from numpy.polynomial import Polynomial

from students.pages.cores import CorePixels

MOST_STATIONS = 17  # points along the top, and along the bottom
STATION = 1.5  # of a height: points are about so far apart
DEGREE = 3  # of the polynomial through the middle of a line


def bent_outlines(pixels: CorePixels, way_K2: np.ndarray, half_K: np.ndarray, curved: float) -> dict[int, np.ndarray]:
    """Return the outlines (P, 2), on the prepared page, of those lines that bend, by their numbers among the cores.

    Half of the points lie along the top, clockwise. The middle of a line is a polynomial through what its pixels say;
    the edges are as far from it as they say there. A line bends whose middle leaves its chord by more than `curved` of
    its height.
    """
    down_P = (pixels.below_P - pixels.above_P) / 2
    x_P, y_P = pixels.x_P - down_P * pixels.sine_P, pixels.y_P + down_P * pixels.cosine_P
    cosine_P, sine_P = way_K2[pixels.core_P].T
    along_P, across_P = x_P * cosine_P + y_P * sine_P, y_P * cosine_P - x_P * sine_P
    first_K, last_K = (of.reduceat(along_P, pixels.starts_N) for of in (np.minimum, np.maximum))
    centre_K = (first_K + last_K) / 2
    along_P = (along_P - centre_K[pixels.core_P]) / half_K[pixels.core_P]
    ends_K2 = np.stack([first_K - centre_K, last_K - centre_K], axis=1) / half_K[:, None]
    heights_P = pixels.above_P + pixels.below_P
    across_KD = _fitted(along_P, across_P, pixels.starts_N, DEGREE)
    height_KD = _fitted(along_P, heights_P, pixels.starts_N, 1)
    inner_KS = np.linspace(ends_K2[:, 0], ends_K2[:, 1], MOST_STATIONS, axis=1)
    middle_KS = sum(across_KD[:, [d]] * inner_KS**d for d in range(DEGREE + 1))
    chord_KS = np.linspace(middle_KS[:, 0], middle_KS[:, -1], MOST_STATIONS, axis=1)
    bent_K = np.abs(middle_KS - chord_KS).max(1) > curved * height_KD[:, 0]
    return {
        k: _outline(way_K2[k], float(centre_K[k]), float(half_K[k]), Polynomial(across_KD[k]), Polynomial(height_KD[k]))
        for k in np.flatnonzero(bent_K).tolist()
    }


def _fitted(along_P: np.ndarray, values_P: np.ndarray, starts_K: np.ndarray, degree: int) -> np.ndarray:
    """The polynomial of least squares through the pixels of each core: coefficients (K, degree + 1), lowest first."""
    powers_P = np.ones_like(along_P)
    sums, products = [], []
    for power in range(2 * degree + 1):
        sums.append(np.add.reduceat(powers_P, starts_K))
        if power <= degree:
            products.append(np.add.reduceat(powers_P * values_P, starts_K))
        powers_P = powers_P * along_P
    gram_KDD = np.stack([np.stack(sums[i : i + degree + 1], axis=1) for i in range(degree + 1)], axis=1)
    fitted_KD1: np.ndarray = (
        np.linalg.pinv(gram_KDD, rcond=1e-12, hermitian=True) @ np.stack(products, axis=1)[..., None]
    )
    return fitted_KD1[..., 0]


def _outline(way_2: np.ndarray, centre: float, half_px: float, across: Polynomial, height: Polynomial) -> np.ndarray:
    """The outline of one line, whose places along it count from its centre, in halves of its length."""
    turn_22 = np.array([way_2, (-way_2[1], way_2[0])])  # rows: along the line, down across it
    stations = int(np.clip(math.ceil(2 * half_px / (STATION * height(0.0))) + 1, 3, MOST_STATIONS))
    at_S = np.linspace(-1, 1, stations)
    slope_S = across.deriv()(at_S) / half_px
    normal_S2 = np.stack([-slope_S, np.ones(stations)], axis=1) / np.hypot(slope_S, 1)[:, None]
    middle_S2 = np.stack([centre + at_S * half_px, across(at_S)], axis=1)
    reach_S2 = normal_S2 * np.maximum(height(at_S), 1.0)[:, None] / 2
    outline_P2: np.ndarray = np.concatenate([middle_S2 - reach_S2, (middle_S2 + reach_S2)[::-1]]) @ turn_22
    return outline_P2
