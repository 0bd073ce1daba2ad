"""The words of a line that was read, and where they stand on the page."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from itertools import groupby

from students.pages.page import PageLine, Point


@dataclass(frozen=True)
class Mark:
    """A character as read: its text, its confidence (0-1), and where it begins and ends along its line, 0 to 1."""

    text: str
    confidence: float
    begin: float
    end: float


@dataclass(frozen=True)
class Word:
    """A word of a line: characters without white space, in the order of the text."""

    marks: tuple[Mark, ...]

    @property
    def text(self) -> str:
        """Return the characters."""
        return "".join(mark.text for mark in self.marks)

    @property
    def confidence(self) -> float:
        """Return the confidence of its least sure character."""
        return min(mark.confidence for mark in self.marks)

    @property
    def extent(self) -> tuple[float, float]:
        """Return where it begins and ends along its line, 0 to 1 from left to right."""
        return min(mark.begin for mark in self.marks), max(mark.end for mark in self.marks)


def words_of(line: PageLine) -> list[Word]:
    """Return the words of a line, in the order of the text.

    Where a line does not say where its characters stand, they are taken to be equally wide.
    """
    stretches = groupby(_marks(line), key=lambda mark: mark.text.isspace())
    return [Word(tuple(marks)) for space, marks in stretches if not space]


def _marks(line: PageLine) -> list[Mark]:
    if "".join(character.text for character in line.characters) == line.text:
        places = zip(line.characters, line.extents, strict=True)
        return [Mark(character.text, character.confidence, *extent) for character, extent in places]
    n = len(line.text)
    order = range(n - 1, -1, -1) if from_the_right(line.text) else range(n)
    return [Mark(text, line.confidence, i / n, (i + 1) / n) for text, i in zip(line.text, order, strict=True)]


def from_the_right(text: str) -> bool:
    """Return whether a text runs from the right, as its first character with a direction does (UAX 9, P2 and P3)."""
    strong = (direction for c in text if (direction := unicodedata.bidirectional(c)) in ("L", "R", "AL"))
    return next(strong, "L") != "L"


def box_of(points: tuple[Point, ...]) -> tuple[float, float, float, float]:
    """Return x0, y0, x1, y1 of the upright rectangle around points."""
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def baseline_of(polygon: tuple[Point, ...]) -> tuple[Point, ...]:
    """Return the bottom edge of a polygon of `PageLine`, from left to right along the text."""
    return polygon[len(polygon) // 2 :][::-1]
