"""Pages of several columns as boxes of lines, in the order in which a person reads them: no picture, no text.

A page is a function of its seed. Every number is taken from ranges that pages of newspapers, magazines, journals and
newsletters have; `students/pages/order.py` knows nothing of them.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

Box = tuple[float, float, float, float]


class Area(NamedTuple):
    """A part of a page: left, top, right, bottom."""

    left: float
    top: float
    right: float
    bottom: float


class Sheet:
    """A page that is set line by line; the order of setting is the order of reading."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.boxes: list[Box] = []
        self.height = rng.uniform(9, 16)  # of a box of running text
        self.leading = self.height * rng.uniform(1.0, 1.35)
        self.justified = rng.random() < 0.5
        self.indented = rng.choice((0.0, 0.0, 1.0, 1.6))
        self.between = rng.choice((0.0, 0.0, 0.5, 1.0))  # rows between paragraphs

    def line(self, left: float, top: float, right: float, height: float | None = None) -> None:
        self.boxes.append((left, top, right, top + (height or self.height)))

    def text(self, area: Area) -> float:
        """Paragraphs down a column until it is full; where they end."""
        y, left_of_paragraph = area.top, 0
        while y + self.height <= area.bottom:
            first = left_of_paragraph == 0
            if first:
                left_of_paragraph = self.rng.randint(2, 11)
                y += 0 if y == area.top else self.between * self.leading
                if y + self.height > area.bottom:
                    break
            left_of_paragraph -= 1
            width = area.right - area.left
            ragged = 0.0 if self.justified else self.rng.uniform(0, 0.18) * width
            if left_of_paragraph == 0:
                ragged = self.rng.uniform(0.05, 0.85) * width
            begin = area.left + (self.indented * self.height if first else 0.0)
            self.line(begin, y, max(begin + 2 * self.height, area.right - ragged))
            y += self.leading
        return y

    def heading(self, area: Area, rows: int, height: float, centred: bool = False) -> float:
        """A heading of some rows; where it ends."""
        y = area.top
        for row in range(rows):
            width = (area.right - area.left) * self.rng.uniform(0.45, 1.0 if row < rows - 1 else 0.9)
            left = (area.left + area.right - width) / 2 if centred else area.left
            self.line(left, y, left + width, height)
            y += height * 1.15
        return y


def _columns(area: Area, n: int, gutter: float) -> list[Area]:
    width = (area.right - area.left - gutter * (n - 1)) / n
    return [
        Area(area.left + i * (width + gutter), area.top, area.left + i * (width + gutter) + width, area.bottom)
        for i in range(n)
    ]


def _gutter(sheet: Sheet) -> float:
    return sheet.height * sheet.rng.uniform(1.2, 3.0)


def journal(sheet: Sheet, area: Area) -> None:
    """A title and authors across, an abstract across, two columns with headings in them, a footer across."""
    rng = sheet.rng
    y = sheet.heading(area, rng.randint(1, 2), sheet.height * rng.uniform(1.6, 2.4), centred=True)
    y = sheet.heading(area._replace(top=y + sheet.height), 1, sheet.height, centred=True) + sheet.height
    if rng.random() < 0.7:
        inner = Area(
            area.left + sheet.height * 3, y, area.right - sheet.height * 3, y + sheet.leading * rng.randint(4, 8)
        )
        y = sheet.text(inner) + sheet.leading
    foot = area.bottom - 2 * sheet.leading
    for column in _columns(area._replace(top=y, bottom=foot - sheet.leading), 2, _gutter(sheet)):
        _with_headings(sheet, column)
    sheet.line(area.left, foot + sheet.leading * 0.5, area.left + (area.right - area.left) * rng.uniform(0.5, 1))


def _with_headings(sheet: Sheet, column: Area) -> None:
    """Sections of a column, each with a heading of its own, at places of its own."""
    rng, y = sheet.rng, column.top
    while y + 5 * sheet.leading < column.bottom:
        end = min(column.bottom, y + sheet.leading * rng.randint(7, 26))
        if rng.random() < 0.6:
            y = (
                sheet.heading(Area(column.left, y, column.right, end), 1, sheet.height * rng.uniform(1.0, 1.4))
                + sheet.leading * 0.4
            )
        y = sheet.text(column._replace(top=y, bottom=end)) + sheet.leading * rng.uniform(0.4, 1.2)


def newspaper(sheet: Sheet, area: Area) -> None:
    """A name across, then articles below each other, each a headline across and three to five columns."""
    rng = sheet.rng
    y = sheet.heading(area, 1, sheet.height * rng.uniform(2.5, 4), centred=True) + sheet.leading
    for _ in range(rng.randint(1, 3)):
        if y + 12 * sheet.leading > area.bottom:
            break
        y = sheet.heading(area._replace(top=y), rng.randint(1, 2), sheet.height * rng.uniform(1.6, 2.6)) + sheet.height
        end = min(area.bottom, y + sheet.leading * rng.randint(9, 28))
        for column in _columns(area._replace(top=y, bottom=end), rng.randint(3, 5), _gutter(sheet)):
            sheet.text(column)
        y = end + sheet.leading * rng.uniform(1, 2)


def magazine(sheet: Sheet, area: Area) -> None:
    """A headline, two or three columns of which one has a picture with a caption or a quotation in larger letters."""
    rng = sheet.rng
    y = sheet.heading(area, rng.randint(1, 2), sheet.height * rng.uniform(2, 4)) + sheet.leading
    n = rng.randint(2, 3)
    chosen, kind = rng.randrange(n), rng.choice(("picture", "quotation", "top"))
    for i, column in enumerate(_columns(area._replace(top=y), n, _gutter(sheet))):
        if i != chosen:
            sheet.text(column)
            continue
        middle = column.top + (column.bottom - column.top) * rng.uniform(0.3, 0.6)
        if kind == "top":
            sheet.text(column._replace(top=middle))
            continue
        y = sheet.text(column._replace(bottom=middle)) + sheet.leading
        if kind == "picture":
            y += sheet.leading * rng.randint(5, 12)
            sheet.line(
                column.left, y, column.left + (column.right - column.left) * rng.uniform(0.5, 1), sheet.height * 0.8
            )
            y += sheet.leading * 1.6
        else:
            y = (
                sheet.heading(column._replace(top=y), rng.randint(2, 4), sheet.height * rng.uniform(1.3, 1.8))
                + sheet.leading
            )
        sheet.text(column._replace(top=y))


def sidebar(sheet: Sheet, area: Area) -> None:
    """Text in a wide column and a narrow one beside it, with fewer rows of another leading."""
    rng = sheet.rng
    y = sheet.heading(area, 1, sheet.height * rng.uniform(1.5, 2.5)) + sheet.leading
    split = area.left + (area.right - area.left) * rng.uniform(0.6, 0.72)
    sheet.text(Area(area.left, y, split - _gutter(sheet), area.bottom))
    sheet.leading *= rng.uniform(0.85, 1.2)
    narrow = Area(
        split, y + sheet.leading * rng.uniform(0, 6), area.right, area.bottom - sheet.leading * rng.uniform(0, 12)
    )
    sheet.text(narrow)


def newsletter(sheet: Sheet, area: Area) -> None:
    """Bands of one, two and three columns below each other; those of as many columns with a heading between them."""
    rng, y, before = sheet.rng, area.top, 0
    while y + 8 * sheet.leading < area.bottom:
        n = rng.randint(1, 3)
        if n == before or rng.random() < 0.6:
            y = sheet.heading(area._replace(top=y), 1, sheet.height * rng.uniform(1.4, 2.2)) + sheet.height * 0.8
        end = min(area.bottom, y + sheet.leading * rng.randint(6, 16))
        for column in _columns(area._replace(top=y, bottom=end), n, _gutter(sheet)):
            last = rng.randint(0, 2) if end < area.bottom else rng.randint(0, 5)
            sheet.text(column._replace(bottom=max(y + 5 * sheet.leading, end - last * sheet.leading)))
        y, before = end + sheet.leading * rng.uniform(1.2, 2), n


LAYOUTS: dict[str, Callable[[Sheet, Area], None]] = {
    "journal": journal,
    "newspaper": newspaper,
    "magazine": magazine,
    "sidebar": sidebar,
    "newsletter": newsletter,
}


def page_of(layout: str, seed: int) -> np.ndarray:
    """Corners (N, 4, 2) of the lines of a page in the order of reading, a little off and askew, as those found are."""
    rng = random.Random(f"{layout} {seed}")
    sheet = Sheet(rng)
    width = rng.uniform(620, 1000)
    LAYOUTS[layout](sheet, Area(40, 40, 40 + width, 40 + width * rng.uniform(1.2, 1.5)))
    boxes_N4 = np.array(sheet.boxes)
    corners_N42 = boxes_N4[:, [[0, 1], [2, 1], [2, 3], [0, 3]]]
    noise = np.random.default_rng(seed)
    n = len(corners_N42)
    corners_N42 = (
        corners_N42 + noise.normal(0, 0.06 * sheet.height, (n, 1, 2)) + noise.normal(0, 0.03 * sheet.height, (n, 4, 2))
    )
    angle = np.deg2rad(rng.uniform(-2.5, 2.5))
    cosine, sine = np.cos(angle), np.sin(angle)
    return corners_N42 @ np.array([[cosine, sine], [-sine, cosine]])


def pairs_in_order(order_N: np.ndarray) -> np.ndarray:
    """Return of each line but the last whether the next one is read right after it, (N - 1,).

    `order_N`: the numbers of the lines, counted in the order of reading, as they were put in order.
    """
    in_order: np.ndarray = np.diff(np.argsort(order_N)) == 1
    return in_order
