"""Files of pages: a picture holds one, a TIFF and a PDF any number.

A page is decoded when it is asked for, so that memory does not grow with the document. Pages of a PDF are rendered by
PDFium at the resolution of the largest picture on them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile
from typing_extensions import override

from distill.data.formats.page_images import header_of
from students.errors import DataError
from students.image import MAX_PIXELS, UPRIGHT, decode_image
from students.several_pictures import NEW_SUBFILE_TYPE, NO_PAGE, SMALLER, SUBFILE_TYPE

PDF, TIFFS = ".pdf", (".tif", ".tiff")
PDF_MAGIC, SNIFFED_BYTES = b"%PDF-", 1024
LEAST_DPI, MOST_DPI, USUAL_DPI = 100, 600, 200  # of a rendered page; the last where it has no picture
POINTS = 72  # an inch
TO_INSTALL = "pip install 'crnn-distill[pdf]'"


class PageFile(Protocol):
    """A file with pages, numbered from 1. `document`: it may hold several."""

    path: Path
    n_pages: int
    document: bool

    def pixels(self, number: int) -> np.ndarray:
        """Return a page as shown, uint8 (H, W) or (H, W, 3) RGB; raises `DataError` that names it."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


def name_of_page(file: PageFile, number: int) -> str:
    """Return what messages call a page: its file, and its number where the file holds several."""
    return f"{file.path}, page {number}" if file.document else str(file.path)


@contextmanager
def opened_pages(path: Path) -> Iterator[PageFile]:
    """Open a file of pages; raises `DataError` for a PDF that is encrypted, damaged or empty."""
    file = _open(path)
    try:
        yield file
    finally:
        file.close()


def _open(path: Path) -> PageFile:
    if is_pdf(path):
        return PdfPages(path)
    if path.suffix.lower() in TIFFS:
        tiff = TiffPages.of(path)
        if tiff is not None:
            return tiff
    return PicturePage(path)


def is_pdf(path: Path) -> bool:
    """Return whether a file is a PDF, by its first kilobyte; one that cannot be read by its name."""
    try:
        with path.open("rb") as file:
            return PDF_MAGIC in file.read(SNIFFED_BYTES)
    except OSError:
        return path.suffix.lower() == PDF


class PicturePage(PageFile):
    """A picture, which is a page."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.n_pages = 1
        self.document = False

    @override
    def pixels(self, number: int) -> np.ndarray:
        """Return the picture."""
        return decode_image(self.path)

    def orientation(self) -> int:
        """Return how EXIF turns it, 1 to 8."""
        try:
            return header_of(self.path).orientation
        except DataError:
            return UPRIGHT

    def close(self) -> None:
        """Do nothing: the picture is opened when it is read."""


class TiffPages(PageFile):
    """The pages of a TIFF that has several; copies in a lower resolution, and masks, are none."""

    def __init__(self, path: Path, image: TiffImageFile, frames: list[int]) -> None:
        self.path = path
        self._image = image
        self._frames = frames
        self.n_pages = len(frames)
        self.document = True

    @classmethod
    def of(cls, path: Path) -> TiffPages | None:
        """Open a TIFF; None for one of one page, and for what is no TIFF, which are pictures."""
        try:
            image = Image.open(path, formats=("TIFF",))
        except Exception:  # Pillow raises many kinds; `decode_image` says what is wrong
            return None
        if isinstance(image, TiffImageFile) and len(frames := _frames(image)) > 1:
            return cls(path, image, frames)
        image.close()
        return None

    def pixels(self, number: int) -> np.ndarray:
        """Return a page."""
        name = name_of_page(self, number)
        try:
            self._image.seek(self._frames[number - 1])
        except Exception as error:
            raise DataError(f"{name}: cannot be reached, the file is damaged ({error}); the others are read") from error
        return decode_image(self._image, name)

    def close(self) -> None:
        """Close the file."""
        self._image.close()


def _frames(image: TiffImageFile) -> list[int]:
    """The frames that are pages, up to the end of the file or to what cannot be reached."""
    frames: list[int] = []
    with suppress(Exception):
        for i in count():
            image.seek(i)
            tags = image.tag_v2
            if not (tags.get(NEW_SUBFILE_TYPE, 0) & NO_PAGE or tags.get(SUBFILE_TYPE) == SMALLER):
                frames.append(i)
    return frames


class PdfPages(PageFile):
    """The pages of a PDF."""

    def __init__(self, path: Path) -> None:
        if find_spec("pypdfium2") is None:
            raise DataError(f"{path}: PDFs are read by pypdfium2, which is not installed; {TO_INSTALL}")
        import pypdfium2

        self.path = path
        self.document = True
        try:
            self._pdf = pypdfium2.PdfDocument(path)
            self.n_pages = len(self._pdf)
        except (pypdfium2.PdfiumError, OSError) as error:
            if "password" in str(error).lower():
                raise DataError(f"{path}: the PDF is encrypted; save it without its password first") from error
            raise DataError(f"{path}: not a readable PDF ({error})") from error
        if not self.n_pages:
            raise DataError(f"{path}: a PDF without pages")
        self.without_picture = 0

    def pixels(self, number: int) -> np.ndarray:
        """Return a page as PDFium draws it, RGB."""
        name = name_of_page(self, number)
        try:
            page = self._pdf[number - 1]
            try:
                return self._drawn(page, name)
            finally:
                page.close()
        except DataError:
            raise
        except Exception as error:  # PDFium's own, and those of ctypes, for a damaged page
            raise DataError(f"{name}: cannot be drawn ({error}); the other pages are read") from error

    def has_text(self, number: int) -> bool:
        """Return whether a page has text that can be searched already."""
        text = self._pdf[number - 1].get_textpage()
        return bool(text.get_text_range().strip())

    def close(self) -> None:
        """Close the file."""
        self._pdf.close()

    def _drawn(self, page: Any, name: str) -> np.ndarray:
        width, height = page.get_size()
        if not (width > 0 and height > 0):
            raise DataError(f"{name}: a page of {width:g} x {height:g} points has nothing to draw")
        dpi = _resolution(page)
        if dpi is None:
            self.without_picture += 1
        scale = (dpi or USUAL_DPI) / POINTS
        scale = min(scale, math.sqrt(MAX_PIXELS / ((width + 1) * (height + 1))))
        bitmap = page.render(scale=scale, rev_byteorder=True, prefer_bgrx=False)
        pixels_HWC = np.array(bitmap.to_numpy()[:, :, :3])
        bitmap.close()
        return pixels_HWC


def _resolution(page: Any) -> float | None:
    """Pixels an inch of the picture that covers most of a page, within limits; None where there is no picture."""
    import pypdfium2.raw as raw

    largest, dpi = 0.0, None
    for each in page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE]):
        left, bottom, right, top = each.get_bounds()
        width, height = right - left, top - bottom
        across, down = each.get_px_size()
        if width * height > largest:
            largest = width * height
            # whichever way the picture is turned, its pixels and its place have the same area
            dpi = POINTS * math.sqrt(across * down / (width * height))
    return None if dpi is None else min(max(dpi, LEAST_DPI), MOST_DPI)
