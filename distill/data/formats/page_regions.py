"""Which part of a page a line is, and which way its text runs: from corners, polygon and baseline to a region.

Coordinates count pixels from the page's top left corner; edges of pixels are whole numbers. A direction is a unit
vector along the text. Where quarters of a turn make a line level it is turned by them, which costs no sharpness; else
the corners that were marked, or a rectangle along the text, are warped.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np

from distill.data.formats.page_marks import Marks, direction_along, upwards
from students.errors import DataError
from students.pages.cutting import LEVEL_PX, quarters_along

OUTSIDE_PX, OUTSIDE_SHARE = 10, 0.01  # so far a corner may lie outside the page: the larger of pixels and share
WORTH = 0.9  # a polygon is straightened where its rectangle is at most so high, compared with its box
LONG = 1.5  # sides of this ratio, or more, show which of them the text runs along
TALL_CHARACTERS = 4  # a box higher than wide with so many characters holds text that is turned
RIGHT = np.array([1.0, 0.0])
ROLLED = [[0, 1, 2, 3], [1, 2, 3, 0], [2, 3, 0, 1], [3, 0, 1, 2]]  # corners from each on
Note = Callable[[str], None]


class Region(NamedTuple):
    """What is inside the polygon, turned anticlockwise by `quarters`; or where there is a frame, warped.

    `frame_42`: the corners that become the line's top left, top right, bottom right and bottom left.
    """

    polygon_P2: np.ndarray
    quarters: int = 0
    frame_42: np.ndarray | None = None


def region_of(marks: Marks, size_px: tuple[int, int], note: Note) -> Region:
    """Return the region of a line on a page of this width and height; raises `DataError` for marks that give none.

    Four corners are the frame. Other polygons get the rectangle around them along the baseline, or along their
    smallest rectangle.
    """
    if marks.polygon_P2 is None:
        raise DataError("it has neither polygon nor baseline")
    if marks.baseline_B2 is None and marks.around is None and _is_upright_box(marks.polygon_P2, size_px):
        return Region(marks.polygon_P2)  # as most lines are: the same as below, in a tenth of the time
    polygon_P2 = _without_doubles(marks.polygon_P2)
    marks = marks._replace(polygon_P2=polygon_P2)
    inside_P2 = _inside_page(polygon_P2, size_px, note)
    direction = _direction(marks, polygon_P2, note)
    if len(polygon_P2) == 4 and cv2.isContourConvex(polygon_P2.astype(np.float32)):
        region = _of_corners(polygon_P2, marks, direction, note)
    else:
        region = _of_outline(polygon_P2, direction, note)
    if region.frame_42 is not None or region.quarters:
        note("lines slanted or turned, straightened")
    return region if region.frame_42 is not None else region._replace(polygon_P2=inside_P2)


def _is_upright_box(polygon_P2: np.ndarray, size_px: tuple[int, int]) -> bool:
    """Whether it is a box on the page that begins at its top left corner and goes round clockwise."""
    if len(polygon_P2) != 4:
        return False
    (left, top), (right, over), (far, bottom), (near, under) = polygon_P2.tolist()
    width, height = size_px
    sides = left == near and top == over and right == far and bottom == under
    return sides and 0 <= left <= right - 1 and right <= width and 0 <= top <= bottom - 1 and bottom <= height


def _without_doubles(polygon_P2: np.ndarray) -> np.ndarray:
    """The corners without those that the next one repeats, as the first does the last of a closed ring."""
    corners = polygon_P2.tolist()
    kept = [corner for corner, after in zip(corners, corners[1:] + corners[:1], strict=True) if corner != after]
    return polygon_P2 if len(kept) == len(corners) or len(kept) < 3 else np.array(kept)


def _inside_page(polygon_P2: np.ndarray, size_px: tuple[int, int], note: Note) -> np.ndarray:
    """The polygon clipped to the page, where no corner lies far outside; raises `DataError`."""
    inside_P2, (width, height) = polygon_P2, size_px
    (left, top), (right, bottom) = polygon_P2.min(0).tolist(), polygon_P2.max(0).tolist()
    if not (left >= 0 and top >= 0 and right <= width and bottom <= height):  # nor for a corner that is no number
        beyond_P2 = np.maximum(-polygon_P2, polygon_P2 - size_px)
        near_P = (beyond_P2 <= np.maximum(OUTSIDE_PX, OUTSIDE_SHARE * np.array(size_px))).all(axis=1)
        if not near_P.all():
            x, y = polygon_P2[~near_P][0]
            raise DataError(f"its polygon leaves the page of {width} x {height} px at {x:g},{y:g}")
        inside_P2 = polygon_P2.clip(0, size_px)
    if cv2.contourArea(inside_P2.astype(np.float32)) < 1:
        raise DataError("its polygon encloses nothing")
    if inside_P2 is not polygon_P2:
        note("lines with a corner a few pixels outside the page, clipped to it")
    return inside_P2


def _direction(marks: Marks, polygon_P2: np.ndarray, note: Note) -> np.ndarray | None:
    """Which way the text runs, where something beside the outline says so."""
    along, from_the_right = direction_along(marks)
    if from_the_right:
        note("lines with a baseline drawn from right to left under upright text, cut upright")
    if along is not None:
        return along
    if marks.around is not None:
        length, height = _extent(polygon_P2, marks.around)
        if length >= height:
            return marks.around
    if marks.ordered and len(polygon_P2) != 4 and len(polygon_P2) % 2 == 0:
        return _between_ends(polygon_P2)
    return None


def _between_ends(polygon_P2: np.ndarray) -> np.ndarray:
    """From the middle of the left edge to that of the right: half of the points go along the top, half come back."""
    half = len(polygon_P2) // 2
    clockwise_P2 = polygon_P2 if _clockwise(polygon_P2) else np.roll(polygon_P2[::-1], 1, axis=0)
    way = clockwise_P2[half - 1] + clockwise_P2[half] - clockwise_P2[0] - clockwise_P2[-1]
    return way / max(np.linalg.norm(way), 1e-9)


def _of_corners(polygon_42: np.ndarray, marks: Marks, direction: np.ndarray | None, note: Note) -> Region:
    """Four corners are the frame, from that one on where the text begins."""
    corners_42 = polygon_42
    if not _clockwise(corners_42):
        corners_42 = corners_42[[0, 3, 2, 1]]
        if marks.ordered:
            note("lines with corners that run anticlockwise, read clockwise from the first")
    box_42 = _box(corners_42)
    first = 0 if marks.ordered else _first_corner(corners_42, box_42, marks.text, direction, note)
    corners_42 = corners_42[ROLLED[first]]
    quarters = quarters_along(corners_42[1] - corners_42[0])
    if _far(corners_42[ROLLED[-quarters]], box_42) <= LEVEL_PX:
        return Region(polygon_42, quarters)
    return Region(polygon_42, 0, corners_42)


def _first_corner(
    corners_42: np.ndarray, box_42: np.ndarray, text: str, direction: np.ndarray | None, note: Note
) -> int:
    """The corner at the text's top left, of clockwise corners that may begin anywhere.

    Without a direction: text runs along the long sides. Slanted corners are believed to begin at its top left; an
    upright box holds upright text, unless it is high, has several characters and its first side is a long one.
    """
    sides_42 = corners_42[ROLLED[1]] - corners_42
    lengths_4 = np.hypot(*sides_42.T)
    rightwards = int(np.argmax(sides_42 @ (RIGHT if direction is None else direction) / np.maximum(lengths_4, 1e-9)))
    if direction is not None or rightwards == 0:
        return rightwards
    ahead, aside = lengths_4[0] + lengths_4[2], lengths_4[1] + lengths_4[3]
    upright = min(_far(corners_42[rolled], box_42) for rolled in ROLLED) <= LEVEL_PX
    if upright:
        if ahead >= LONG * aside and rightwards % 2 and len(text) >= TALL_CHARACTERS:
            note("lines in high boxes, turned by the order of their corners, as they have no baseline")
            return 0
        if rightwards == 2 and ahead > aside:
            note("lines in boxes that begin at the bottom right and have no baseline, cut as upright text")
        return rightwards
    if ahead >= aside:
        return 0
    return 1 if sides_42[1, 0] >= sides_42[3, 0] else 3


def _of_outline(polygon_P2: np.ndarray, direction: np.ndarray | None, note: Note) -> Region:
    """The rectangle around an outline along its text, where it is clearly less high than a box around it."""
    axis = _axis(polygon_P2) if direction is None else direction
    if axis is None:
        return Region(polygon_P2)
    quarters = quarters_along(axis)
    _, height = _extent(polygon_P2, axis)
    _, level_height = _extent(polygon_P2, _quarter(quarters))
    if height > WORTH * level_height:
        return Region(polygon_P2, 0 if direction is None else quarters)
    if direction is None:
        note("lines without a baseline, straightened along the smallest rectangle around their polygon")
    return Region(polygon_P2, 0, _rectangle(polygon_P2, axis))


def _axis(polygon_P2: np.ndarray) -> np.ndarray | None:
    """The direction of the long sides of the smallest rectangle around it, rightwards; None where it is no long one."""
    corners_42 = cv2.boxPoints(cv2.minAreaRect(polygon_P2.astype(np.float32))).astype(np.float64)
    one, other = corners_42[1] - corners_42[0], corners_42[2] - corners_42[1]
    lengths = math.hypot(*one), math.hypot(*other)
    if max(lengths) < LONG * min(lengths) or max(lengths) == 0:
        return None
    long: np.ndarray = one if lengths[0] >= lengths[1] else other
    return (long if long[0] >= 0 else -long) / max(lengths)


def _extent(polygon_P2: np.ndarray, direction: np.ndarray) -> tuple[float, float]:
    """Length and height of the rectangle around a polygon along a direction."""
    along_P, up_P = polygon_P2 @ direction, polygon_P2 @ upwards(direction)
    return float(along_P.max() - along_P.min()), float(up_P.max() - up_P.min())


def _rectangle(polygon_P2: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """The corners of that rectangle from the text's top left on, clockwise, (4, 2)."""
    down = -upwards(direction)
    along_P, down_P = polygon_P2 @ direction, polygon_P2 @ down
    begin, end, top, bottom = along_P.min(), along_P.max(), down_P.min(), down_P.max()
    return np.array([a * direction + d * down for a, d in ((begin, top), (end, top), (end, bottom), (begin, bottom))])


def _box(polygon_P2: np.ndarray) -> np.ndarray:
    """The corners of the upright box around a polygon, from the top left on, clockwise, (4, 2)."""
    (left, top), (right, bottom) = polygon_P2.min(0), polygon_P2.max(0)
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])


def _far(corners_42: np.ndarray, others_42: np.ndarray) -> float:
    return float(np.abs(corners_42 - others_42).max())


def _clockwise(polygon_P2: np.ndarray) -> bool:
    """Whether the corners go round clockwise as the page is seen, where y grows downwards."""
    return cv2.contourArea(polygon_P2.astype(np.float32), oriented=True) > 0


def _quarter(quarters: int) -> np.ndarray:
    return np.array([(1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0)][quarters])
