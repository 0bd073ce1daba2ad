"""Lines of ALTO: text, outline and baseline of a `TextLine`.

Where a line has an `SP`, spaces stand there and nowhere else. Where it has none, as ALTO allows, they stand between all
strings, but for three cases: a script without spaces; strings of one character, which only a gap parts; and strings
that touch, where their styles differ or other strings of the line are apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple
from xml.etree import ElementTree

from distill.data.formats.page_texts import plain, spaced
from distill.data.formats.xml_files import name_of

TOUCHING = 0.1  # of the height of strings: a smaller gap between them is no space
WORD_GAP = 0.2  # of that height: a larger gap between single characters is one
FEW_CHARACTERS = 3  # so many strings of one character each are a line cut into characters
SOFT_HYPHEN = "\u00ad"
HYPHENS = ("-", SOFT_HYPHEN, "\u2010", "\u2011", "\u2e17", "\u00ac")
BOX = ("HPOS", "VPOS", "WIDTH", "HEIGHT")
STYLES = ("STYLE", "STYLEREFS")
Note = Callable[[str], None]


class _String(NamedTuple):
    """A string of a line: left and right end and height, where the file has them, and its style."""

    text: str
    place: tuple[float, float, float] | None
    style: tuple[str | None, ...]


def alto_text(line: ElementTree.Element, note: Note) -> str:
    """Return the text of a line as its picture shows it: the part of a hyphenated word that stands there, and `HYP`.

    A hyphen that is soft or has no character is written `-`; none is added to a string that ends in one.
    """
    names = [name_of(element) for element in line]
    pieces = list(_pieces(line, note))
    strings = [piece for piece in pieces if piece is not None]
    if "SP" in names:
        text = " ".join("".join(piece.text if piece else "\n" for piece in pieces).split("\n"))
    else:
        text = "".join(before + string.text for before, string in zip(_between(strings, note), strings, strict=True))
    text = plain(text, note)
    hyphens = [element for element in line if name_of(element) == "HYP"]
    if hyphens and text and not text.endswith(HYPHENS):
        text += _hyphen(hyphens[-1], note)
    if text.endswith(SOFT_HYPHEN):
        note("texts with a soft hyphen at the end, read as -")
        text = text[:-1] + "-"
    return text


def alto_outline(line: ElementTree.Element) -> str:
    """Return the points of the line's polygon, or else of its box or the box around its strings; none without any."""
    polygon = line.find("{*}Shape/{*}Polygon")
    if polygon is not None and (points := polygon.get("POINTS", "")).strip():
        return points
    own = _numbers(line, BOX)
    within = (_numbers(element, BOX) for element in line.iterfind("{*}String")) if own is None else (own,)
    boxes = [(x, y, x + width, y + height) for x, y, width, height in filter(None, within)]
    if not boxes:
        return ""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    left, top, right, bottom = min(lefts), min(tops), max(rights), max(bottoms)
    return f"{left},{top} {right},{top} {right},{bottom} {left},{bottom}"


def alto_baseline(line: ElementTree.Element) -> str:
    """Return the points of the baseline; none where it is one number, as before ALTO 4.1, which gives no direction."""
    baseline = line.get("BASELINE", "").strip()
    return baseline if len(baseline.replace(",", " ").split()) > 1 else ""


def _pieces(line: ElementTree.Element, note: Note) -> Iterator[_String | None]:
    """The strings of a line that have characters, and None for each `SP`."""
    for element in line:
        if name_of(element) == "SP":
            yield None
        elif name_of(element) == "String" and (text := plain(element.get("CONTENT", ""), note)):
            place = _numbers(element, ("HPOS", "WIDTH", "HEIGHT"))
            ends = None if place is None else (place[0], place[0] + place[1], place[2])
            yield _String(text, ends, tuple(element.get(style) for style in STYLES))


def _between(strings: Sequence[_String], note: Note) -> list[str]:
    """What stands before each string of a line without `SP`: nothing or a space."""
    gaps = [_gap(before, after) for before, after in pairwise(strings)]
    apart = any(gap is not None and gap >= TOUCHING for gap in gaps)
    characters = len(strings) >= FEW_CHARACTERS and all(len(string.text) == 1 for string in strings)
    between = [""] if strings else []
    for (before, after), gap in zip(pairwise(strings), gaps, strict=True):
        space = spaced(before.text, after.text)
        if characters:
            space = space if gap is not None and gap >= WORD_GAP else ""
        elif gap is not None and gap < TOUCHING and (apart or before.style != after.style):
            space = ""
        between.append(space)
    if len(strings) > 1 and "" in between[1:]:
        note("texts of strings without SP, put together without a space where script, gap or style say so")
    return between


def _gap(before: _String, after: _String) -> float | None:
    """The gap between two strings, in heights; None where their places are not known."""
    if before.place is None or after.place is None or not (height := max(before.place[2], after.place[2])) > 0:
        return None
    return max(after.place[0] - before.place[1], before.place[0] - after.place[1]) / height


def _hyphen(element: ElementTree.Element, note: Note) -> str:
    content = plain(element.get("CONTENT", ""), note)
    if not content:
        note("texts with a hyphen of no character, read as -")
    return content or "-"


def _numbers(element: ElementTree.Element, keys: Sequence[str]) -> tuple[float, ...] | None:
    """The values of attributes; None where one is missing or no number."""
    try:
        return tuple(float(element.get(key, "")) for key in keys)
    except ValueError:
        return None
