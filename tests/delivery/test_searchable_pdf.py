"""Searchable PDFs: texts at their places, pictures as they are in their files."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pikepdf
import pypdfium2
import pytest
from PIL import Image

from distill.delivery.page_input import opened_pages
from distill.delivery.page_output.pdf import SearchablePdf
from students.pages.page import Page
from tests.read_pages import HEIGHT, WIDTH, box, read_line, read_page


def picture() -> Image.Image:
    """A page that is dark in its upper left corner alone."""
    pixels = np.full((HEIGHT, WIDTH, 3), 230, np.uint8)
    pixels[:60, :100] = (20, 60, 20)
    return Image.fromarray(pixels)


def pdf_of(file: Path, page: Page) -> bytes:
    pdf = SearchablePdf()
    with opened_pages(file) as opened:
        pdf.add_picture(page, opened.pixels(1), file)
    return pdf.written()


@pytest.mark.parametrize(
    "name", ["a.jpg", "grey.jpg", "cmyk.jpg", "a.jp2", "a.png", "palette.png", "alpha.png", "a.webp"]
)
def test_pictures_look_as_they_do_in_their_files(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    modes = {"grey.jpg": "L", "cmyk.jpg": "CMYK", "palette.png": "P", "alpha.png": "RGBA"}
    picture().convert(modes.get(name, "RGB")).save(path)
    data = pdf_of(path, read_page())
    assert data == pdf_of(path, read_page())
    as_it_is = path.suffix in (".jpg", ".jp2")
    assert (path.read_bytes() in data) == as_it_is
    drawn = pypdfium2.PdfDocument(data)[0].render(scale=150 / 72, rev_byteorder=True).to_numpy()[:, :, :3]
    with opened_pages(path) as opened:
        seen = opened.pixels(1)
    seen = seen if seen.ndim == 3 else np.repeat(seen[:, :, None], 3, axis=2)
    assert drawn.shape == seen.shape
    off = 12 if name == "cmyk.jpg" else 3  # inks have no one colour
    assert np.abs(drawn.astype(int) - seen).mean() < off


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_turned_by_exif_goes_in_as_it_is_and_stands_upright(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture().save(tmp_path / "a.jpg", exif=exif)
    with opened_pages(tmp_path / "a.jpg") as opened:
        seen = opened.pixels(1)
    data = pdf_of(tmp_path / "a.jpg", Page(seen.shape[1], seen.shape[0], ()))
    drawn = pypdfium2.PdfDocument(data)[0].render(scale=150 / 72, rev_byteorder=True).to_numpy()[:, :, :3]
    assert drawn.shape == seen.shape
    assert np.abs(drawn.astype(int) - seen).mean() < 3


def test_texts_can_be_found_where_they_stand(tmp_path: Path) -> None:
    picture().save(tmp_path / "a.jpg", dpi=(300, 300))
    page = pypdfium2.PdfDocument(pdf_of(tmp_path / "a.jpg", read_page()))[0]
    assert page.get_size() == (WIDTH * 72 / 300, HEIGHT * 72 / 300)
    text = page.get_textpage()
    assert text.get_text_range().splitlines() == [line.text for line in read_page().lines]
    for searched, line in (("TOTAL", 0), ("one", 3)):
        begin, n = text.search(searched).get_next()
        boxes = np.array([text.get_charbox(i) for i in range(begin, begin + n)]) * 300 / 72
        left, top, _, bottom = read_page().lines[line].box
        found = boxes[:, 0].min(), HEIGHT - boxes[:, 3].max(), HEIGHT - boxes[:, 1].min()
        assert found == pytest.approx((left, top, bottom), abs=0.5)


def test_a_hyphen_at_the_end_of_a_line_is_written_whatever_readers_make_of_it(tmp_path: Path) -> None:
    """See findings/pdfium-hyphen-at-line-end.sh: PDFium gives U+FFFE for it."""
    picture().save(tmp_path / "a.jpg", dpi=(300, 300))
    lines = (read_line("well-", *box(20, 20, 200, 50)), read_line("known", *box(20, 60, 200, 90)))
    with pikepdf.open(io.BytesIO(pdf_of(tmp_path / "a.jpg", Page(WIDTH, HEIGHT, lines)))) as pdf:
        (font,) = pdf.pages[0].Resources.Font.values()
        written = font.ToUnicode.read_bytes().decode()
    codes = dict(re.findall(r"<([0-9A-F]{4})> <([0-9A-F]{4})>", written))
    assert {bytes.fromhex(code).decode("utf-16-be") for code in codes.values()} >= set("well-known")


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_pages_of_a_pdf_keep_what_they_are_and_get_a_text(tmp_path: Path, turned: int) -> None:
    path = tmp_path / "scan.pdf"
    picture().save(path, resolution=200)
    with pikepdf.open(path, allow_overwriting_input=True) as pdf:
        pdf.pages[0].rotate(turned, relative=False)
        pdf.save(path)
    with opened_pages(path) as opened:
        seen = opened.pixels(1)
    height, width = seen.shape[:2]
    assert sorted((height, width)) == [HEIGHT, WIDTH]
    pdf_written = SearchablePdf(path)
    pdf_written.add_text(1, Page(width, height, (read_line("Find me", *box(40, 50, 180, 70)),)))
    written = pypdfium2.PdfDocument(pdf_written.written())
    again = written[0].render(scale=200 / 72, rev_byteorder=True).to_numpy()[:, :, :3]
    assert np.array_equal(again, seen)
    text = written[0].get_textpage()
    assert text.get_text_range() == "Find me"
    left, bottom, right, top = (side * 200 / 72 for side in text.get_charbox(0))
    across, down = (WIDTH, HEIGHT)
    corners = {
        0: (left, down - top),
        90: (bottom, left),
        180: (across - right, bottom),
        270: (down - top, across - right),
    }
    assert corners[turned] == pytest.approx((40, 50), abs=0.7)
