"""Pages of every kind in the order in which a person reads them: columns, tables, receipts, tilted, from the right."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from students.pages.order import reading_order
from tests.generated.page_layouts import LAYOUTS as SET_LAYOUTS
from tests.generated.page_layouts import page_of, pairs_in_order


class Layout:
    """A page that is set line by line; the order of setting is the order of reading."""

    def __init__(self) -> None:
        self.corners: list[np.ndarray] = []

    def line(self, left: float, top: float, width: float, height: float = 16.0) -> None:
        right, bottom = left + width, top + height
        self.corners.append(np.array([(left, top), (right, top), (right, bottom), (left, bottom)]))

    def paragraph(self, left: float, top: float, width: float, lines: int, leading: float = 20.0) -> float:
        for i in range(lines):
            self.line(left, top + i * leading, width * (0.4 if i == lines - 1 else 1.0 - 0.03 * (i % 3)))
        return top + lines * leading

    def turned(self, degrees: float) -> np.ndarray:
        angle = np.deg2rad(degrees)
        cosine, sine = np.cos(angle), np.sin(angle)
        return np.array(self.corners) @ np.array([[cosine, sine], [-sine, cosine]])


def two_columns() -> Layout:
    page = Layout()
    page.line(200, 20, 400, 30)  # a title across
    page.line(250, 60, 300)
    page.paragraph(40, 100, 340, 12)
    page.paragraph(40, 350, 340, 9)
    page.paragraph(420, 100, 340, 7)
    page.paragraph(420, 250, 340, 15)
    page.line(60, 600, 640)  # a footer across
    return page


def three_columns_and_a_heading_below() -> Layout:
    page = Layout()
    for left in (20, 280, 540):
        page.paragraph(left, 40, 240, 10)
    page.line(20, 300, 700, 24)
    for left in (20, 400):
        page.paragraph(left, 340, 340, 8, leading=22)
    return page


def receipt_whose_prices_stand_off_their_rows() -> Layout:
    """Items and a few prices, each almost half a height lower than its item; then a total across."""
    page = Layout()
    for i in range(8):
        page.line(20, 40 + 20 * i, 150 + 40 * (i % 3))
        if i % 2:
            page.line(330, 47 + 20 * i, 50)
    page.line(20, 240, 360, 24)
    return page


def narrow_columns() -> Layout:
    """As of a newspaper: three or four words a line, all columns on one grid."""
    page = Layout()
    page.line(20, 10, 420, 30)
    for left in (20, 140, 260, 380):
        page.paragraph(left, 60, 105, 14, leading=18)
    return page


def columns_out_of_step() -> Layout:
    """Short lines, as of a poem, whose columns do not stand level."""
    page = Layout()
    for i in range(8):
        page.line(40, 40 + i * 22, 80 + 20 * (i % 3))
    for i in range(10):
        page.line(300, 51 + i * 22, 70 + 25 * (i % 2))
    return page


def table() -> Layout:
    page = Layout()
    for row in range(9):
        for column, (left, width) in enumerate(((30, 110), (200, 60), (330, 90), (480, 40), (600, 50))):
            if (row, column) not in {(2, 1), (5, 3)}:  # empty cells
                page.line(left + 7 * (row % 2), 50 + row * 26, width - 11 * ((row + column) % 3))
    return page


def receipt() -> Layout:
    """A head in the middle, items at the left with prices at the right, totals, a foot."""
    page = Layout()
    for i, width in enumerate((260, 180, 220)):
        page.line(220 - width / 2, 20 + 22 * i, width)
    for i in range(10):
        page.line(20, 110 + i * 24, 150 + 30 * (i % 4))
        if i % 4 != 3:
            page.line(360, 111.5 + i * 24, 55)
    for i in range(3):
        page.line(160, 380 + i * 28, 90, 20)
        page.line(345, 381 + i * 28, 70, 22)
    page.line(120, 480, 200)
    return page


def words() -> Layout:
    """Two columns of single words."""
    page = Layout()
    for left in (30, 330):
        for row in range(10):
            x = left
            for width in ((60, 35, 70, 50), (45, 80, 40, 52), (70, 30, 55, 62))[row % 3]:
                page.line(x, 40 + row * 20, width)
                x += width + 8
    return page


def letter() -> Layout:
    """Text with a vertical note at its side."""
    page = Layout()
    page.paragraph(80, 60, 500, 6)
    page.paragraph(80, 220, 500, 9)
    return page


LAYOUTS = (
    two_columns,
    three_columns_and_a_heading_below,
    narrow_columns,
    columns_out_of_step,
    table,
    receipt,
    receipt_whose_prices_stand_off_their_rows,
    words,
    letter,
)


@pytest.mark.parametrize("degrees", [0, 2, -6, 40, 90, 180, -90])
@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
def test_lines_come_in_the_order_of_reading_however_the_page_lies(layout, degrees):
    corners_N42 = layout().turned(degrees)
    shuffled_N = np.random.default_rng(3).permutation(len(corners_N42))
    order = reading_order(corners_N42[shuffled_N])
    assert shuffled_N[order].tolist() == list(range(len(corners_N42)))


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
def test_a_mirrored_page_is_read_from_the_right(layout):
    corners_N42 = (np.array(layout().corners) * (-1, 1) + (900, 0))[:, [1, 0, 3, 2]]
    shuffled_N = np.random.default_rng(4).permutation(len(corners_N42))
    order = reading_order(corners_N42[shuffled_N], right_to_left=True)
    assert shuffled_N[order].tolist() == list(range(len(corners_N42)))


@pytest.mark.parametrize("layout", [table, receipt], ids=lambda layout: layout.__name__)
def test_rows_are_followed_on_a_page_seen_from_the_side(layout):
    """Rows that are level on the left and fall by more than their distance on the right."""
    points = np.array(layout().corners)
    x, y = points[..., 0], points[..., 1]
    seen = np.stack([x, y * (1 + x / 4000) + x * 0.05], axis=-1)
    assert reading_order(seen) == list(range(len(seen)))


@pytest.mark.parametrize("lean", [-0.12, 0.05, 0.1])
@pytest.mark.parametrize("layout", [two_columns, narrow_columns, receipt, table], ids=lambda layout: layout.__name__)
def test_columns_that_lean_are_followed_all_the_same(layout, lean):
    """Lines as a locator finds them on a page seen from the side: rectangles, moved aside from row to row."""
    corners_N42 = np.array(layout().corners)
    corners_N42[..., 0] += lean * corners_N42[:, :1, 1]
    assert reading_order(corners_N42) == list(range(len(corners_N42)))


@pytest.mark.parametrize("seed", range(4))
def test_boxes_a_pixel_or_two_off_change_nothing(seed):
    noise = np.random.default_rng(seed)
    for layout in LAYOUTS:
        corners_N42 = np.array(layout().corners)
        corners_N42 = corners_N42 + noise.uniform(-1, 1, corners_N42.shape)
        assert reading_order(corners_N42) == list(range(len(corners_N42)))


def test_a_note_that_stands_upright_at_the_side_leaves_the_text_in_order():
    page = letter()
    note = np.array([(20, 400), (20, 60), (40, 60), (40, 400)])
    order = reading_order([*page.corners, note])
    others = [number for number in order if number < len(page.corners)]
    assert all(before < after for before, after in pairwise(others))
    assert sorted(order) == list(range(len(page.corners) + 1))


def test_no_lines_one_line_and_lines_upon_each_other():
    assert reading_order([]) == []
    assert reading_order(np.zeros((1, 4, 2))) == [0]
    assert sorted(reading_order(np.zeros((7, 4, 2)))) == list(range(7))
    pile = np.repeat(np.array(Layout().corners or [[(0, 0), (9, 0), (9, 5), (0, 5)]]), 20, axis=0)
    assert sorted(reading_order(pile)) == list(range(20))


def test_thousands_of_lines_that_are_none_cost_a_second_or_two():
    noise = np.random.default_rng(0)
    left_N, top_N = noise.uniform(0, 4000, (2, 2500))
    corners_N42 = np.stack([left_N, top_N], axis=1)[:, None] + np.array([(0, 0), (20, 0), (20, 9), (0, 9)])
    assert sorted(reading_order(corners_N42)) == list(range(2500))


@pytest.mark.parametrize("right_to_left", [False, True])
def test_pages_of_several_columns_come_in_order_pair_by_pair(right_to_left):
    """At least 98 % of the neighbours on pages that were not looked at when the order was made; see benchmarks."""
    right = []
    for layout in SET_LAYOUTS:
        for number in range(5000, 5004):
            corners_N42 = page_of(layout, number)
            if right_to_left:
                corners_N42 = (corners_N42 * (-1, 1) + (1200, 0))[:, [1, 0, 3, 2]]
            shuffled_N = np.random.default_rng(number).permutation(len(corners_N42))
            order = reading_order(corners_N42[shuffled_N], right_to_left)
            right.append(pairs_in_order(shuffled_N[order]))
    assert len(right) == 20
    assert np.concatenate(right).mean() >= 0.98
    assert np.mean([pairs.mean() for pairs in right]) >= 0.98
    assert pairs_in_order(np.array([0, 1, 3, 2])).tolist() == [True, False, False]
