"""hOCR, ALTO and PAGE XML: as the standards have it, and read back by our own import."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from distill.data.pages.opening import open_pages, shown_corners, stored_points
from distill.data.pages.sources import PageFileSource
from distill.delivery.page_input import opened_pages
from distill.delivery.page_output.alto import alto_of
from distill.delivery.page_output.hocr import hocr_of
from distill.delivery.page_output.markup import WrittenPage
from distill.delivery.page_output.page_xml import page_xml_of
from distill.delivery.page_output.sinks import FileSink
from distill.delivery.page_output.words import words_of
from students.pages.page import Page, PageLine
from tests.read_pages import HEIGHT, WIDTH, box, read_line, read_page

PAPER = np.full((HEIGHT, WIDTH), 220, np.uint8)
POINTS = re.compile(r"([0-9]+,[0-9]+ )+([0-9]+,[0-9]+)")  # PointsType of PAGE 2019
ORDER = {  # of the children that the schemas have in sequence, and the attributes that they require
    "PcGts": (["Metadata", "Page"], []),
    "Metadata": (["Creator", "Created", "LastChange"], []),
    "TextRegion": (["Coords", "TextLine", "TextEquiv"], ["id"]),
    "TextLine": (["Coords", "Baseline", "Word", "TextEquiv"], ["id"]),
    "Word": (["Coords", "Glyph", "TextEquiv"], ["id"]),
    "Glyph": (["Coords", "TextEquiv"], ["id"]),
    "alto": (["Description", "Layout"], []),
    "Description": (["MeasurementUnit", "sourceImageInformation", "Processing"], []),
    "TextBlock": (["TextLine"], ["ID"]),
    "String": (["Shape", "Glyph"], ["CONTENT"]),
}


def names(element: ElementTree.Element) -> list[str]:
    return [each.tag.rpartition("}")[2] for each in element]


def expect_order(root: ElementTree.Element, order: dict[str, tuple[list[str], list[str]]]) -> int:
    checked = 0
    for element in root.iter():
        children, attributes = order.get(element.tag.rpartition("}")[2], (None, []))
        if children is not None:
            places = [children.index(name) for name in names(element)]
            assert places == sorted(places)
            assert all(element.get(name) for name in attributes if name != "CONTENT")
            checked += 1
    return checked


def test_page_xml_has_the_elements_of_its_schema_in_their_order() -> None:
    root = ElementTree.fromstring(page_xml_of(WrittenPage(read_page(), "a.png", changed=1e9)))
    assert expect_order(root, ORDER) > 50
    of_page = root.find("{*}Page")
    assert of_page is not None
    assert of_page.attrib == {"imageFilename": "a.png", "imageWidth": "400", "imageHeight": "300"}
    points = [each.get("points", "") for each in root.iter() if "points" in each.attrib]
    assert len(points) > 50
    assert all(POINTS.fullmatch(each) for each in points)
    assert all(0 <= float(each.get("conf", "0")) <= 1 for each in root.iter())
    assert root.findtext("{*}Metadata/{*}Created") == "2001-09-09T01:46:40Z"
    identifiers = [each.get("id") for each in root.iter() if "id" in each.attrib]
    assert len(identifiers) == len(set(identifiers))


def test_alto_has_the_elements_of_its_schema_in_their_order() -> None:
    root = ElementTree.fromstring(alto_of(WrittenPage(read_page(), "a.png")))
    assert expect_order(root, {key: value for key, value in ORDER.items() if key not in ("TextLine", "Glyph")}) > 10
    for line in root.iterfind(".//{*}TextLine"):
        assert names(line)[0] == "Shape"
        assert names(line)[2::2] == ["SP"] * len(names(line)[2::2])
        assert names(line)[1::2] == ["String"] * len(names(line)[1::2])  # a space between each two
    for glyph in root.iterfind(".//{*}Glyph"):
        assert len(glyph.attrib["CONTENT"]) == 1
        assert {"HPOS", "VPOS", "WIDTH", "HEIGHT"} <= set(glyph.attrib)
    for string in root.iterfind(".//{*}String"):
        assert len(string.attrib["CC"].split()) == len(string.attrib["CONTENT"])
    page = root.find(".//{*}Page")
    assert page is not None
    assert page.get("PHYSICAL_IMG_NR") == "1"
    directions = [line.get("BASEDIRECTION") for line in root.iterfind(".//{*}TextLine")]
    assert directions == [None, "rtl", None, None, None]


def test_hocr_says_where_lines_and_words_are() -> None:
    root = ElementTree.fromstring(hocr_of(WrittenPage(read_page(), 'Käse "1".png')))
    of_class = {kind: [each for each in root.iter() if each.get("class") == kind] for kind in ("ocr_line", "ocrx_word")}
    titles = [line.get("title", "") for line in of_class["ocr_line"]]
    assert titles[0].startswith("bbox 20 20 220 44; baseline 0 0; poly 20 20 220 20 220 44 20 44; x_wconf 90")
    assert "baseline 0.0667 -20" in titles[2]
    assert "textangle 270" in titles[4]
    assert [line.get("dir") for line in of_class["ocr_line"]] == [None, "rtl", None, None, None]
    words = [word.text for line in read_page().lines for word in words_of(line)]
    assert [word.text for word in of_class["ocrx_word"]] == words
    first = of_class["ocrx_word"][0].get("title", "")
    assert first.startswith("bbox 20 20 73 44; x_wconf 50; x_confs 50.0 51.0 52.0 53.0 54.0; x_bboxes 20 20 31 44")


@pytest.mark.parametrize("form", ["alto", "page"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_our_own_import_reads_back_what_is_written(tmp_path: Path, form: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = tmp_path / "bilder" / "Käse & Brot.png"
    picture.parent.mkdir()
    stored = PAPER if orientation < 5 else PAPER.T
    Image.fromarray(stored).save(picture, exif=exif)
    page = read_page()
    sink = FileSink(form, {picture: tmp_path / "out" / "Käse & Brot.xml"})
    with opened_pages(picture) as file:
        assert file.pixels(1).shape == (HEIGHT, WIDTH)
        sink.add(file, 1, file.pixels(1), page)
        assert not sink.wants(file, 1)
    (record,) = open_pages(PageFileSource(name="s", path="out"), tmp_path)
    assert record.lines is not None
    assert [line.text for line in record.lines] == [line.text for line in page.lines]
    for line, own in zip(record.lines, page.lines, strict=True):
        if orientation == 3 and own is page.lines[1]:
            continue  # upside down as stored: as others write Hebrew that stands upright, and taken for it
        assert np.abs(line.corners_42 - np.array(own.polygon)).max() <= 1


@pytest.mark.parametrize("write", [hocr_of, alto_of, page_xml_of])
def test_empty_pages_lines_without_text_and_control_characters_are_written(
    write: Callable[[WrittenPage], bytes],
) -> None:
    assert ElementTree.fromstring(write(WrittenPage(Page(10, 10, ()), "a.png"))) is not None
    unread = PageLine(box(-2, 5, 25, 40), (-2, 5, 25, 40), "", 0.0, 0.3, problem="too wide")
    odd = read_line("a\x01b\ud800", *box(5, 60, 80, 80))
    bare = PageLine(box(5, 90, 85, 98), (5, 90, 85, 98), "no places", 0.5, 0.5)
    text = write(WrittenPage(Page(100, 100, (unread, odd, bare)), "a\x02.png")).decode()
    assert "a\ufffdb\ufffd" in text
    assert "-2" not in text
    assert "places" in text
    ElementTree.fromstring(text)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_points_are_moved_to_the_stored_picture_and_back(orientation: int) -> None:
    shown_42 = np.array([(10, 5), (60, 5), (60, 15), (10, 15)], float)
    stored_px = (200, 100)
    back = shown_corners(stored_points(shown_42, orientation, stored_px), orientation, stored_px)
    assert sorted(map(tuple, back.tolist())) == sorted(map(tuple, shown_42.tolist()))
