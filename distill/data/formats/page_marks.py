"""What a description marks of a line: polygon and baseline; which way a baseline runs, and how high a line is.

A direction is a unit vector along the text, in pixels of a page whose y grows downwards.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from students.errors import DataError

ASCENT, DESCENT = 0.7, 0.25  # of the distance between baselines, where no polygon shows how high lines are
PARALLEL = 0.9  # cosine of the angle between baselines that may be neighbours
LEAST_DISTANCE_PX = 2  # nearer baselines are parts of one line
BY_NEIGHBOURS = "lines without a polygon, cut as high as the lines of their page that have one"
BY_DISTANCE = "lines without a polygon on their page, cut as high as the distance between its baselines"


class Marks(NamedTuple):
    """What a description says of a line, in pixels: its outline (P, 2) and its baseline (B, 2), where it has them.

    `ordered`: the format has the corners begin at the text's top left, clockwise. `around`: the direction that the
    description gives the region around the line.
    """

    polygon_P2: np.ndarray | None
    baseline_B2: np.ndarray | None = None
    text: str = ""
    ordered: bool = False
    around: np.ndarray | None = None


class _Directed(NamedTuple):
    """A baseline with the direction of its text, and the polygon around it where there is one."""

    baseline_B2: np.ndarray
    direction: np.ndarray
    polygon_P2: np.ndarray | None


def upwards(direction: np.ndarray) -> np.ndarray:
    """Return the direction from the bottom of a text to its top."""
    return np.array([direction[1], -direction[0]])


def direction_along(marks: Marks) -> tuple[np.ndarray | None, bool]:
    """Return the direction of a line by its baseline, None without one, and whether that was drawn from the right.

    A baseline that runs leftwards belongs to text upside down where more of the polygon lies above it, seen along it;
    else, and in a script that is written so, it was drawn from right to left under upright text.
    """
    baseline_B2 = marks.baseline_B2
    if baseline_B2 is None:
        return None, False
    way = baseline_B2[-1] - baseline_B2[0]
    direction = way / math.hypot(*way)
    if len(baseline_B2) > 2:
        axis = _main_axis(baseline_B2)
        direction = axis if axis @ way >= 0 else -axis
    if direction[0] >= -abs(direction[1]):
        return direction, False
    above, below = 1.0, 0.0
    if marks.polygon_P2 is not None:
        above, below = _extent(baseline_B2, marks.polygon_P2, direction)
    if above >= below and not any(unicodedata.bidirectional(c) in ("R", "AL") for c in marks.text):
        return direction, False
    return -direction, True


def _main_axis(points_B2: np.ndarray) -> np.ndarray:
    """The direction along which points scatter most."""
    centred_B2 = points_B2 - points_B2.sum(0) / len(points_B2)
    (xx, xy), (_, yy) = (centred_B2.T @ centred_B2).tolist()
    angle = math.atan2(2 * xy, xx - yy) / 2
    return np.array([math.cos(angle), math.sin(angle)])


def with_outlines(lines: Sequence[Marks | DataError], note: Callable[[int, str], None]) -> list[Marks | DataError]:
    """Return the lines of a page, those that have a baseline and no polygon with one of the height of their neighbours.

    That is the median of how far other polygons reach above and below their baselines, or else a share of the median
    distance between baselines. Where a page has neither, the line becomes an error.
    """
    if not any(isinstance(line, Marks) and line.polygon_P2 is None for line in lines):
        return list(lines)
    directed = [each for line in lines if isinstance(line, Marks) and (each := _directed(line)) is not None]
    height, rule = _height(directed)
    outlined = list(lines)
    for i, line in enumerate(lines):
        if isinstance(line, DataError) or line.polygon_P2 is not None:
            continue
        found = _directed(line)
        if height is None or found is None:
            outlined[i] = DataError("it has no polygon, and no line beside its baseline shows how high it is")
            continue
        outlined[i] = line._replace(polygon_P2=_outline(found, *height))
        note(i, rule)
    return outlined


def _directed(marks: Marks) -> _Directed | None:
    direction, _ = direction_along(marks)
    if marks.baseline_B2 is None or direction is None:
        return None
    return _Directed(marks.baseline_B2, direction, marks.polygon_P2)


def _height(lines: Sequence[_Directed]) -> tuple[tuple[float, float] | None, str]:
    """How far lines reach above and below their baselines, in pixels, and the rule by which that is known."""
    extents = [_extent(baseline, polygon, way) for baseline, way, polygon in lines if polygon is not None]
    if extents:
        above, below = np.median(extents, axis=0)
        return (float(above), float(below)), BY_NEIGHBOURS
    distances = [distance for line in lines if (distance := _distance(line, lines)) is not None]
    if not distances:
        return None, ""
    distance = float(np.median(distances))
    return (ASCENT * distance, DESCENT * distance), BY_DISTANCE


def _extent(baseline_B2: np.ndarray, polygon_P2: np.ndarray, direction: np.ndarray) -> tuple[float, float]:
    """How far a polygon reaches above its baseline and below it, seen along the direction."""
    above_P = (polygon_P2 - baseline_B2.mean(0)) @ upwards(direction)
    return float(above_P.max()), float(-above_P.min())


def _outline(line: _Directed, above: float, below: float) -> np.ndarray:
    """The polygon (2 B, 2) that reaches so far above a baseline and below it, from its top left on, clockwise."""
    baseline_B2, up = line.baseline_B2, upwards(line.direction)
    if (baseline_B2[-1] - baseline_B2[0]) @ line.direction < 0:
        baseline_B2 = baseline_B2[::-1]
    return np.concatenate([baseline_B2 + above * up, (baseline_B2 - below * up)[::-1]])


def _distance(line: _Directed, lines: Sequence[_Directed]) -> float | None:
    """The distance to the nearest of the baselines that run beside this one; None where none does."""
    along_B, up = line.baseline_B2 @ line.direction, upwards(line.direction)
    distances = []
    for other in lines:
        beside_B = other.baseline_B2 @ line.direction
        distance = abs(float((other.baseline_B2.mean(0) - line.baseline_B2.mean(0)) @ up))
        overlap = min(along_B.max(), beside_B.max()) > max(along_B.min(), beside_B.min())
        if overlap and distance >= LEAST_DISTANCE_PX and other.direction @ line.direction >= PARALLEL:
            distances.append(distance)
    return min(distances, default=None)
