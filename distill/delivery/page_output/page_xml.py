"""PAGE XML of 2019-07-15: lines with baselines, words and characters of a page, with confidences.

Points count pixels of the picture as it is stored. Specification: https://github.com/PRImA-Research-Lab/PAGE-XML.
"""

from __future__ import annotations

from datetime import datetime, timezone
from xml.etree import ElementTree

from distill.delivery.page_output.markup import PROGRAM, Element, WrittenPage, document, pairs, put
from distill.delivery.page_output.words import Word, baseline_of, box_of, from_the_right, words_of
from students.pages.page import PageLine, Point

NAMESPACE = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"


def page_xml_of(written: WrittenPage) -> bytes:
    """Return the PAGE XML file of a page."""
    root = ElementTree.Element(
        "PcGts",
        {
            "xmlns": NAMESPACE,
            "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
            "xsi:schemaLocation": f"{NAMESPACE} {NAMESPACE}/pagecontent.xsd",
        },
    )
    metadata = put(root, "Metadata")
    changed = datetime.fromtimestamp(int(written.changed), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    for name, text in (("Creator", PROGRAM), ("Created", changed), ("LastChange", changed)):
        put(metadata, name, text)
    width, height = written.size
    page = put(root, "Page", imageFilename=written.picture, imageWidth=width, imageHeight=height)
    if lines := written.page.lines:
        region = put(page, "TextRegion", id="region_1")
        x0, y0, x1, y1 = box_of(tuple(point for line in lines for point in line.polygon))
        _coords(region, written, ((x0, y0), (x1, y0), (x1, y1), (x0, y1)))
        for i, line in enumerate(lines, 1):
            _line(region, written, line, str(i))
        _text(region, written.page.text)
    return document(root)


def _coords(parent: Element, written: WrittenPage, points: tuple[Point, ...]) -> None:
    put(parent, "Coords", points=pairs(written.stored(points)))


def _text(parent: Element, text: str, confidence: float | None = None) -> None:
    sure = {} if confidence is None else {"conf": f"{min(max(confidence, 0.0), 1.0):.4f}"}
    put(put(parent, "TextEquiv", **sure), "Unicode", text)


def _line(parent: Element, written: WrittenPage, line: PageLine, name: str) -> None:
    direction = "right-to-left" if from_the_right(line.text) else "left-to-right"
    element = put(parent, "TextLine", id=f"line_{name}", readingDirection=direction)
    _coords(element, written, line.polygon)
    put(element, "Baseline", points=pairs(written.stored(baseline_of(line.polygon))))
    for i, word in enumerate(words_of(line), 1):
        _word(element, written, line, word, f"{name}_{i}")
    _text(element, line.text, line.confidence)


def _word(parent: Element, written: WrittenPage, line: PageLine, word: Word, name: str) -> None:
    element = put(parent, "Word", id=f"word_{name}")
    _coords(element, written, line.part(*word.extent))
    for i, mark in enumerate(word.marks, 1):
        glyph = put(element, "Glyph", id=f"glyph_{name}_{i}")
        _coords(glyph, written, line.part(mark.begin, mark.end))
        _text(glyph, mark.text, mark.confidence)
    _text(element, word.text, word.confidence)
