"""ALTO 4.4: lines, words and characters of a page with places and confidences.

Points count pixels of the picture as it is stored. Specification: https://www.loc.gov/standards/alto/.
"""

from __future__ import annotations

from xml.etree import ElementTree

from distill.delivery.page_output.markup import PROGRAM, Element, WrittenPage, document, pairs, put
from distill.delivery.page_output.words import Mark, Word, baseline_of, box_of, from_the_right, words_of
from students.pages.page import PageLine, Point

NAMESPACE = "http://www.loc.gov/standards/alto/ns-v4#"
SCHEMA = "http://www.loc.gov/standards/alto/v4/alto-4-4.xsd"


def alto_of(written: WrittenPage) -> bytes:
    """Return the ALTO file of a page."""
    root = ElementTree.Element(
        "alto",
        {
            "xmlns": NAMESPACE,
            "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
            "xsi:schemaLocation": f"{NAMESPACE} {SCHEMA}",
        },
    )
    description = put(root, "Description")
    put(description, "MeasurementUnit", "pixel")
    put(put(description, "sourceImageInformation"), "fileName", written.picture)
    step = put(description, "Processing", ID="processing_1")
    put(put(step, "processingSoftware"), "softwareName", PROGRAM)
    width, height = written.size
    number = written.number
    page = put(put(root, "Layout"), "Page", ID=f"page_{number}", PHYSICAL_IMG_NR=number, WIDTH=width, HEIGHT=height)
    space = put(page, "PrintSpace", HPOS=0, VPOS=0, WIDTH=width, HEIGHT=height)
    if lines := written.page.lines:
        around = _box(written, tuple(point for line in lines for point in line.polygon))
        block = put(space, "TextBlock", ID="block_1", **around)
        for i, line in enumerate(lines, 1):
            _line(block, written, line, str(i))
    return document(root)


def _box(written: WrittenPage, points: tuple[Point, ...]) -> dict[str, int]:
    x0, y0, x1, y1 = (int(px) for px in box_of(tuple(written.stored(points))))
    return {"HPOS": x0, "VPOS": y0, "WIDTH": x1 - x0, "HEIGHT": y1 - y0}


def _shape(parent: Element, written: WrittenPage, points: tuple[Point, ...]) -> None:
    put(put(parent, "Shape"), "Polygon", POINTS=pairs(written.stored(points)))


def _line(parent: Element, written: WrittenPage, line: PageLine, name: str) -> None:
    """A line; ALTO wants a string in it, which is empty where nothing was read."""
    right = {"BASEDIRECTION": "rtl"} if from_the_right(line.text) else {}
    baseline = pairs(written.stored(baseline_of(line.polygon)))
    box = _box(written, line.polygon)
    element = put(parent, "TextLine", ID=f"line_{name}", **box, BASELINE=baseline, **right)
    _shape(element, written, line.polygon)
    words = words_of(line)
    if not words:
        put(element, "String", ID=f"string_{name}_1", CONTENT="", WC=f"{line.confidence:.4f}", **box)
    before: Word | None = None
    for i, word in enumerate(words, 1):
        if before is not None:
            put(element, "SP", **_gap(written, line, before, word))
        _word(element, written, line, word, f"{name}_{i}")
        before = word


def _gap(written: WrittenPage, line: PageLine, before: Word, after: Word) -> dict[str, int]:
    """The box of the space between two words, of which the second may stand on the left."""
    one, other = sorted([before.extent, after.extent])
    return _box(written, line.part(min(one[1], other[0]), max(one[1], other[0])))


def _word(parent: Element, written: WrittenPage, line: PageLine, word: Word, name: str) -> None:
    polygon = line.part(*word.extent)
    box = _box(written, polygon)
    sure = f"{word.confidence:.4f}"
    element = put(parent, "String", ID=f"string_{name}", CONTENT=word.text, WC=sure, CC=_unsure(word), **box)
    _shape(element, written, polygon)
    for i, mark in enumerate(word.marks, 1):
        box = _box(written, line.part(mark.begin, mark.end))
        sure = f"{mark.confidence:.4f}"
        put(element, "Glyph", ID=f"glyph_{name}_{i}", CONTENT=mark.text, GC=sure, **box)


def _unsure(word: Word) -> str:
    """A digit a character: 0 for a sure one, 9 for an unsure one."""

    def digit(mark: Mark) -> str:
        return str(round(9 * (1 - min(max(mark.confidence, 0.0), 1.0))))

    return " ".join(map(digit, word.marks))
