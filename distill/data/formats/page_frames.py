"""Which pixels of an image the points of a description count: stored or shown, and at what scale.

PAGE and ALTO state the size of their page. Where that is the size of the stored pixels, points count those, as kraken
and Transkribus draw them; else, where it is the size that EXIF turns the image to, they count what is shown. Where a
format counts what is shown, that comes first. A page of another size and the same shape, as units other than pixels
give it, is scaled.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np

from distill.data.formats.notes import Notes
from distill.data.formats.page_images import Header, header_of
from students.errors import DataError
from students.image import UPRIGHT

PIXEL = "pixel"
SHAPE_TOLERANCE = 0.015  # by which the scales of width and height may differ, since sides in units are rounded


class DescribedPage(NamedTuple):
    """The image of a page, and the width and height that its description states, in units; None: none stated.

    `shown`: the format counts pixels of the image as it is shown.
    """

    image: Path
    size: tuple[float, float] | None
    unit: str = PIXEL
    shown: bool = False


class Frame(NamedTuple):
    """What points count: a page of so many pixels, pixels a unit, and the EXIF orientation to undo (1: none)."""

    size_px: tuple[int, int]
    scale: tuple[float, float] = (1.0, 1.0)
    orientation: int = UPRIGHT


def frame_of(page: DescribedPage, notes: Notes) -> Frame:
    """Return what the points of a page count; raises `DataError` for an image that is not the one described.

    What is decided by a rule is added to `notes`.
    """
    header = header_of(page.image)
    turned = header.orientation != UPRIGHT
    if page.size is None:
        return _of_no_size(page, header, notes)
    stored, shown = _scale(page, header.stored), _scale(page, header.shown)
    exactly = page.unit == PIXEL and page.size in (header.stored, header.shown)
    if exactly:
        stored, shown = ((1.0, 1.0) if size == page.size else None for size in (header.stored, header.shown))
    elif stored or shown:
        rule = "measured on another size of their image" if page.unit == PIXEL else f"measured in {page.unit}"
        notes.add(f"pages {rule}, scaled by the size of the page", str(page.image))
    if turned and page.shown and shown:
        return Frame(header.shown, shown)
    if turned and stored and shown:
        notes.add("pages turned by EXIF to the same size; their lines count the pixels as stored", str(page.image))
    if stored:
        return Frame(header.stored, stored, header.orientation)
    if shown:
        return Frame(header.shown, shown)
    described = " x ".join(f"{side:g}" for side in page.size)
    unit = "px" if page.unit == PIXEL else page.unit
    width, height = header.shown
    raise DataError(f"{page.image}: {width} x {height} px, but its lines were marked on {described} {unit}")


def as_stored(pixels_HWC: np.ndarray, orientation: int) -> np.ndarray:
    """Undo what EXIF's orientation (1 to 8) did to the pixels of an image."""
    match orientation:
        case 2:
            undone = pixels_HWC[:, ::-1]
        case 3:
            undone = pixels_HWC[::-1, ::-1]
        case 4:
            undone = pixels_HWC[::-1]
        case 5:
            undone = pixels_HWC.swapaxes(0, 1)
        case 6:
            undone = np.rot90(pixels_HWC)
        case 7:
            undone = np.rot90(pixels_HWC.swapaxes(0, 1), 2)
        case 8:
            undone = np.rot90(pixels_HWC, -1)
        case _:
            undone = pixels_HWC
    return np.ascontiguousarray(undone)


def _of_no_size(page: DescribedPage, header: Header, notes: Notes) -> Frame:
    if page.unit != PIXEL:
        raise DataError(
            f"{page.image}: its lines are measured in {page.unit} on a page of no stated size; state the size of the "
            "page, or write them in pixels"
        )
    if header.orientation == UPRIGHT:
        return Frame(header.stored)
    if page.shown:
        notes.add("pages turned by EXIF; their lines count the pixels as shown, as PPOCRLabel does", str(page.image))
        return Frame(header.shown)
    notes.add("pages turned by EXIF, of no stated size; their lines count the pixels as stored", str(page.image))
    return Frame(header.stored, orientation=header.orientation)


def _scale(page: DescribedPage, size_px: tuple[int, int]) -> tuple[float, float] | None:
    """Pixels a unit, across and down, for an image of the shape of the page."""
    if page.size is None or not all(0 < side < math.inf for side in page.size):
        return None
    across, down = (px / side for px, side in zip(size_px, page.size, strict=True))
    return (across, down) if abs(across / down - 1) <= SHAPE_TOLERANCE else None
