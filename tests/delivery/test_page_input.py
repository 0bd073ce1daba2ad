"""Documents of several pages: all of them, in order, and as they are shown."""

import io
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, Stream
from PIL import Image, ImageChops, ImageDraw

from distill.delivery.page_input import opened_pages

INK, PAPER = (8, 12), (1, 1)


def test_pages_of_a_tiff_that_differ_in_size_and_colours_come_in_order(tmp_path: Path) -> None:
    """See findings/tifffile-loses-pages.sh: others leave those out that are not as the first."""
    forms = [("L", (40, 60)), ("L", (60, 40)), ("RGB", (40, 60)), ("L", (40, 60))]
    first, *others = (Image.new("L", size, 50 * i).convert(mode) for i, (mode, size) in enumerate(forms, start=1))
    first.save(tmp_path / "scan.tif", save_all=True, append_images=others)
    with opened_pages(tmp_path / "scan.tif") as file:
        pages = [file.pixels(number + 1) for number in range(file.n_pages)]
    assert [page.shape[:2] for page in pages] == [size[::-1] for _, size in forms]
    assert [int(page.flat[0]) for page in pages] == [50, 100, 150, 200]


def picture(kind: str) -> tuple[bytes, int, dict[str, Any]]:
    """Bytes, bits of a pixel and further entries of a picture that is black on white where it is shown."""
    grey = Image.new("L", (64, 24), 255)
    ImageDraw.Draw(grey).rectangle([8, 4, 15, 11], fill=0)
    negative = ImageChops.invert(grey)
    turned, flate = {"Decode": Array([1, 0])}, {"Filter": Name.FlateDecode}
    if kind == "stencil":
        return zlib.compress(grey.convert("1").tobytes()), 1, {"ImageMask": True} | flate
    if kind == "one bit":
        return zlib.compress(negative.convert("1").tobytes()), 1, {"ColorSpace": Name.DeviceGray} | flate | turned
    if kind == "palette":
        colours = Array([Name.Indexed, Name.DeviceGray, 1, pikepdf.String(b"\xff\x00")])
        return zlib.compress(grey.convert("1").tobytes()), 1, {"ColorSpace": colours} | flate | turned
    negative.save(held := io.BytesIO(), "JPEG", quality=95)
    return held.getvalue(), 8, {"ColorSpace": Name.DeviceGray, "Filter": Name.DCTDecode} | turned


@pytest.mark.parametrize("kind", ["stencil", "one bit", "palette", "JPEG"])
def test_pictures_of_a_pdf_are_read_as_the_page_shows_them(tmp_path: Path, kind: str) -> None:
    """See findings/pdf-images-come-as-negatives.sh: taken out of it, some are white on black."""
    data, bits, entries = picture(kind)
    pdf = pikepdf.new()
    pdf.add_blank_page(page_size=(64, 24))
    size = {"Type": Name.XObject, "Subtype": Name.Image, "Width": 64, "Height": 24, "BitsPerComponent": bits}
    image = pdf.make_indirect(Stream(pdf, data, **size, **entries))
    pdf.pages[0].Resources = Dictionary(XObject=Dictionary(Im0=image))
    pdf.pages[0].Contents = Stream(pdf, b"q 64 0 0 24 0 0 cm /Im0 Do Q")
    pdf.save(tmp_path / "scan.pdf")
    with opened_pages(tmp_path / "scan.pdf") as file:
        drawn = file.pixels(1)
    scale = np.array(drawn.shape[:2]) / (24, 64)
    ink, paper = (drawn[tuple((np.array(place) * scale).astype(int))].tolist() for place in (INK, PAPER))
    assert max(ink) < 20
    assert min(paper) > 235
