"""Lines cut out of page images when they are fetched; where each is cut is settled when the source is opened.

What lies outside the polygon, widened by the margin, becomes the paper's colour: the median of what lies inside.
Cutting a line decodes its page: for training, cut once with `distill import`.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from distill.data.formats.contents import Contents
from distill.data.formats.notes import Notes
from distill.data.formats.page_cuts import cut_region
from distill.data.formats.page_frames import DescribedPage, Frame, as_stored, frame_of
from distill.data.formats.page_marks import Marks, with_outlines
from distill.data.formats.page_regions import Region, region_of
from students.errors import DataError
from students.image import UPRIGHT, decode_image


class DescribedLine(NamedTuple):
    """A line of a page as its file describes it, points as written (x,y x,y ...), in the units of the page.

    `ordered`: the corners begin at the text's top left, clockwise. `turned`: by how many degrees anticlockwise the text
    of its region is turned, where the file says so. `ignored`: the file says that it cannot be read, or does not count.
    `problem`: why its points mean nothing, where they do.
    """

    name: str
    text: str | None
    page: DescribedPage
    points: str
    baseline: str = ""
    ordered: bool = False
    turned: float | None = None
    ignored: bool = False
    problem: str = ""


class ReadPage(NamedTuple):
    """A page as its file describes it, and its lines; None: the file says that nobody marked them."""

    page: DescribedPage
    lines: list[DescribedLine] | None


class LineCut(NamedTuple):
    """Where a line is cut: a region of an image whose EXIF orientation is undone, 1 for none; or why it is not cut."""

    image: Path
    orientation: int
    region: Region | str


@dataclass(frozen=True)
class PageFetch:
    """Lines as PNG. Neighbouring lines share the decoded page."""

    cuts: tuple[LineCut, ...]
    margin_px: int

    def __call__(self, row: int) -> bytes:
        cut = self.cuts[row]
        if isinstance(cut.region, str):
            raise DataError(cut.region)
        buffer = io.BytesIO()
        line_HWC = cut_region(_page(cut.image, cut.orientation), cut.region, self.margin_px)
        Image.fromarray(line_HWC).save(buffer, "PNG")
        return buffer.getvalue()


def contents_of_pages(pages: Sequence[ReadPage], margin_px: int, notes: Notes) -> Contents:
    """Return the lines of pages as the contents of a source; what was clipped or read by a rule is added to `notes`."""
    lines: list[DescribedLine] = []
    cuts: list[LineCut] = []
    for page, of_page in pages:
        if of_page:
            lines += of_page
            orientation, regions = regions_of(page, of_page, notes)
            cuts += [LineCut(page.image, orientation, region) for region in regions]
        else:
            notes.add("pages without a line that is marked", str(page.image))
    return Contents([line.name for line in lines], [line.text for line in lines], PageFetch(tuple(cuts), margin_px))


def regions_of(page: DescribedPage, lines: Sequence[DescribedLine], notes: Notes) -> tuple[int, list[Region | str]]:
    """Return the EXIF orientation to undo before regions are cut (1: none), and each line's region, or why it has none.

    What was clipped or read by a rule is added to `notes`.
    """
    try:
        frame = frame_of(page, notes)
    except DataError as error:
        return UPRIGHT, [str(error)] * len(lines)
    found = [_marks(line, frame, notes) for line in lines]
    outlined = with_outlines(found, lambda row, what: notes.add(what, lines[row].name))
    return frame.orientation, [
        _region(marks, frame, partial(notes.add, name=line.name)) for line, marks in zip(lines, outlined, strict=True)
    ]


def points_of(points: str) -> np.ndarray:
    """Return the points (P, 2) written `x,y x,y ...` or `x y x y ...`; raises `DataError`."""
    try:
        numbers = [float(number) for number in re.split(r"[\s,]+", points.strip()) if number]
    except ValueError:
        raise DataError(f"is not a row of numbers: {points[:60]!r}") from None
    if len(numbers) % 2:
        raise DataError(f"has {len(numbers) / 2:g} points: {points[:60]!r}")
    return np.array(numbers).reshape(-1, 2)


@lru_cache(maxsize=2)
def _page(path: Path, orientation: int) -> np.ndarray:
    return as_stored(decode_image(path), orientation)


def _marks(line: DescribedLine, frame: Frame, notes: Notes) -> Marks | DataError:
    """What the line's file marks, in pixels, or why that is nothing."""
    if line.problem:
        return DataError(line.problem)
    baseline_B2 = _baseline(line, frame, notes)
    try:
        polygon_P2 = points_of(line.points) * frame.scale
    except DataError as error:
        return DataError(f"its polygon {error}")
    if len(polygon_P2) < 3 and (len(polygon_P2) or baseline_B2 is None):
        n = len(polygon_P2)
        return DataError(f"its polygon has {n} points; a line needs three or more: {line.points[:60]!r}")
    if len(polygon_P2) == 3:
        notes.add("lines with a polygon of three points, taken as the rectangle around it", line.name)
    return Marks(
        polygon_P2 if len(polygon_P2) else None,
        baseline_B2,
        line.text or "",
        line.ordered,
        None if line.turned is None else _direction(line.turned),
    )


def _baseline(line: DescribedLine, frame: Frame, notes: Notes) -> np.ndarray | None:
    """The points of the baseline; None where it has none, or where they cannot be used."""
    if not line.baseline.strip():
        return None
    try:
        baseline_B2 = points_of(line.baseline) * frame.scale
    except DataError:
        baseline_B2 = np.zeros((0, 2))
    if not len(baseline_B2) or not np.linalg.norm(baseline_B2[-1] - baseline_B2[0]) >= 1:  # nor where one is no number
        notes.add("lines with a baseline that is no row of points, cut without it", line.name)
        return None
    return baseline_B2


def _direction(degrees: float) -> np.ndarray | None:
    """The direction of text that is turned by quarters anticlockwise; None for what is level or slants a little."""
    quarters = round(degrees / 90) if math.isfinite(degrees) else 0
    if quarters % 4 == 0:
        return None
    return np.round([math.cos(math.radians(90 * quarters)), -math.sin(math.radians(90 * quarters))])


def _region(marks: Marks | DataError, frame: Frame, note: partial[None]) -> Region | str:
    try:
        if isinstance(marks, DataError):
            raise marks
        return region_of(marks, frame.size_px, note)
    except DataError as error:
        return str(error)
