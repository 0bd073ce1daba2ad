"""What the XML files of a page have in common: their page, whole pixels on it, and text that XML can hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from xml.etree import ElementTree

from students.pages.page import Page, Point

PROGRAM = "crnn-distill"
REPLACEMENT = "\ufffd"
UNHELD = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # by XML 1.0, section 2.2

Element = ElementTree.Element
Move = Callable[[Sequence[Point]], Sequence[Point]]


@dataclass(frozen=True)
class WrittenPage:
    """A page that was read, and what files say of it.

    `picture` is the path of its picture from the folder of the file, with forward slashes. `number` counts the pages of
    a document from 1. `changed` is when the file that was read last changed, in seconds since 1970; equal pages give
    equal files, so no other time is written. Files that count the pixels of the picture as it is stored have the size
    `stored_px` (width, height), and their points are `moved` there; without them they count what is shown.
    """

    page: Page
    picture: str
    number: int = 1
    changed: float = 0.0
    stored_px: tuple[int, int] | None = None
    moved: Move = tuple

    def whole(self, points: Sequence[Point]) -> list[tuple[int, int]]:
        """Return points in whole pixels on the page as it is shown, none outside it."""
        return _on(self.page.width, self.page.height, points)

    def stored(self, points: Sequence[Point]) -> list[tuple[int, int]]:
        """Return points in whole pixels on the page as it is stored, none outside it."""
        return _on(*self.size, self.moved(points))

    @property
    def size(self) -> tuple[int, int]:
        """Return width and height of the page as it is stored."""
        return self.stored_px or (self.page.width, self.page.height)


def _on(width: int, height: int, points: Sequence[Point]) -> list[tuple[int, int]]:
    return [(min(max(round(x), 0), width), min(max(round(y), 0), height)) for x, y in points]


def pairs(points: Sequence[tuple[int, int]]) -> str:
    """Return points as `x,y x,y ...`."""
    return " ".join(f"{x},{y}" for x, y in points)


def held(text: str) -> str:
    """Return a text that XML can hold: other characters become U+FFFD."""
    return UNHELD.sub(REPLACEMENT, text)


def unheld(page: Page) -> int:
    """Return how many characters of a page no XML file can hold."""
    return sum(len(UNHELD.findall(line.text)) for line in page.lines)


def put(parent: Element, tag: str, text: str | None = None, /, **attributes: object) -> Element:
    """Add an element with attributes and a text to its parent, and return it."""
    element = ElementTree.SubElement(parent, tag, {key: held(str(value)) for key, value in attributes.items()})
    element.text = None if text is None else held(text)
    return element


def document(root: Element, before: str = "") -> bytes:
    """Return an XML file, indented, with `before`, such as a document type, in front of its root."""
    ElementTree.indent(root, " ")
    body = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{before}{body}\n'.encode()


def stem_of(picture: str) -> str:
    """Return the name of a picture without folders and suffix."""
    return PurePath(picture).stem
