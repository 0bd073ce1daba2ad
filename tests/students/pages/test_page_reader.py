"""Pages read by a true recogniser, on the maps that an ideal locator would give: cut, read, in order, on the page."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

import students
from students.errors import DataError
from students.image import ImageInput
from students.pages.page import Page
from students.pages.reader import PAGES_TOGETHER, PageReader
from students.reader import Reader
from tests.marked_pages import IdealLocator

TEXTS = ("TOTAL 12.50", "CASH 20.00", "CHANGE 7.50", "THANK YOU")
HEIGHT, STEP = 30, 44


@pytest.fixture(scope="module")
def recogniser() -> Reader:
    return students.load("receipts")


def printed(texts: tuple[str, ...] = TEXTS, colour: bool = False) -> tuple[Image.Image, np.ndarray]:
    """A page with a line of text every 44 px, and the corners of the lines."""
    page = Image.new("RGB" if colour else "L", (420, 20 + STEP * len(texts)), "lightyellow" if colour else 235)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(24)
    corners = []
    for i, text in enumerate(texts):
        top = 20 + STEP * i
        draw.text((60, top + HEIGHT / 2), text, fill="navy" if colour else 10, font=font, anchor="lm")
        right = 60 + draw.textlength(text, font) + 4
        corners.append([(56, top), (right, top), (right, top + HEIGHT), (56, top + HEIGHT)])
    return page, np.array(corners)


@pytest.mark.parametrize("colour", [False, True])
def test_lines_are_cut_read_and_placed_on_the_page(recogniser: Reader, colour: bool) -> None:
    page, corners_N42 = printed(colour=colour)
    read = PageReader(IdealLocator(corners_N42[::-1]), recogniser).read_page(page)
    assert read.text.splitlines() == list(TEXTS)
    assert (read.width, read.height) == page.size
    for line, corners_42 in zip(read.lines, corners_N42, strict=True):
        assert np.abs(np.array(line.polygon) - corners_42).max() < 3
        assert line.box == (*map(min, zip(*line.polygon, strict=True)), *map(max, zip(*line.polygon, strict=True)))
        assert 0.9 < line.found <= 1
        assert 0 < line.confidence <= 1
        assert line.problem == ""


@pytest.mark.parametrize("degrees", [4, -17, 45, 90, 180, 270])
def test_a_page_lies_as_it_may(recogniser: Reader, degrees: int) -> None:
    """Pillow turns against the clock, around the middle; y runs downwards."""
    page, corners_N42 = printed()
    turned = page.rotate(degrees, expand=True, fillcolor=235, resample=Image.Resampling.BICUBIC)
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    corners_N42 = (corners_N42 - np.array(page.size) / 2) @ turn + np.array(turned.size) / 2
    read = PageReader(IdealLocator(corners_N42), recogniser).read_page(turned)
    assert read.text.splitlines() == list(TEXTS)


def test_characters_have_places_on_the_page(recogniser: Reader) -> None:
    """Frames are 4 px wide or so: characters come where they were printed, give or take one."""
    page, corners_N42 = printed()
    font = ImageFont.load_default(24)
    for margin in (0.0, 0.2):
        line = PageReader(IdealLocator(corners_N42, margin=margin), recogniser).read_page(page).lines[0]
        assert line.text == TEXTS[0]
        for i, (begin, end) in enumerate(line.extents):
            middle = 60 + (font.getlength(TEXTS[0][:i]) + font.getlength(TEXTS[0][: i + 1])) / 2
            (x0, _), (x1, _), *_ = line.part(begin, end)
            assert abs((x0 + x1) / 2 - middle) < 9


def test_a_page_without_lines_reads_empty(recogniser: Reader) -> None:
    for page in (np.full((300, 200, 3), 255, np.uint8), np.random.default_rng(1).integers(0, 256, (64, 48), np.uint8)):
        read = PageReader(IdealLocator(np.zeros((0, 4, 2))), recogniser).read_page(page)
        assert read.lines == ()
        assert read.text == ""


def test_a_page_of_one_line_and_one_pixel(recogniser: Reader) -> None:
    page, corners_N42 = printed(TEXTS[:1])
    assert PageReader(IdealLocator(corners_N42), recogniser).read_page(page).text == TEXTS[0]
    assert PageReader(IdealLocator([]), recogniser).read_page(np.zeros((1, 1), np.uint8)).lines == ()


def test_a_line_too_long_to_read_costs_the_others_nothing(recogniser: Reader) -> None:
    page, corners_N42 = printed()
    wide = Image.new("L", (3000, 250), 235)
    wide.paste(page, (0, 0))
    rule = np.array([[(10, 200), (2990, 200), (2990, 212), (10, 212)]])
    read = PageReader(IdealLocator(np.concatenate([corners_N42, rule])), recogniser).read_page(wide)
    assert [line.text for line in read.lines[:-1]] == list(TEXTS)
    assert read.lines[-1].text == ""
    assert "line 5" in read.lines[-1].problem
    assert "max_width_px" in read.lines[-1].problem


@pytest.mark.parametrize("side_px", [6_400, 20_000])
def test_too_large_pages_are_refused_before_they_are_decoded(recogniser: Reader, tmp_path: Path, side_px: int) -> None:
    header = b"IHDR" + struct.pack(">IIBBBBB", side_px, side_px, 8, 0, 0, 0, 0)
    chunks = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header)) + struct.pack(">I", 2**20) + b"IDAT"
    (tmp_path / "huge.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    with pytest.raises(DataError, match=r"huge\.png: .*at most 40,000,000 pixels"):
        PageReader(IdealLocator([]), recogniser).read_page(tmp_path / "huge.png")


def test_what_is_no_page_is_refused(recogniser: Reader) -> None:
    with pytest.raises(DataError, match="page: an array must be uint8"):
        PageReader(IdealLocator([]), recogniser).read_page(np.zeros((4, 4, 4), np.uint8))


def test_a_page_that_exif_turns_is_read_as_shown(recogniser: Reader, tmp_path: Path) -> None:
    page, corners_N42 = printed()
    stored = page.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # turn it back by a quarter, clockwise
    stored.save(tmp_path / "turned.png", exif=exif)
    read = PageReader(IdealLocator(corners_N42), recogniser).read_page(tmp_path / "turned.png")
    assert (read.width, read.height) == page.size
    assert read.text.splitlines() == list(TEXTS)


def test_pages_together_read_as_each_alone(recogniser: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines of several pages share batches; what is no page has its error in its place."""
    corners_N42 = printed()[1]
    reader = PageReader(IdealLocator(corners_N42), recogniser)
    texts = [tuple(f"{word} {number}" for word in ("TOTAL", "CASH", "DUE", "TAX")) for number in range(5)]
    pages: list[ImageInput] = [printed(some)[0] for some in texts]
    pages.insert(2, b"no image")
    alone = [reader.read_page(page) for page in pages if page != b"no image"]
    sizes: list[int] = []
    logits_of = recogniser.logits_of

    def counted(images_NCHW: np.ndarray) -> np.ndarray:
        sizes.append(len(images_NCHW))
        return logits_of(images_NCHW)

    monkeypatch.setattr(recogniser, "logits_of", counted)
    together = list(reader.read_pages(iter(pages)))
    assert isinstance(error := together.pop(2), DataError)
    assert "page 2: not a readable image" in str(error)
    assert [page.text for page in together if isinstance(page, Page)] == [page.text for page in alone]
    for one, other in zip(alone, together, strict=True):
        assert isinstance(other, Page)
        assert [line.polygon for line in one.lines] == [line.polygon for line in other.lines]
        assert np.allclose(
            [line.confidence for line in one.lines], [line.confidence for line in other.lines], atol=1e-5
        )
    assert max(sizes) > len(texts[0])


def test_pages_are_read_as_they_come_and_few_are_held(recogniser: Reader) -> None:
    page, corners_N42 = printed()
    taken = 0

    def endless() -> Iterator[Image.Image]:
        nonlocal taken
        for _ in range(20):
            taken += 1
            yield page
        raise KeyboardInterrupt

    pages = PageReader(IdealLocator(corners_N42), recogniser).read_pages(endless())
    next(pages)
    assert taken <= PAGES_TOGETHER
    read: list[Page | DataError] = []
    with pytest.raises(KeyboardInterrupt):
        read.extend(pages)
    assert len(read) == 19


def test_a_line_too_long_costs_the_other_pages_no_batch(recogniser: Reader) -> None:
    wide = np.full((40, 8000), 235, np.uint8)
    reader = PageReader(IdealLocator(np.array([[(10, 10), (7990, 10), (7990, 22), (10, 22)]])), recogniser)
    first, second = reader.read_pages([wide, wide])
    assert isinstance(first, Page)
    assert isinstance(second, Page)
    assert [line.problem.startswith("line 1: ") for page in (first, second) for line in page.lines] == [True, True]


def test_a_page_that_stands_on_its_head_is_said_to(recogniser: Reader) -> None:
    """A locator finds its lines as if they were upright: their corners begin at what it sees as the top left."""
    texts = (*TEXTS, "SUBTOTAL 12.00", "TAX 0.50")
    page, corners_N42 = printed(texts)
    assert not PageReader(IdealLocator(corners_N42), recogniser).read_page(page).upside_down
    turned = page.rotate(180)
    found_N42 = (np.array(page.size) - corners_N42)[:, [2, 3, 0, 1]]
    read = PageReader(IdealLocator(found_N42), recogniser).read_page(turned)
    assert read.upside_down
    assert len(read.lines) == len(texts)
    few = PageReader(IdealLocator(found_N42[:2]), recogniser).read_page(turned)
    assert not few.upside_down  # two lines tell nothing
    assert not PageReader(IdealLocator(found_N42[:0]), recogniser).read_page(turned).upside_down
