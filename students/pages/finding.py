"""From a locator's maps to the lines of a page: cores that hang together, widened to their edges.

Every pixel of a core tells where the two long edges of its line are. Straight lines through what they say, fitted
without those that stand out, are the edges; the ends are those of the core and what it was shrunk by.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from students.pages.maps import Maps, length_of
from students.pages.preparation import STRIDE_PX, PreparedPage

END_PX = STRIDE_PX / 2  # a core ends between its last pixel's centre and the next one's: in the middle on average
JUMP = 0.5  # of a height: neighbours whose lines' middles are further apart belong to two lines
OUTLYING = 0.25  # of a height: what says that an edge is so far from where most say is left out
LEVER = 1.0  # of a height: edges of a shorter line are taken as parallel to its direction, since pixels tell no slope
BENT = 0.04  # of a height: straight edges that pixels miss by more on average may be those of a curved line


class Finding(BaseModel):
    """How lines are made of a locator's maps; part of its model file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    core: float = Field(0.5, gt=0, lt=1, description="a pixel this probable belongs to the core of a line")
    found: float = Field(0.6, ge=0, lt=1, description="a line whose core is less probable on average is left out")
    least_height_px: float = Field(4.0, ge=1, description="a line less high on the prepared page is left out")
    curved: float = Field(
        0.2, gt=0, description="a line that bends by more, of its height, is a polygon of more than 4 points"
    )
    margin: float = Field(0.0, ge=0, le=1, description="so much of its height is cut around a line for the recogniser")
    right_to_left: bool = Field(False, description="columns and the parts of a row are read from the right")


class FoundLine(NamedTuple):
    """A line on a page, in pixels of the page as shown; clockwise from the text's top left.

    `polygon_P2` has as many points along the top as along the bottom: the corners themselves, or more of a curved line.
    `box` is the upright rectangle around it on the page: x0, y0, x1, y1. `found` is the mean probability of its core.
    """

    corners_42: np.ndarray
    polygon_P2: np.ndarray
    box: tuple[float, float, float, float]
    found: float


class _Pixels(NamedTuple):
    """Pixels of cores, those of a component together. Coordinates and distances in pixels of the prepared page."""

    component_P: np.ndarray
    starts_N: np.ndarray  # the first pixel of every component
    x_P: np.ndarray
    y_P: np.ndarray
    probability_P: np.ndarray
    above_P: np.ndarray
    below_P: np.ndarray
    cosine_P: np.ndarray
    sine_P: np.ndarray

    def sum_N(self, weights_P: np.ndarray) -> np.ndarray:
        """Add up what belongs to the pixels of each component."""
        return np.add.reduceat(weights_P, self.starts_N)

    def mean_N(self, values_P: np.ndarray, weights_P: np.ndarray) -> np.ndarray:
        """Return the weighted mean of each component."""
        return self.sum_N(values_P * weights_P) / np.maximum(self.sum_N(weights_P), 1e-9)


class _Edge(NamedTuple):
    """An edge of each line: how far below the origin, across its direction, at a place along it."""

    mean_N: np.ndarray
    slope_N: np.ndarray
    along_N: np.ndarray  # where the mean is
    missed_N: np.ndarray  # root mean square of what the pixels miss it by

    def at(self, along_N: np.ndarray) -> np.ndarray:
        """Return where the edges are at these places."""
        return self.mean_N + self.slope_N * (along_N - self.along_N)


def find_lines(maps: Maps, prepared: PreparedPage, finding: Finding) -> list[FoundLine]:
    """Return the lines that the maps of a page show, in no order of reading."""
    pixels = _core_pixels(maps, prepared, finding)
    if pixels is None:
        return []
    weights_P = pixels.probability_P
    cosine_N, sine_N = (pixels.mean_N(values_P, weights_P) for values_P in (pixels.cosine_P, pixels.sine_P))
    length_N = np.maximum(np.hypot(cosine_N, sine_N), 1e-6)
    cosine_N, sine_N = cosine_N / length_N, sine_N / length_N
    cosine_P, sine_P = cosine_N[pixels.component_P], sine_N[pixels.component_P]
    along_P = pixels.x_P * cosine_P + pixels.y_P * sine_P
    across_P = pixels.y_P * cosine_P - pixels.x_P * sine_P
    height_N = pixels.mean_N(pixels.above_P + pixels.below_P, weights_P)
    upper = _edge(pixels, along_P, across_P - pixels.above_P, height_N)
    lower = _edge(pixels, along_P, across_P + pixels.below_P, height_N)
    begin_N = np.minimum.reduceat(along_P, pixels.starts_N) - END_PX
    end_N = np.maximum.reduceat(along_P, pixels.starts_N) + END_PX
    middle_N = (begin_N + end_N) / 2
    height_N = lower.at(middle_N) - upper.at(middle_N)
    half_N = length_of(end_N - begin_N, height_N) / 2
    corners_N42 = np.stack(
        [
            np.stack([a_N * cosine_N - b_N * sine_N, a_N * sine_N + b_N * cosine_N], axis=1)
            for edge, a_N in (
                (upper, middle_N - half_N),
                (upper, middle_N + half_N),
                (lower, middle_N + half_N),
                (lower, middle_N - half_N),
            )
            for b_N in (edge.at(a_N),)
        ],
        axis=1,
    )
    found_N = pixels.mean_N(weights_P, np.ones_like(weights_P))
    keep_N = (found_N >= finding.found) & (height_N >= finding.least_height_px)
    return _as_found(corners_N42[keep_N] * prepared.scale_xy, found_N[keep_N], prepared)


def _core_pixels(maps: Maps, prepared: PreparedPage, finding: Finding) -> _Pixels | None:
    """The pixels of the cores, by component; None where there are none."""
    width, height = (-(-side // STRIDE_PX) for side in prepared.size_px)
    inside = Maps(*(map_HW[:height, :width] for map_HW in maps))
    core_HW = inside.core > math.log(finding.core / (1 - finding.core))
    _come_apart(core_HW, inside)
    n, labels_HW = cv2.connectedComponents(core_HW.astype(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    if n == 1:
        return None
    places_P = np.flatnonzero(core_HW)
    component_P = labels_HW.ravel()[places_P] - 1
    order_P = np.argsort(component_P.astype(np.uint16) if n <= 2**16 else component_P, kind="stable")
    places_P, component_P = places_P[order_P], component_P[order_P]
    rows_P, columns_P = np.divmod(places_P, core_HW.shape[1])
    logit_P, above_P, below_P, cosine_P, sine_P = (map_HW[rows_P, columns_P].astype(np.float64) for map_HW in inside)
    return _Pixels(
        component_P,
        np.flatnonzero(np.diff(component_P, prepend=-1)),
        (columns_P + 0.5) * STRIDE_PX,
        (rows_P + 0.5) * STRIDE_PX,
        1 / (1 + np.exp(-logit_P)),
        above_P,
        below_P,
        cosine_P,
        sine_P,
    )


def _come_apart(core_HW: np.ndarray, maps: Maps) -> None:
    """Clear, in place, neighbours whose distances say that they belong to two lines."""
    up_HW = (maps.below - maps.above) / 2  # from the pixel to the middle of its line
    middle_x_HW, middle_y_HW = -up_HW * maps.sine, up_HW * maps.cosine
    far_HW = (maps.above + maps.below) * JUMP
    for step_y, step_x in ((1, 0), (0, 1)):
        here = slice(None, -1) if step_y else slice(None), slice(None, -1) if step_x else slice(None)
        there = slice(1, None) if step_y else slice(None), slice(1, None) if step_x else slice(None)
        both = core_HW[here] & core_HW[there]
        dx = middle_x_HW[there] - middle_x_HW[here] + step_x * STRIDE_PX
        dy = middle_y_HW[there] - middle_y_HW[here] + step_y * STRIDE_PX
        jump = np.abs(dy * maps.cosine[here] - dx * maps.sine[here])
        both &= jump > np.minimum(far_HW[here], far_HW[there])
        core_HW[here] &= ~both
        core_HW[there] &= ~both


def _edge(pixels: _Pixels, along_P: np.ndarray, edge_P: np.ndarray, height_N: np.ndarray) -> _Edge:
    """The straight line through what pixels say of an edge, then through those that do not stand out."""
    weights_P = pixels.probability_P
    for last in (False, True):
        along_N, mean_N = pixels.mean_N(along_P, weights_P), pixels.mean_N(edge_P, weights_P)
        a_P = along_P - along_N[pixels.component_P]
        rest_P = edge_P - mean_N[pixels.component_P]
        spread_N = pixels.mean_N(a_P * a_P, weights_P)
        long_N = spread_N * 12 > np.square(LEVER * height_N)
        slope_N = np.where(long_N, pixels.mean_N(a_P * rest_P, weights_P) / np.maximum(spread_N, 1e-9), 0.0)
        rest_P = rest_P - slope_N[pixels.component_P] * a_P
        if not last:
            weights_P = weights_P * (np.abs(rest_P) <= OUTLYING * height_N[pixels.component_P])
    return _Edge(mean_N, slope_N, along_N, np.sqrt(pixels.mean_N(rest_P * rest_P, pixels.probability_P)))


def _as_found(corners_N42: np.ndarray, found_N: np.ndarray, prepared: PreparedPage) -> list[FoundLine]:
    size_px = np.multiply(prepared.size_px, prepared.scale_xy)
    least_N2, most_N2 = (np.clip(ends_N2, 0, size_px) for ends_N2 in (corners_N42.min(1), corners_N42.max(1)))
    boxes = np.concatenate([least_N2, most_N2], axis=1).tolist()
    return [
        FoundLine(corners_42, corners_42, (box[0], box[1], box[2], box[3]), found)
        for corners_42, box, found in zip(corners_N42, boxes, found_N.tolist(), strict=True)
    ]
