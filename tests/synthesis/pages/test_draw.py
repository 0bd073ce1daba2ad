"""Drawn pages: a function of source and number, with boxes that hold all ink of their lines and little else."""

from __future__ import annotations

import random
from itertools import combinations
from pathlib import Path
from typing import Any, get_args

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from distill.data.pages.record import MarkedLine
from distill.synthesis.pages.contact import sheet
from distill.synthesis.pages.draw import draw_page, framed, set_page
from distill.synthesis.pages.layouts import LAYOUTS
from distill.synthesis.pages.lines import MARGIN_X, MARGIN_Y, SheetLine, lines_of
from distill.synthesis.pages.source import DrawnPagesSource, LayoutName, PageLook

FONTS = ("dejavu-sans", "dejavu-sans-mono", "dejavu-serif")
SMALL: dict[str, Any] = {"sheet_pixels": (150_000, 300_000)}
CLEAN: dict[str, Any] = {name: 0.0 for name in PageLook.model_fields if name.endswith("_probability")} | {
    "paper_grey": (255, 255),
    "ink_grey": (0, 0),
    "ink_spread": (1, 1),
    "sheet_pixels": (200_000, 400_000),
}


def _source(layout: str, **look: Any) -> DrawnPagesSource:
    return DrawnPagesSource(
        name="drawn", pages=9, seed=5, layouts=(layout,), fonts=FONTS, look=PageLook(**(SMALL | look))
    )


def test_every_layout_of_the_schema_is_there() -> None:
    assert set(LAYOUTS) == set(get_args(LayoutName))
    assert len(LAYOUTS) >= 10


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_page_is_a_function_of_source_and_number(layout: str) -> None:
    source = _source(layout)
    page, lines = draw_page(source, 1)
    draw_page(source, 2)
    again, lines_again = draw_page(source, 1)
    assert np.array_equal(page, again)
    assert [line.text for line in lines] == [line.text for line in lines_again]
    assert all(np.array_equal(a.corners_42, b.corners_42) for a, b in zip(lines, lines_again, strict=True))
    assert not np.array_equal(page.shape, draw_page(source, 2)[0].shape)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_line_lies_outside_and_no_two_overlap_heavily(layout: str) -> None:
    for number in range(3):
        page, lines = draw_page(_source(layout, skew_probability=1, perspective_probability=1), number)
        if layout == "sparse" and not lines:
            continue  # a photograph without text
        assert lines
        corners = np.stack([line.corners_42 for line in lines])
        assert corners.min() >= 0
        assert (corners.max((0, 1)) <= page.shape[1::-1]).all()
        assert all(line.text and line.text == line.text.strip() for line in lines)
        assert max((_overlap(a, b) for a, b in combinations(lines, 2)), default=0) < 0.35


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_line_stands_out_from_its_ground(layout: str) -> None:
    """Whatever fades, darkens or inverts a page, no line is marked that nobody sees."""
    source = _source(layout, fade_probability=1, bilevel_probability=0.5, shadow_probability=0.5, glare_probability=0.5)
    for number in range(4, 6):
        page, lines = draw_page(source, number)
        grey_HW = page if page.ndim == 2 else cv2.cvtColor(page, cv2.COLOR_RGB2GRAY)
        for line in lines:
            (left, top), (right, bottom) = line.corners_42.min(0).astype(int), line.corners_42.max(0).astype(int) + 1
            levels = np.percentile(grey_HW[max(top, 0) : bottom, max(left, 0) : right], (4, 20, 80, 96))
            assert max(levels[2] - levels[0], levels[3] - levels[1]) > 8, line.text


def test_a_contact_sheet_frames_every_line() -> None:
    pages = [draw_page(_source("receipt", colour_probability=colour), 0) for colour in (0, 1)]
    picture = np.asarray(sheet(pages, columns=2))
    red_HW = (picture == (215, 45, 60)).all(-1)
    assert red_HW[:, : picture.shape[1] // 2].sum() > 1000
    assert red_HW[:, picture.shape[1] // 2 :].sum() > 1000


@pytest.mark.parametrize(
    ("look", "message"),
    [({"noise_sigma": (9, 1)}, "rising pair"), ({"paper_grey": (90, 255), "ink_grey": (60, 80)}, "min_contrast")],
)
def test_an_impossible_look_is_refused(look: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        PageLook(**look)
    assert all(field.description for field in PageLook.model_fields.values())


def _overlap(a: MarkedLine, b: MarkedLine) -> float:
    """Shared area of two lines, share of the smaller one."""
    first, second = (line.corners_42.astype(np.float32) for line in (a, b))
    if (first.max(0) < second.min(0)).any() or (second.max(0) < first.min(0)).any():
        return 0.0
    low = np.floor(np.minimum(first.min(0), second.min(0)))
    width, height = np.ceil((np.maximum(first.max(0), second.max(0)) - low) * 4).astype(int) + 1
    both = [
        cv2.fillConvexPoly(np.zeros((height, width), np.uint8), np.rint((corners - low) * 4).astype(np.int32), 1)
        for corners in (first, second)
    ]
    return float((both[0] & both[1]).sum() / min(each.sum() for each in both))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("bent", [0.0, 1.0])
def test_all_ink_lies_in_the_boxes_and_reaches_their_margins(layout: str, bent: float) -> None:
    seen = {f"{name}_probability": bent for name in ("skew", "perspective", "curl")}
    source = _source(layout, **(CLEAN | seen))
    for number in range(3):
        rng = random.Random(number)
        draft = set_page(source, number, Path(), rng)
        lines = lines_of(draft.runs)
        warp, shape, corners_N42 = framed(draft, lines, source.look, rng)
        ink_HW = warp.picture(draft.ink_HW, np.zeros(shape, np.uint8))
        left_HW = ink_HW.copy()
        for corners in corners_N42:
            cv2.fillPoly(left_HW, [np.rint(corners * 16 - 8).astype(np.int32)], 0, shift=4)
        assert left_HW.max() < 40
        for line, corners in zip(lines, corners_N42, strict=True):
            _assert_ink_reaches_the_margins(ink_HW, corners, line)


def _assert_ink_reaches_the_margins(ink_HW: Any, corners: Any, line: SheetLine) -> None:
    """A line straightened to the size of its box: ink is away from the box's edges by the margins."""
    width, height = line.right - line.left, line.bottom - line.top
    straight = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32) - 0.5, straight - 0.5)
    cut_HW = cv2.warpPerspective(ink_HW, matrix, (round(width), round(height)), flags=cv2.INTER_LINEAR)
    columns, rows = np.flatnonzero(cut_HW.max(0) > 20), np.flatnonzero(cut_HW.max(1) > 20)
    across = height / (1 + 2 * MARGIN_Y)
    assert columns[0] < MARGIN_X * across + 3
    assert columns[-1] > width - MARGIN_X * across - 5
    assert len(rows) > 0
