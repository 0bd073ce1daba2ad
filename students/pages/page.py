"""What reading a page gives: its lines, in reading order."""

from __future__ import annotations

from dataclasses import dataclass

from students.decode import Character

Point = tuple[float, float]


@dataclass(frozen=True)
class PageLine:
    """A line of a page. Points count pixels of the page as shown (EXIF applied) from its top left corner, y downwards.

    `polygon` begins at the top left of the text and goes clockwise; `box` is x0, y0, x1, y1, the upright rectangle
    around it. `found` is how sure the locator is of the line, `confidence` how sure the recogniser is of the text.
    """

    polygon: tuple[Point, ...]
    box: tuple[float, float, float, float]
    text: str
    confidence: float
    found: float
    characters: tuple[Character, ...] = ()


@dataclass(frozen=True)
class Page:
    """A page that was read: its width and height in pixels as shown, and its lines in reading order."""

    width: int
    height: int
    lines: tuple[PageLine, ...]

    @property
    def text(self) -> str:
        """Return the texts of the lines, one a line."""
        return "\n".join(line.text for line in self.lines)
