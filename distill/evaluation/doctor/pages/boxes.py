"""Boxes that cannot be right: beside the page, upon each other, empty, of another size than what stands about them."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from distill.data.pages.matching import boxes_of
from distill.data.pages.record import PageRecord
from distill.data.pages.targets import LEAST_HEIGHT_PX
from distill.evaluation.doctor.pages.looked import LookedAt
from distill.evaluation.doctor.pages.places import (
    Found,
    Place,
    Spot,
    counted_lines,
    found,
    height_of,
    spot_of_line,
)
from distill.evaluation.doctor.pictures import ALMOST_BLANK
from students.pages.preparation import PagePreparation

OFF_PAGE = 0.1  # of its area, from which a box leaves the page
SHARED = 0.5  # of the smaller one's area, from which two boxes are upon each other
SAME = 0.8  # of the area that two boxes cover together, from which they are one line marked twice
NEIGHBOURS, LEAST_NEIGHBOURS = 8, 4  # nearest boxes of the page, whose median height a box is compared with
LARGER, SMALLER = 4.0, 0.35  # times it: headings are larger, and dots and single letters lower


def findings_in_boxes(part: str, looked: LookedAt, preparation: PagePreparation | None = None) -> list[Found]:
    """Return findings on the boxes of a part; `preparation`: how pages are scaled for learning, where that is known."""
    beside: list[tuple[float, Spot]] = []
    over: list[tuple[float, Spot]] = []
    twice: list[tuple[float, Spot]] = []
    upon: list[tuple[float, Spot]] = []
    empty: list[tuple[float, Spot]] = []
    large: list[tuple[float, Spot]] = []
    small: list[tuple[float, Spot]] = []
    tiny: list[tuple[float, Spot]] = []
    for i, page in enumerate(looked.pages):
        size_px = int(looked.width_px[i]), int(looked.height_px[i])
        for share, outside, spot in _off_page(page, size_px):
            (beside if outside else over).append((share, spot))
        for share, same, spot in _overlapping(page):
            (twice if same else upon).append((share, spot))
        empty += _empty(page, looked.box_contrast[i])
        for ratio, spot in _out_of_size(page):
            (large if ratio > 1 else small).append((max(ratio, 1 / ratio), spot))
        if preparation is not None:
            tiny += _tiny(page, preparation.scaled_size_px(*size_px)[0] / size_px[0])
    advice = "do boxes and picture belong together, or is it turned?"
    result = found("problem", "box", part, _worst(beside), "boxes beside the page", advice)
    result += found("note", "over-edge", part, _worst(over), "boxes that leave the page", advice)
    result += found("note", "twice", part, _worst(twice), "marked twice", "take one of the two boxes out")
    advice = "one of them holds several lines, or is at the wrong place: they cannot be told apart"
    result += found("note", "overlap", part, _worst(upon), "boxes that lie upon another", advice)
    advice = "is there text that is too pale, or is the box at the wrong place? an ignored line is no background"
    result += found("note", "blank", part, _worst(empty), "boxes with almost nothing in them", advice)
    advice = "a box about several lines teaches to merge them; a heading is no fault"
    result += found("note", "large", part, _worst(large), "boxes far higher than those about them", advice)
    result += found("note", "small", part, _worst(small), "boxes far lower than those about them", "look at them")
    what, advice = f"below {LEAST_HEIGHT_PX} px once scaled", "raise page.pixels, or mark them as ignored"
    return result + found("note", "tiny", part, _worst(tiny), what, advice)


def pages_without_boxes(part: str, looked: LookedAt) -> list[Found]:
    """Return notes on pages that nobody marked, and on those that are marked to have no line."""
    unmarked = [Spot(page.key, page.key, Place(page)) for page in looked.pages if page.lines is None]
    without = [Spot(page.key, page.key, Place(page)) for page in looked.pages if page.lines == ()]
    what = "without boxes, on which the teacher alone is followed"
    result = found("note", "unmarked", part, unmarked, what, "", "page")
    advice = "all of it is learnt as background: is there really no text?"
    return result + found("note", "no-line", part, without, "marked to have no line", advice, "page")


def _worst(ranked: list[tuple[float, Spot]]) -> list[Spot]:
    """Spots with the highest figure first; of equal ones in the order in which they were found."""
    return [spot for _, spot in sorted(ranked, key=lambda one: -one[0])]


def _off_page(page: PageRecord, size_px: tuple[int, int]) -> Iterator[tuple[float, bool, Spot]]:
    """The share of each box that is not on the page, where it is large, and whether its middle is not."""
    width, height = size_px
    edge_42 = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    for i, line in enumerate(page.lines or ()):
        corners_42 = line.corners_42.astype(np.float32)
        if corners_42.min() >= 0 and (corners_42.max(0) <= size_px).all():
            continue
        area = abs(cv2.contourArea(corners_42))
        share = 1 - cv2.intersectConvexConvex(corners_42, edge_42)[0] / area if area else 1.0
        x, y = corners_42.mean(0).tolist()
        outside = not (0 <= x <= width and 0 <= y <= height)
        if outside or share > OFF_PAGE:
            about = f"{share:.0%} of its box {_box(corners_42)} is not on the page of {width} x {height} px"
            yield share, outside, spot_of_line(page, i, about)


def _overlapping(page: PageRecord) -> Iterator[tuple[float, bool, Spot]]:
    """Pairs of boxes that share much of the smaller one, how much, and whether they are one line marked twice."""
    lines = page.lines or ()
    if len(lines) < 2:
        return
    boxes_N4 = boxes_of([line.corners_42 for line in lines])
    near_NN = (boxes_N4[:, None, :2] < boxes_N4[None, :, 2:]).all(2) & (
        boxes_N4[None, :, :2] < boxes_N4[:, None, 2:]
    ).all(2)
    for i, j in zip(*np.nonzero(np.triu(near_NN, 1)), strict=True):
        one, other = (lines[n].corners_42.astype(np.float32) for n in (int(i), int(j)))
        areas = abs(cv2.contourArea(one)), abs(cv2.contourArea(other))
        shared = cv2.intersectConvexConvex(one, other)[0]
        share = shared / max(min(areas), 1e-9)
        if share <= SHARED or (lines[i].ignored and lines[j].ignored):
            continue
        same = shared > SAME * (sum(areas) - shared)
        inner, outer = (i, j) if areas[0] <= areas[1] else (j, i)
        about = f"{share:.0%} of its box {_box(lines[inner].corners_42)} lies in {_box(lines[outer].corners_42)}"
        yield share, bool(same), spot_of_line(page, int(inner), about, int(outer))


def _empty(page: PageRecord, contrast_N: np.ndarray) -> Iterator[tuple[float, Spot]]:
    """Boxes in which there is hardly any contrast."""
    for i in counted_lines(page):
        if contrast_N[i] < ALMOST_BLANK and (page.lines or ())[i].text != "":
            about = f"{contrast_N[i]:.0f} grey levels in its box {_box((page.lines or ())[i].corners_42)}"
            yield -float(contrast_N[i]), spot_of_line(page, i, about)


def _out_of_size(page: PageRecord) -> Iterator[tuple[float, Spot]]:
    """Boxes far higher or lower than the median of the nearest ones, and how many times."""
    numbers = counted_lines(page)
    if len(numbers) <= LEAST_NEIGHBOURS:
        return
    lines = [(page.lines or ())[i] for i in numbers]
    boxes_N4, heights_N = boxes_of([line.corners_42 for line in lines]), np.array([height_of(line) for line in lines])
    gaps_NN2 = np.maximum(boxes_N4[:, None, :2] - boxes_N4[None, :, 2:], boxes_N4[None, :, :2] - boxes_N4[:, None, 2:])
    away_NN = np.hypot(*np.maximum(gaps_NN2, 0).transpose(2, 0, 1))
    np.fill_diagonal(away_NN, np.inf)
    nearest_NK = np.argsort(away_NN, axis=1, kind="stable")[:, : min(NEIGHBOURS, len(numbers) - 1)]
    usual_N = np.median(heights_N[nearest_NK], axis=1)
    for k in np.flatnonzero((heights_N > LARGER * usual_N) | (heights_N < SMALLER * usual_N)).tolist():
        about = f"{heights_N[k]:.0f} px high, {usual_N[k]:.0f} px the median of those about it"
        yield float(max(heights_N[k], 1e-3) / max(usual_N[k], 1e-3)), spot_of_line(page, numbers[k], about)


def _tiny(page: PageRecord, scale: float) -> Iterator[tuple[float, Spot]]:
    """Lines that are too low to be learnt at the size that the page is scaled to."""
    for i in counted_lines(page):
        height_px = scale * height_of((page.lines or ())[i])
        if height_px < LEAST_HEIGHT_PX:
            yield -height_px, spot_of_line(page, i, f"{height_px:.1f} px high once scaled")


def _box(corners_42: np.ndarray) -> list[int]:
    """The upright box around corners, in whole pixels: x0, y0, x1, y1."""
    return [round(float(edge)) for edge in (*corners_42.min(0), *corners_42.max(0))]
