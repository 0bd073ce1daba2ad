"""The outline of a line that bends, as on a page that curls: what straight edges would miss."""

from __future__ import annotations

import math

import numpy as np

from students.pages.cores import CorePixels

MOST_STATIONS = 17  # points along the top, and along the bottom
STATION = 1.5  # of a height: points are about so far apart
DEGREE = 3  # of the polynomial through the middle of a line


def bent_outline(pixels: CorePixels, way_2: np.ndarray, half_px: float, curved: float) -> np.ndarray | None:
    """Return the outline (P, 2) of a line on the prepared page, half of its points along the top, clockwise.

    The middle of the line is a polynomial through what its pixels say; the edges are as far from it as they say there.
    None for a line whose middle leaves its chord by no more than `curved` of its height.
    """
    turn_22 = np.array([way_2, (-way_2[1], way_2[0])])  # rows: along the line, down across it
    down_P = (pixels.below_P - pixels.above_P) / 2
    middle_P2 = np.stack([pixels.x_P - down_P * pixels.sine_P, pixels.y_P + down_P * pixels.cosine_P], axis=1)
    along_P, across_P = (middle_P2 @ turn_22.T).T
    heights_P = pixels.above_P + pixels.below_P
    centre = float((along_P.min() + along_P.max()) / 2)
    along_P = (along_P - centre) / half_px
    across = np.polynomial.Polynomial.fit(along_P, across_P, DEGREE, domain=[-1, 1])
    height = np.polynomial.Polynomial.fit(along_P, heights_P, 1, domain=[-1, 1])
    ends_2 = along_P.min(), along_P.max()
    inner_S = np.linspace(*ends_2, MOST_STATIONS)
    chord_S = np.interp(inner_S, ends_2, across(np.array(ends_2)))
    if np.abs(across(inner_S) - chord_S).max() <= curved * height(0.0):
        return None
    stations = int(np.clip(math.ceil(2 * half_px / (STATION * height(0.0))) + 1, 3, MOST_STATIONS))
    at_S = np.linspace(-1, 1, stations)
    slope_S = across.deriv()(at_S) / half_px
    normal_S2 = np.stack([-slope_S, np.ones(stations)], axis=1) / np.hypot(slope_S, 1)[:, None]
    middle_S2 = np.stack([centre + at_S * half_px, across(at_S)], axis=1)
    reach_S2 = normal_S2 * np.maximum(height(at_S), 1.0)[:, None] / 2
    return np.concatenate([middle_S2 - reach_S2, (middle_S2 + reach_S2)[::-1]]) @ turn_22
