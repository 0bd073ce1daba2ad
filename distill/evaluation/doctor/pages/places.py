"""What a check of pages finds, and where on the page: the same findings as of lines, with places to be shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from distill.data.formats.contents import counted
from distill.data.pages.record import MarkedLine, PageRecord
from distill.evaluation.doctor.findings import Finding, Severity

SHOWN_CHARACTERS = 40


class Place(NamedTuple):
    """A page, and the outlines (P, 2) on it that are meant; none: the whole page. `other`: a page to look at beside."""

    page: PageRecord
    outlines: tuple[np.ndarray, ...] = ()
    other: PageRecord | None = None


class Spot(NamedTuple):
    """A place that is odd, under the name that a finding has for it."""

    key: str
    remark: str
    place: Place


@dataclass(frozen=True)
class Found:
    """A finding, and where to look, a place for each of its keys; None, or nothing at all, for what has no picture."""

    finding: Finding
    places: tuple[Place | None, ...] = ()


def found(
    severity: Severity,
    kind: str,
    part: str,
    spots: Sequence[Spot],
    what: str,
    advice: str,
    noun: str = "line",
) -> list[Found]:
    """Return one finding on all `spots`, the worst of which stand first; none where there are no spots."""
    if not spots:
        return []
    keys, remarks, places = zip(*spots, strict=True)
    of_pages = "" if noun == "page" else f" on {counted(len({place.page.key for place in places}), 'page')}"
    beside = tuple(place.other.key for place in places if place.other is not None)
    message = f"{counted(len(spots), noun)}{of_pages}: {what}"
    return [Found(Finding(severity, kind, part, message, keys, remarks, beside, advice), places)]


def spot_of_line(page: PageRecord, number: int, about: str, *others: int) -> Spot:
    """Return the place of a line, by its number from 0 on, with `others` of its page; a remark begins with its name."""
    lines = page.lines or ()
    name = key_of(page, number)
    text = lines[number].text
    said = f" {shortened(text)!r}" if text else ""
    outlines = tuple(lines[i].corners_42 for i in (number, *others))
    return Spot(name, f"{name}{said}: {about}", Place(page, outlines))


def key_of(page: PageRecord, number: int) -> str:
    """Return the name of a line, by its number from 0 on: that of its file where it has one."""
    line = (page.lines or ())[number]
    return f"{page.source}/{line.name}" if line.name else f"{page.key}, line {number + 1}"


def shortened(text: str) -> str:
    """Return a text, or its beginning where it is longer than `SHOWN_CHARACTERS`."""
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 1]}…"


def height_of(line: MarkedLine) -> float:
    """Return the mean length of the two short sides of a line, in pixels of the page as shown."""
    return float(np.hypot(*(line.corners_42[[3, 2]] - line.corners_42[[0, 1]]).T).mean())


def width_of(line: MarkedLine) -> float:
    """Return the mean length of a line along its text, in pixels of the page as shown."""
    return float(np.hypot(*(line.corners_42[[1, 2]] - line.corners_42[[0, 3]]).T).mean())


def counted_lines(page: PageRecord) -> list[int]:
    """Return the numbers of the lines that count, from 0 on: those that are not ignored."""
    return [i for i, line in enumerate(page.lines or ()) if not line.ignored]
