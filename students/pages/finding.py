"""From a locator's maps to the lines of a page: cores that hang together, widened to their edges.

Every pixel of a core tells where the two long edges of its line are. Straight lines through what they say, fitted
without those that stand out, are the edges; the ends are those of the core and what it was shrunk by.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from students.pages.bends import bent_outlines
from students.pages.cores import CorePixels, core_pixels
from students.pages.gaps import Limits, parted
from students.pages.maps import Maps, length_of
from students.pages.preparation import STRIDE_PX, PreparedPage

OUTLYING = 0.25  # of a height: what says that an edge is so far from where most say is left out
LEVER = 1.0  # of a height: edges of a shorter core are parallel to its direction, since so few pixels tell no slope
BENT = 0.04  # of a height: straight edges that pixels miss by more on average may be those of a curved line


class LineFinding(BaseModel):
    """How lines are made of a locator's maps; part of its model file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    core: float = Field(0.5, gt=0, lt=1, description="a pixel this probable belongs to the core of a line")
    found: float = Field(0.6, ge=0, lt=1, description="a line whose core is less probable on average is left out")
    gap: float | None = Field(
        None, gt=0, description="a gap without ink, wider by its height, may part a line in two; null: none does"
    )
    gap_core: float = Field(
        0.92, gt=0, lt=1, description="and does where a pixel of the core in it is less probable than that"
    )
    least_height_px: float = Field(4.0, ge=1, description="a line less high on the prepared page is left out")
    curved: float = Field(0.2, gt=0, description="a line that bends by more, of its height, gets more than 4 points")
    margin: float = Field(0.0, ge=0, le=1, description="so much of its height is cut around a line for the recogniser")
    right_to_left: bool = Field(False, description="columns and the parts of a row are read from the right")

    @model_serializer(mode="wrap")
    def _digests_stay(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what parts lines where nothing does: files and runs from before are as they were."""
        return {name: value for name, value in dump(self).items() if self.gap is not None or "gap" not in name}


class FoundLine(NamedTuple):
    """A line on a page, in pixels of the page as shown; clockwise from the text's top left.

    `polygon_P2` has as many points along the top as along the bottom: the corners themselves, or more of a curved line.
    `box` is the upright rectangle around it on the page: x0, y0, x1, y1. `found` is the mean probability of its core.
    """

    corners_42: np.ndarray
    polygon_P2: np.ndarray
    box: tuple[float, float, float, float]
    found: float


class _Edge(NamedTuple):
    """An edge of each line: how far below the origin, across its direction, at a place along it."""

    mean_N: np.ndarray
    slope_N: np.ndarray
    along_N: np.ndarray  # where the mean is
    missed_N: np.ndarray  # root mean square of what the pixels miss it by

    def at(self, along_N: np.ndarray) -> np.ndarray:
        """Return where the edges are at these places."""
        return self.mean_N + self.slope_N * (along_N - self.along_N)


class _Lines(NamedTuple):
    """Lines on the prepared page by their corners; `bent` has the outlines of those that are curved."""

    corners_N42: np.ndarray
    bent: dict[int, np.ndarray]
    found_N: np.ndarray


def find_lines(maps: Maps, prepared: PreparedPage, finding: LineFinding) -> list[FoundLine]:
    """Return the lines that the maps of a page show, in no order of reading."""
    least = math.log(finding.core / (1 - finding.core))
    pixels = core_pixels(maps, prepared.size_px, least)
    if pixels is None:
        return []
    weights_P = pixels.probability_P
    way_N2 = np.stack([pixels.mean_N(values_P, weights_P) for values_P in (pixels.cosine_P, pixels.sine_P)], axis=1)
    way_N2 /= np.maximum(np.hypot(*way_N2.T), 1e-6)[:, None]
    cosine_P, sine_P = way_N2[pixels.core_P].T
    along_P, across_P = pixels.x_P * cosine_P + pixels.y_P * sine_P, pixels.y_P * cosine_P - pixels.x_P * sine_P
    height_N = pixels.mean_N(pixels.above_P + pixels.below_P, weights_P)
    upper = _edge(pixels, along_P, across_P - pixels.above_P, height_N)
    lower = _edge(pixels, along_P, across_P + pixels.below_P, height_N)
    begin_N, end_N = (sign * _reach(pixels, sign * along_P, sign * way_N2, maps.core - least) for sign in (-1, 1))
    middle_N = (begin_N + end_N) / 2
    height_N = lower.at(middle_N) - upper.at(middle_N)
    half_N = length_of(end_N - begin_N, height_N) / 2
    found_N = pixels.mean_N(weights_P, np.ones_like(weights_P))
    keep_N = (found_N >= finding.found) & (height_N >= finding.least_height_px)
    corners_N42 = _corners(way_N2, middle_N - half_N, middle_N + half_N, (upper, lower))
    missed_N = np.maximum(upper.missed_N, lower.missed_N)
    kept_K = np.flatnonzero(keep_N)
    bent_K = np.flatnonzero(((missed_N > BENT * height_N) & (half_N > height_N))[kept_K])
    bent: dict[int, np.ndarray] = {}
    if len(bent_K):
        cores_K = kept_K[bent_K]
        found = bent_outlines(pixels.some(cores_K), way_N2[cores_K], half_N[cores_K], finding.curved)
        bent = {int(bent_K[k]): outline_P2 for k, outline_P2 in found.items()}
    lines = _Lines(corners_N42[kept_K], bent, found_N[kept_K])
    if finding.gap is not None and len(kept_K):
        lines = _parted(lines, maps, prepared, Limits(finding.gap, finding.gap_core))
    return _on_page(lines, prepared)


def _parted(lines: _Lines, maps: Maps, prepared: PreparedPage, limits: Limits) -> _Lines:
    """Lines with those that wide gaps part in their parts; a curved line stays whole."""
    grey_HW = prepared.tensor_CHW.mean(0)
    parts = [
        [corners_42] if n in lines.bent else parted(corners_42, maps.core, grey_HW, limits)
        for n, corners_42 in enumerate(lines.corners_N42)
    ]
    n_parts_N = [len(each) for each in parts]
    first_N = np.cumsum([0, *n_parts_N]).tolist()
    bent = {first_N[n]: outline_P2 for n, outline_P2 in lines.bent.items()}
    return _Lines(np.concatenate(parts), bent, np.repeat(lines.found_N, n_parts_N))


def _edge(pixels: CorePixels, along_P: np.ndarray, edge_P: np.ndarray, height_N: np.ndarray) -> _Edge:
    """The straight line through what pixels say of an edge, then through those that do not stand out."""
    weights_P = pixels.probability_P
    for last in (False, True):
        along_N, mean_N = pixels.mean_N(along_P, weights_P), pixels.mean_N(edge_P, weights_P)
        a_P = along_P - along_N[pixels.core_P]
        rest_P = edge_P - mean_N[pixels.core_P]
        spread_N = pixels.mean_N(a_P * a_P, weights_P)
        long_N = spread_N * 12 > np.square(LEVER * height_N)  # a core of length l has a spread of l * l / 12
        slope_N = np.where(long_N, pixels.mean_N(a_P * rest_P, weights_P) / np.maximum(spread_N, 1e-9), 0.0)
        rest_P = rest_P - slope_N[pixels.core_P] * a_P
        if not last:
            weights_P = weights_P * (np.abs(rest_P) <= OUTLYING * height_N[pixels.core_P])
    return _Edge(mean_N, slope_N, along_N, np.sqrt(pixels.mean_N(rest_P * rest_P, pixels.probability_P)))


def _reach(pixels: CorePixels, along_P: np.ndarray, way_N2: np.ndarray, logit_HW: np.ndarray) -> np.ndarray:
    """How far cores reach along a way: to between their last pixels and the next ones, where the logit crosses 0."""
    last_N = np.maximum.reduceat(along_P, pixels.starts_N)
    last_K = np.flatnonzero(along_P > last_N[pixels.core_P] - STRIDE_PX)
    core_K, x_K, y_K = (values_P[last_K] for values_P in (pixels.core_P, pixels.x_P, pixels.y_P))
    step_K2 = STRIDE_PX * way_N2[core_K]
    here_K, beyond_K = _sampled(logit_HW, x_K, y_K), _sampled(logit_HW, x_K + step_K2[:, 0], y_K + step_K2[:, 1])
    ends_K = beyond_K < 0  # further pixels of the same core are beyond the others
    share_K = np.clip(here_K / np.maximum(here_K - beyond_K, 1e-6), 0, 1)
    reach_K = along_P[last_K] + STRIDE_PX * share_K
    counted_N, sum_N = (np.bincount(core_K, values_K, len(last_N)) for values_K in (ends_K, reach_K * ends_K))
    return np.where(counted_N > 0, sum_N / np.maximum(counted_N, 1), last_N + STRIDE_PX / 2)


def _sampled(map_HW: np.ndarray, x_K: np.ndarray, y_K: np.ndarray) -> np.ndarray:
    """A map at points of the prepared page, between its pixels' centres by bilinear interpolation."""
    height, width = map_HW.shape
    column_K, row_K = np.clip(x_K / STRIDE_PX - 0.5, 0, width - 1), np.clip(y_K / STRIDE_PX - 0.5, 0, height - 1)
    left_K, top_K = column_K.astype(int), row_K.astype(int)
    right_K, bottom_K = np.minimum(left_K + 1, width - 1), np.minimum(top_K + 1, height - 1)
    across_K, down_K = column_K - left_K, row_K - top_K
    upper_K = map_HW[top_K, left_K] * (1 - across_K) + map_HW[top_K, right_K] * across_K
    lower_K = map_HW[bottom_K, left_K] * (1 - across_K) + map_HW[bottom_K, right_K] * across_K
    return upper_K * (1 - down_K) + lower_K * down_K


def _corners(way_N2: np.ndarray, begin_N: np.ndarray, end_N: np.ndarray, edges: tuple[_Edge, _Edge]) -> np.ndarray:
    """The corners (N, 4, 2) of lines on the prepared page."""
    upper, lower = edges
    below_N2 = np.stack([-way_N2[:, 1], way_N2[:, 0]], axis=1)
    places = ((upper, begin_N), (upper, end_N), (lower, end_N), (lower, begin_N))
    return np.stack(
        [along_N[:, None] * way_N2 + edge.at(along_N)[:, None] * below_N2 for edge, along_N in places], axis=1
    )


def _on_page(lines: _Lines, prepared: PreparedPage) -> list[FoundLine]:
    """Lines of the prepared page as lines of the page as shown."""
    corners_N42 = lines.corners_N42 * prepared.scale_xy
    size_px = np.multiply(prepared.size_px, prepared.scale_xy)
    outlines = list(corners_N42)
    least_N2, most_N2 = corners_N42.min(1), corners_N42.max(1)
    for n, outline_P2 in lines.bent.items():
        outlines[n] = outline_P2 * prepared.scale_xy
        least_N2[n], most_N2[n] = outlines[n].min(0), outlines[n].max(0)
    boxes_N = np.clip(np.concatenate([least_N2, most_N2], axis=1), 0, np.tile(size_px, 2)).tolist()
    return [
        FoundLine(corners_42, outline_P2, (x0, y0, x1, y1), found)
        for corners_42, outline_P2, (x0, y0, x1, y1), found in zip(
            corners_N42, outlines, boxes_N, lines.found_N.tolist(), strict=True
        )
    ]
