"""The reader of whole pages: a locator finds the lines, a recogniser reads them, reading order joins them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple, Protocol

import numpy as np
from PIL import Image

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
from students.pages.upside_down import stands_on_its_head
from students.reader import READ_BATCH, Reader
from students.reading import Reading
from students.turning import size_after

PAGES_TOGETHER, LINES_TOGETHER, PIXELS_TOGETHER = 8, 192, 16_000_000  # of pages whose lines are read together, at most


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


class CutPage(NamedTuple):
    """The lines that were found on a page, cut out of it; the page itself need not be kept."""

    size_px: tuple[int, int]  # width and height of the page
    found: Sequence[FoundLine]
    margins_px: list[int]
    cuts: list[np.ndarray]  # uint8 (H, W) or (H, W, 3)


class PageReader:
    """Reads pages: lines of one page, or of some that follow each other, go through the recogniser together."""

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

    def read_pages(self, images: Iterable[ImageInput], batch_size: int = READ_BATCH) -> Iterator[Page | DataError]:
        """Read any number of pages lazily and in order, with the texts that `read_page` gives each.

        Lines of a few pages that follow each other go through the recogniser together, which is faster; memory does
        not grow with the number of pages. An image that cannot be read has its error in its place and costs the
        others nothing. A `KeyboardInterrupt` from the images comes once the pages before it are read.
        """
        waiting: list[CutPage | DataError] = []
        n_lines = n_pixels = 0
        pages = enumerate(images)
        try:
            for number, image in pages:
                waiting.append(page := self._cut_or_error(image, f"page {number}"))
                if isinstance(page, CutPage):
                    n_lines, n_pixels = n_lines + len(page.cuts), n_pixels + page.size_px[0] * page.size_px[1]
                if len(waiting) == PAGES_TOGETHER or n_lines >= LINES_TOGETHER or n_pixels >= PIXELS_TOGETHER:
                    together, waiting, n_lines, n_pixels = waiting, [], 0, 0
                    yield from self.read_cut(together, batch_size)
        except KeyboardInterrupt:
            yield from self.read_cut(waiting, batch_size)
            raise
        yield from self.read_cut(waiting, batch_size)

    def _cut_or_error(self, image: ImageInput, name: str) -> CutPage | DataError:
        try:
            page_HWC = decode_image(image, getattr(image, "filename", "") or name)
        except DataError as error:
            return error
        return self.cut_page(page_HWC, lines_of(self.locator, page_HWC))

    def read_found(self, page_HWC: np.ndarray, found: Sequence[FoundLine], batch_size: int = READ_BATCH) -> Page:
        """Read lines of a page that were found on it, in their order."""
        (page,) = self.read_cut([self.cut_page(page_HWC, found)], batch_size)
        assert isinstance(page, Page)
        return page

    def cut_page(self, page_HWC: np.ndarray, found: Sequence[FoundLine]) -> CutPage:
        """Cut lines out of a page, uint8 (H, W) or (H, W, 3) RGB, on which they were found."""
        height, width = page_HWC.shape[:2]
        margin = self.locator.description.finding.margin
        margins_px = [margin_px_of(line.corners_42, margin) for line in found]
        if self.recogniser.description.preparation.channels == 1 and page_HWC.ndim == 3:
            page_HWC = np.asarray(in_mode(Image.fromarray(page_HWC), "L"))  # once, instead of line by line
        cuts = [cut(page_HWC, line.polygon_P2, px) for line, px in zip(found, margins_px, strict=True)]
        return CutPage((width, height), found, margins_px, cuts)

    def read_cut(
        self, pages: Sequence[CutPage | DataError], batch_size: int = READ_BATCH
    ) -> Iterator[Page | DataError]:
        """Read the lines of pages together, those of one padded width in one batch; errors stay in their places."""
        whole = [page for page in pages if isinstance(page, CutPage)]
        cuts = [line_HWC for page in whole for line_HWC in page.cuts]
        names = [f"line {number}" for page in whole for number in range(1, len(page.cuts) + 1)]
        readings = iter(self.recogniser.read_each(list(cuts), batch_size, names))
        for page in pages:
            if isinstance(page, DataError):
                yield page
            else:
                yield self._page(page, list(islice(readings, len(page.cuts))), batch_size)

    def _page(self, page: CutPage, readings: Sequence[Reading | DataError], batch_size: int) -> Page:
        lines = map(self._line, page.found, readings, page.cuts, page.margins_px)
        upside_down = stands_on_its_head(page.cuts, readings, self.recogniser, batch_size)
        return Page(*page.size_px, tuple(lines), upside_down)

    def _line(self, found: FoundLine, reading: Reading | DataError, cut_HWC: np.ndarray, margin_px: int) -> PageLine:
        polygon = tuple((x, y) for x, y in from_the_top_left_of_its_text(found.polygon_P2, reading).tolist())
        if isinstance(reading, DataError):
            return PageLine(polygon, found.box, "", 0.0, found.found, review=True, problem=str(reading))
        height, width = cut_HWC.shape[:2]
        read_width = size_after(reading.quarters, height, width)[1]
        inner_px = max(1, read_width - 2 * margin_px)
        extents = tuple(
            (min(max((left - margin_px) / inner_px, 0.0), 1.0), min(max((right - margin_px) / inner_px, 0.0), 1.0))
            for left, right in reading.extents_px(self.recogniser.description.preparation, height, width)
        )
        read = reading.text, reading.confidence, found.found, reading.characters, extents, reading.review
        return PageLine(polygon, found.box, *read)


def from_the_top_left_of_its_text(polygon_P2: np.ndarray, reading: Reading | DataError) -> np.ndarray:
    """Return the corners of a line from the top left of the text as it was read, clockwise as before."""
    if isinstance(reading, DataError) or len(polygon_P2) > 4:  # a line that bends is longer than high
        return polygon_P2
    return np.roll(polygon_P2, -reading.quarters, axis=0)
