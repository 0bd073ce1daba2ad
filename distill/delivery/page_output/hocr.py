"""hOCR 1.2: a page of XHTML whose elements say in `title` where and how surely something was read.

Points count pixels of the page as it is shown. Specification: Breuel, The hOCR Microformat for OCR Workflow and
Results, 2007, and its version 1.2.
"""

from __future__ import annotations

import math
from xml.etree import ElementTree

from distill.delivery.page_output.markup import (
    PROGRAM,
    Element,
    WrittenPage,
    document,
    held,
    put,
    stem_of,
)
from distill.delivery.page_output.words import Word, baseline_of, box_of, from_the_right, words_of
from students.pages.page import PageLine, Point

DOCTYPE = (
    '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" '
    '"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">\n'
)
CAPABILITIES = "ocr_page ocr_carea ocr_par ocr_line ocrx_word ocrp_dir ocrp_poly"
STEEP = 45.0  # degrees from which a line has an angle instead of a baseline


def hocr_of(written: WrittenPage) -> bytes:
    """Return the hOCR file of a page."""
    page = written.page
    root = ElementTree.Element("html", {"xmlns": "http://www.w3.org/1999/xhtml", "lang": "", "xml:lang": ""})
    head = put(root, "head")
    put(head, "title", stem_of(written.picture))
    ElementTree.SubElement(head, "meta", {"http-equiv": "Content-Type", "content": "text/html;charset=utf-8"})
    put(head, "meta", name="ocr-system", content=PROGRAM)
    put(head, "meta", name="ocr-capabilities", content=CAPABILITIES)
    number = written.number
    picture = written.picture.replace("\\", "\\\\").replace('"', '\\"')
    title = f'image "{picture}"; bbox 0 0 {page.width} {page.height}; ppageno {number - 1}'
    of_page = _element(put(root, "body"), "div", "ocr_page", f"page_{number}", title)
    if page.lines:
        around = _box(written, tuple(point for line in page.lines for point in line.polygon))
        area = _element(of_page, "div", "ocr_carea", f"block_{number}_1", around)
        paragraph = _element(area, "p", "ocr_par", f"par_{number}_1", around)
        for i, line in enumerate(page.lines, 1):
            _line(paragraph, written, line, f"{number}_{i}")
    return document(root, DOCTYPE)


def _element(parent: Element, name: str, kind: str, identifier: str, title: str) -> Element:
    return ElementTree.SubElement(parent, name, {"class": kind, "id": identifier, "title": held(title)})


def _box(written: WrittenPage, points: tuple[Point, ...]) -> str:
    (x0, y0, x1, y1) = box_of(points)
    (left, top), (right, bottom) = written.whole([(x0, y0), (x1, y1)])
    return f"bbox {left} {top} {right} {bottom}"


def _line(parent: Element, written: WrittenPage, line: PageLine, name: str) -> None:
    points = " ".join(f"{x} {y}" for x, y in written.whole(line.polygon))
    sure = f"x_wconf {round(100 * line.confidence)}"
    title = "; ".join([_box(written, line.polygon), *_slope(line), f"poly {points}", sure])
    element = _element(parent, "span", "ocr_line", f"line_{name}", title)
    if from_the_right(line.text):
        element.set("dir", "rtl")
    for i, word in enumerate(words_of(line), 1):
        _word(element, written, line, word, f"{name}_{i}")


def _word(parent: Element, written: WrittenPage, line: PageLine, word: Word, name: str) -> None:
    boxes = (_box(written, line.part(mark.begin, mark.end)).removeprefix("bbox ") for mark in word.marks)
    parts = (
        _box(written, line.part(*word.extent)),
        f"x_wconf {round(100 * word.confidence)}",
        f"x_confs {' '.join(f'{100 * mark.confidence:.1f}' for mark in word.marks)}",
        f"x_bboxes {' '.join(boxes)}",
    )
    _element(parent, "span", "ocrx_word", f"word_{name}", "; ".join(parts)).text = held(word.text)


def _slope(line: PageLine) -> list[str]:
    """The baseline, as slope and distance from the lower left corner of the box; the angle of a steep line instead."""
    (x0, y0), *_, (x1, y1) = baseline_of(line.polygon)
    degrees = math.degrees(math.atan2(y0 - y1, x1 - x0))  # anticlockwise
    if abs(degrees) > STEEP:
        return [f"textangle {round(degrees % 360, 2):g}"]
    slope = (y1 - y0) / (x1 - x0) if x1 != x0 else 0.0
    left, _, _, bottom = box_of(line.polygon)
    offset = y0 + slope * (left - x0) - bottom
    return [f"baseline {round(slope, 4) + 0:g} {round(offset) + 0}"]
