"""Lines cut out of page images by polygon, when they are fetched.

What lies outside the polygon, widened by the margin, becomes the paper's colour: the median of what lies inside.
Cutting a line decodes its page: for training, cut once with `distill import`.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PureWindowsPath
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image

from distill.data.formats.contents import Contents, is_file, lies_inside
from students.errors import DataError
from students.image import decode_image


class PageLine(NamedTuple):
    """A line of a page: `polygon` as written (x,y x,y ...), in pixels of a page of `size_px` (width, height)."""

    name: str
    text: str | None
    image: Path
    polygon: str
    size_px: tuple[float, float] | None


@dataclass(frozen=True)
class PageFetch:
    """Lines as PNG. Neighbouring lines share the decoded page."""

    lines: tuple[PageLine, ...]
    margin_px: int

    def __call__(self, row: int) -> bytes:
        line = self.lines[row]
        page_HWC = _page(line.image)
        height, width = page_HWC.shape[:2]
        if line.size_px is not None and line.size_px != (width, height):
            described = " x ".join(f"{side:g}" for side in line.size_px)
            raise DataError(f"{line.image}: {width} x {height} px, but its lines were marked on {described} px")
        buffer = io.BytesIO()
        Image.fromarray(cut_line(page_HWC, polygon_of(line.polygon), self.margin_px)).save(buffer, "PNG")
        return buffer.getvalue()


def contents_of_pages(lines: Sequence[PageLine], margin_px: int) -> Contents:
    """Return the lines of pages as the contents of a source."""
    return Contents([line.name for line in lines], [line.text for line in lines], PageFetch(tuple(lines), margin_px))


@lru_cache(maxsize=2)
def _page(path: Path) -> np.ndarray:
    return decode_image(path)


def page_image(named: str, described_by: Path) -> Path | None:
    """Return the image of a page by its name in `described_by`: next to that file, a folder above, or of its name.

    Programs write absolute paths of their own machine: of a name that leaves the folder the last part counts.
    """
    folder, last = described_by.parent, PureWindowsPath(named).name
    names = [named] if lies_inside(named) else [last] if last else []
    candidates = [place / name for name in names for place in (folder, folder.parent)]
    candidates += [described_by.with_suffix(suffix) for suffix in (".png", ".jpg", ".jpeg", ".tif", ".tiff")]
    return next((path for path in candidates if is_file(path)), None)


def polygon_of(points: str) -> np.ndarray:
    """Return the corners (P, 2) of a polygon written `x,y x,y ...` or `x y x y ...`; raises `DataError`."""
    try:
        numbers = [float(number) for number in re.split(r"[\s,]+", points.strip()) if number]
    except ValueError:
        raise DataError(f"its polygon is not a row of numbers: {points[:60]!r}") from None
    if len(numbers) % 2 or len(numbers) < 6:
        raise DataError(f"its polygon has {len(numbers) / 2:g} points; a line needs three or more: {points[:60]!r}")
    return np.array(numbers).reshape(-1, 2)


def cut_line(page_HWC: np.ndarray, polygon_P2: np.ndarray, margin_px: int) -> np.ndarray:
    """Return the part of a page, uint8 (H, W) or (H, W, 3), inside a polygon (P, 2) of x and y, and a margin.

    Raises `DataError` for a polygon that leaves the page or encloses nothing. The margin ends at the page's edge.
    """
    height, width = page_HWC.shape[:2]
    inside = (polygon_P2 >= 0) & (polygon_P2 <= (width, height))
    if not inside.all():  # true for a corner that is no number, too
        x, y = polygon_P2[~inside.all(axis=1)][0]
        raise DataError(f"its polygon leaves the page of {width} x {height} px at {x:g},{y:g}")
    if cv2.contourArea(polygon_P2.astype(np.float32)) < 1:
        raise DataError("its polygon encloses nothing")
    (left, top), (right, bottom) = polygon_P2.min(0), polygon_P2.max(0)
    left, top = max(math.floor(left) - margin_px, 0), max(math.floor(top) - margin_px, 0)
    right, bottom = min(math.ceil(right) + margin_px, width), min(math.ceil(bottom) + margin_px, height)
    line_HWC = page_HWC[top:bottom, left:right].copy()
    mask_HW = np.zeros(line_HWC.shape[:2], np.uint8)
    cv2.fillPoly(mask_HW, [np.round(polygon_P2 - (left, top)).astype(np.int32)], 1)
    paper = np.median(line_HWC[mask_HW > 0], axis=0)
    if margin_px:
        mask_HW = cv2.dilate(mask_HW, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * margin_px + 1,) * 2))
    line_HWC[mask_HW == 0] = paper.astype(np.uint8)
    return line_HWC
