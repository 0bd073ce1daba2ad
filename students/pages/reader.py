"""The reader of whole pages: a locator finds the lines, a recogniser reads them, reading order joins them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from PIL import Image

from students.decode import Reading
from students.errors import DataError
from students.image import ImageInput, decode_image
from students.modes import in_mode
from students.pages.cutting import cut, margin_px_of
from students.pages.finding import FoundLine, find_lines
from students.pages.maps import Maps
from students.pages.model_file import LocatorDescription
from students.pages.order import reading_order
from students.pages.page import Page, PageLine
from students.pages.preparation import PreparedPage
from students.reading import READ_BATCH, Reader


class Locates(Protocol):
    """What finds the lines of pages: `students.pages.locate.LocatorReader`, or a locator's teacher."""

    @property
    def description(self) -> LocatorDescription:
        """Return what its model file says of it."""
        ...

    def maps(self, page_HWC: np.ndarray) -> tuple[Maps, PreparedPage]:
        """Return the maps of a page, uint8 (H, W) or (H, W, 3) RGB."""
        ...


def lines_of(locator: Locates, page_HWC: np.ndarray) -> list[FoundLine]:
    """Return the lines that a locator finds on a page, uint8 (H, W) or (H, W, 3) RGB, in reading order."""
    finding = locator.description.finding
    found = find_lines(*locator.maps(page_HWC), finding)
    order = reading_order([line.corners_42 for line in found], finding.right_to_left)
    return [found[i] for i in order]


class PageReader:
    """Reads pages; every page alone, its lines together."""

    def __init__(self, locator: Locates, recogniser: Reader) -> None:
        self.locator = locator
        self.recogniser = recogniser

    def read_page(self, image: ImageInput, batch_size: int = READ_BATCH) -> Page:
        """Read one page: a path, encoded bytes, a Pillow image, or a uint8 array (H, W) or (H, W, 3) RGB.

        A page without text has no lines. Raises `DataError` for what is not an image within the limits of
        `decode_image`: 64 MiB, 40 million pixels, 30,000 px a side. A line that cannot be read says so itself.
        """
        page_HWC = decode_image(image, getattr(image, "filename", "") or "page")
        return self.read_found(page_HWC, lines_of(self.locator, page_HWC), batch_size)

    def read_found(self, page_HWC: np.ndarray, found: Sequence[FoundLine], batch_size: int = READ_BATCH) -> Page:
        """Read lines of a page that were found on it, in their order."""
        height, width = page_HWC.shape[:2]
        margin = self.locator.description.finding.margin
        margins_px = [margin_px_of(line.corners_42, margin) for line in found]
        if self.recogniser.description.preparation.channels == 1 and page_HWC.ndim == 3:
            page_HWC = np.asarray(in_mode(Image.fromarray(page_HWC), "L"))  # once, instead of line by line
        cuts = [cut(page_HWC, line.polygon_P2, px) for line, px in zip(found, margins_px, strict=True)]
        names = [f"line {number}" for number in range(1, len(found) + 1)]
        readings = self.recogniser.read_each(list(cuts), batch_size, names)
        lines = (self._line(*each) for each in zip(found, readings, cuts, margins_px, strict=True))
        return Page(width, height, tuple(lines))

    def _line(self, found: FoundLine, reading: Reading | DataError, cut_HWC: np.ndarray, margin_px: int) -> PageLine:
        polygon = tuple((x, y) for x, y in found.polygon_P2.tolist())
        if isinstance(reading, DataError):
            return PageLine(polygon, found.box, "", 0.0, found.found, review=True, problem=str(reading))
        height, width = cut_HWC.shape[:2]
        inner_px = max(1, width - 2 * margin_px)
        extents = tuple(
            (min(max((left - margin_px) / inner_px, 0.0), 1.0), min(max((right - margin_px) / inner_px, 0.0), 1.0))
            for left, right in reading.extents_px(self.recogniser.description.preparation, height, width)
        )
        read = reading.text, reading.confidence, found.found, reading.characters, extents, reading.review
        return PageLine(polygon, found.box, *read)
