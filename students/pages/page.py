"""What reading a page gives: its lines, in reading order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from students.reading import Character

Point = tuple[float, float]


@dataclass(frozen=True)
class PageLine:
    """A line of a page. Points count pixels of the page as shown (EXIF applied) from its top left corner, y downwards.

    `polygon` begins at the top left of the text and goes clockwise; `box` is x0, y0, x1, y1, the upright rectangle
    around it. `found` is how sure the locator is of the line, `confidence` how sure the recogniser is of the text.
    With `review` a person should look at the line, as `students.reading.Reading` has it. `extents` say where each
    character begins and ends along the line, 0 to 1 from left to right. A line that could not be read has no text, and
    a `problem` that says why.
    """

    polygon: tuple[Point, ...]
    box: tuple[float, float, float, float]
    text: str
    confidence: float
    found: float
    characters: tuple[Character, ...] = ()
    extents: tuple[tuple[float, float], ...] = ()
    review: bool = False
    problem: str = ""

    def part(self, begin: float, end: float) -> tuple[Point, ...]:
        """Return the polygon of a part of the line, 0 to 1 from left to right: of a character, or of a word."""
        half = len(self.polygon) // 2
        top_S2, bottom_S2 = np.array(self.polygon[:half]), np.array(self.polygon[half:][::-1])
        steps = np.linalg.norm(np.diff((top_S2 + bottom_S2) / 2, axis=0), axis=1)
        along_S = np.concatenate([[0.0], np.cumsum(steps)]) / max(steps.sum(), 1e-9)
        inner = along_S[(along_S > begin) & (along_S < end)]
        places = np.concatenate([[begin], inner, [end]])
        top, bottom = (
            np.stack([np.interp(places, along_S, edge_S2[:, i]) for i in (0, 1)], axis=1)
            for edge_S2 in (top_S2, bottom_S2)
        )
        return tuple((float(x), float(y)) for x, y in np.concatenate([top, bottom[::-1]]))


@dataclass(frozen=True)
class Page:
    """A page that was read: its width and height in pixels as shown, and its lines in reading order.

    `upside_down`: turned by 180 degrees, its lines would be read with more confidence. They are not.
    """

    width: int
    height: int
    lines: tuple[PageLine, ...]
    upside_down: bool = False

    @property
    def text(self) -> str:
        """Return the texts of the lines, one a line."""
        return "\n".join(line.text for line in self.lines)
