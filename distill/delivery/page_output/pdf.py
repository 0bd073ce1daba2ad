"""A searchable PDF: the pictures of pages with their texts, unseen, in place; pages of a PDF stay what they are."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pikepdf
from pikepdf import Array, Dictionary, Name

from distill.data.formats.contents import bytes_of
from distill.data.formats.page_images import header_of
from distill.delivery.page_output.markup import PROGRAM
from distill.delivery.page_output.pdf_picture import drawn, picture_of, stated_dpi
from distill.delivery.page_output.pdf_text import InklessFont, text_layer
from students.errors import DataError
from students.image import UPRIGHT
from students.pages.page import Page

POINTS = 72  # an inch
USUAL_DPI = 150  # of a picture that states none
MOST_POINTS = 14_400  # a side of a page (PDF 1.7, annex C)


class SearchablePdf:
    """A PDF that is being written, of pictures, or of a PDF whose pages get texts."""

    def __init__(self, source: Path | None = None) -> None:
        """Begin an empty PDF, or one of the pages of another; raises `DataError` for one that cannot be opened."""
        try:
            self._pdf = pikepdf.Pdf.new() if source is None else pikepdf.open(source)
        except (pikepdf.PdfError, pikepdf.PasswordError, OSError) as error:
            raise DataError(f"{source}: not a readable PDF ({error})") from error
        self._font = InklessFont(self._pdf)

    def add_picture(self, page: Page, pixels_HWC: np.ndarray, file: Path | None) -> None:
        """Add a page that shows a picture; `file` is the file of this picture alone, None where there is none."""
        data = None if file is None else bytes_of(file)
        dpi = (stated_dpi(data) if data else None) or USUAL_DPI
        dpi = max(dpi, POINTS * max(page.width, page.height) / MOST_POINTS)
        scale = POINTS / dpi
        width, height = page.width * scale, page.height * scale
        picture, as_stored = picture_of(self._pdf, data, pixels_HWC)
        orientation = header_of(file).orientation if file is not None and as_stored else UPRIGHT
        contents = drawn("/Picture", width, height, orientation)
        contents += text_layer(page, self._font, "/Text", (scale, 0, 0, -scale, 0, height))
        self._pdf.pages.append(
            pikepdf.Page(
                Dictionary(
                    Type=Name.Page,
                    MediaBox=Array([0, 0, round(width, 4), round(height, 4)]),
                    Contents=self._pdf.make_stream(contents),
                    Resources=Dictionary(XObject=Dictionary(Picture=picture), Font=Dictionary(Text=self._font.font)),
                )
            )
        )

    def add_text(self, number: int, page: Page) -> None:
        """Add the text of a page that was read to the page of that number, from 1, of the PDF begun with."""
        target = self._pdf.pages[number - 1]
        name = target.add_resource(self._font.font, Name.Font)
        layer = text_layer(page, self._font, str(name), _to_points(target, page))
        target.contents_add(b"q\n", prepend=True)  # what stands there may leave the state of drawing changed
        target.contents_add(b"\nQ\n" + layer)

    def written(self) -> bytes:
        """Return the PDF; equal pages give equal bytes."""
        self._font.finish()
        self._pdf.docinfo["/Producer"] = PROGRAM
        target = io.BytesIO()
        self._pdf.save(target, deterministic_id=True, compress_streams=True)
        return target.getvalue()

    def close(self) -> None:
        """Close it."""
        self._pdf.close()


def _to_points(target: pikepdf.Page, page: Page) -> tuple[float, ...]:
    """The matrix from the pixels of a page as it was drawn, turned by its /Rotate, to its points."""
    left, bottom, right, top = _shown_box(target)
    across, down = right - left, top - bottom
    turned = int(_inherited(target, "/Rotate", 0)) % 360
    if turned in (90, 270):
        across, down = down, across
    x, y = across / page.width, down / page.height
    match turned:
        case 90:
            return (0, x, y, 0, left, bottom)
        case 180:
            return (-x, 0, 0, y, right, bottom)
        case 270:
            return (0, -x, -y, 0, right, top)
        case _:
            return (x, 0, 0, -y, left, top)


def _shown_box(target: pikepdf.Page) -> tuple[float, float, float, float]:
    """What a page shows: its crop box, as far as it lies in the media box."""
    media, crop = ([float(side) for side in box] for box in (target.mediabox, target.cropbox))
    media, crop = ([*map(min, b[:2], b[2:]), *map(max, b[:2], b[2:])] for b in (media, crop))
    left, bottom, right, top = *map(max, media[:2], crop[:2]), *map(min, media[2:], crop[2:])
    return (left, bottom, right, top) if right > left and top > bottom else (media[0], media[1], media[2], media[3])


def _inherited(target: pikepdf.Page, key: str, otherwise: Any) -> Any:
    """A value of a page, or of the nodes of the tree above it."""
    node: Any = target.obj
    for _ in range(100):  # a damaged tree may be a ring
        if key in node:
            return node[key]
        if "/Parent" not in node:
            break
        node = node["/Parent"]
    return otherwise
