"""Pages: PAGE XML, ALTO and lists of boxes, in unusual but valid forms."""

from __future__ import annotations

from functools import partial
from xml.sax.saxutils import escape, quoteattr

from hypothesis import strategies as st

from tests.generated.labels import bits, dumped, encoded
from tests.generated.texts import Made, lines, picture

WIDTH, HEIGHT, LINE = 120, 90, 14
PAGE_IMAGES = {
    ".png": picture("PNG", HEIGHT, WIDTH),
    ".jpg": picture("JPEG", HEIGHT, WIDTH),
    ".tif": picture("TIFF", HEIGHT, WIDTH),
}
PAGE_VERSIONS = ("2013-07-15", "2016-07-15", "2017-07-15", "2018-07-15", "2019-07-15")
ALTO_VERSIONS = (
    "http://www.loc.gov/standards/alto/ns-v2#",
    "http://www.loc.gov/standards/alto/ns-v3#",
    "http://www.loc.gov/standards/alto/ns-v4#",
)
SPACELESS = "漢字かなカナ中文"
page_texts = st.lists(st.one_of(lines, lines, st.none()), min_size=1, max_size=4)
white = st.sampled_from(["", "", " ", "\n  ", "\n", "<!-- by hand -->", "<?tool v=1?>"])


def box(number: int) -> tuple[int, int, int, int]:
    """Left, top, width and height of a line."""
    return 5 + number, 3 + number * (LINE + 6), 100, LINE


def needs_spaces_named(text: str) -> bool:
    """Whether words alone do not show its spaces: beside Chinese and Japanese, and between single characters."""
    return any(character in SPACELESS for character in text) or all(len(word) == 1 for word in text.split())


def corners(number: int) -> list[tuple[int, int]]:
    left, top, width, height = box(number)
    return [(left, top), (left + width, top), (left + width, top + height), (left, top + height)]


def content(draw: st.DrawFn, text: str) -> str:
    """Text of an element: escaped, as CDATA, or with its characters by number; white space around it."""
    form = draw(st.sampled_from(["escaped", "escaped", "cdata", "numbers", "hex"]))
    written = {
        "escaped": lambda: escape(text),
        "cdata": lambda: f"<![CDATA[{text.replace(']]>', ']] >')}]]>",
        "numbers": lambda: "".join(f"&#{ord(c)};" if not c.isascii() else escape(c) for c in text),
        "hex": lambda: "".join(f"&#x{ord(c):X};" for c in text),
    }[form]()
    around = draw(st.sampled_from(["", "", "\n      "]))
    return around + written + around


def element(prefix: str, name: str, attributes: dict[str, object], inside: str) -> str:
    written = "".join(f" {key}={quoteattr(str(value))}" for key, value in attributes.items())
    return f"<{prefix}{name}{written}>{inside}</{prefix}{name}>" if inside else f"<{prefix}{name}{written}/>"


def document(draw: st.DrawFn, root: str) -> bytes:
    """A declaration or none, and any encoding that holds every character."""
    encoding = draw(st.sampled_from(["utf-8", "utf-8", "UTF-8", "utf-16", "utf-8-sig", "none"]))
    head = "" if encoding == "none" else f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?>\n'
    return (head + root).encode("utf-8" if encoding == "none" else encoding)


def readings(draw: st.DrawFn, e: partial[str], text: str | None) -> str:
    """TextEquiv of a line: one, or the right one first by its index among others."""
    if text is None:
        return draw(st.sampled_from(["", e("TextEquiv", {}, e("Unicode", {}, ""))]))

    def right(index: dict[str, object]) -> str:
        about = index | draw(st.sampled_from([{}, {"conf": "0.9"}]))
        return e("TextEquiv", about, e("Unicode", {}, content(draw, text)))

    if draw(bits):
        return right(draw(st.sampled_from([{}, {"index": 0}, {"index": 1}])))
    other = e("TextEquiv", {"index": 3}, e("Unicode", {}, "other"))
    return "".join(draw(st.permutations([right({"index": draw(st.sampled_from([0, 1, 2]))}), other])))


@st.composite
def page_xml(draw: st.DrawFn) -> Made:
    """PAGE 2013 to 2019: any prefix, regions within regions, words and glyphs, several readings, any encoding."""
    version, prefix = draw(st.sampled_from(PAGE_VERSIONS)), draw(st.sampled_from(["", "", "pc:"]))
    texts, suffix = draw(page_texts), draw(st.sampled_from(sorted(PAGE_IMAGES)))
    e = partial(element, prefix)
    rows = []
    for number, text in enumerate(texts):
        coords = e("Coords", {"points": " ".join(f"{x},{y}" for x, y in corners(number))}, "")
        left, top, width, height = box(number)
        baseline = e("Baseline", {"points": f"{left},{top + height - 2} {left + width},{top + height - 2}"}, "")
        words = ""
        if text is not None and not needs_spaces_named(text) and draw(bits):
            words = "".join(
                e("Word", {"id": f"w{number}_{i}"}, coords + e("TextEquiv", {}, e("Unicode", {}, escape(word))))
                for i, word in enumerate(text.split(" "))
            )
        inside = draw(white) + coords + draw(st.sampled_from(["", baseline])) + words
        own = readings(draw, e, text) if not words or draw(bits) else ""
        about = draw(st.sampled_from([{}, {"custom": "readingOrder {index:0;}"}, {"primaryLanguage": "German"}]))
        rows.append(e("TextLine", {"id": f"l{number}"} | about, inside + own + draw(white)))
    region = e("Coords", {"points": f"0,0 {WIDTH},0 {WIDTH},{HEIGHT} 0,{HEIGHT}"}, "")
    lines_in = draw(white).join(rows)
    if draw(bits):
        lines_in = e("TextRegion", {"id": "r1"}, region + lines_in)
    text_region = e("TextRegion", {"id": "r0", "type": "paragraph"}, region + lines_in)
    size = {"imageWidth": WIDTH, "imageHeight": HEIGHT}
    page = e("Page", {"imageFilename": f"p1{suffix}"} | size, draw(white) + text_region)
    meta = e("Metadata", {}, e("Creator", {}, "someone"))
    name = f"xmlns:{prefix[:-1]}" if prefix else "xmlns"
    space = f"http://schema.primaresearch.org/PAGE/gts/pagecontent/{version}"
    root = e("PcGts", {name: space}, draw(white) + meta + page)
    return Made("PAGE XML", {f"p1{suffix}": PAGE_IMAGES[suffix], "p1.xml": document(draw, root)}, texts)


def string_place(number: int, i: int) -> dict[str, object]:
    """Where a word stands, one height from the word before it."""
    left, top, _, height = box(number)
    return {"HPOS": left + 2 * height * i, "VPOS": top, "WIDTH": height, "HEIGHT": height}


@st.composite
def alto(draw: st.DrawFn) -> Made:
    """ALTO 2 to 4: blocks within blocks, spaces named or not, polygons or boxes."""
    space, texts = draw(st.sampled_from(ALTO_VERSIONS)), draw(page_texts)
    suffix, prefix = draw(st.sampled_from(sorted(PAGE_IMAGES))), draw(st.sampled_from(["", "alto:"]))
    e = partial(element, prefix)
    rows = []
    for number, text in enumerate(texts):
        left, top, width, height = box(number)
        place = {"HPOS": left, "VPOS": top, "WIDTH": width, "HEIGHT": height}
        between = e("SP", {"WIDTH": 2}, "") if needs_spaces_named(text or "") or draw(bits) else ""
        with_places = draw(bits)
        strings = between.join(
            e("String", {"CONTENT": word} | (string_place(number, i) if with_places else {}), "")
            for i, word in enumerate((text or "").split())
        )
        points = " ".join(f"{x},{y}" for x, y in corners(number))
        shape = e("Shape", {}, e("Polygon", {"POINTS": points}, "")) if draw(bits) else ""
        rows.append(e("TextLine", {"ID": f"l{number}"} | place, shape + draw(white) + strings))
    place = {"HPOS": 0, "VPOS": 0, "WIDTH": WIDTH, "HEIGHT": HEIGHT}
    block = e("TextBlock", {"ID": "b0"} | place, draw(white).join(rows))
    if draw(bits):
        block = e("ComposedBlock", {"ID": "c0"} | place, block)
    page = e("Page", {"ID": "p", "WIDTH": WIDTH, "HEIGHT": HEIGHT}, e("PrintSpace", place, block))
    source = e("sourceImageInformation", {}, e("fileName", {}, f"p1{suffix}"))
    about = e("Description", {}, e("MeasurementUnit", {}, "pixel") + source)
    name = f"xmlns:{prefix[:-1]}" if prefix else "xmlns"
    root = e("alto", {name: space}, about + e("Layout", {}, page))
    return Made("ALTO", {f"p1{suffix}": PAGE_IMAGES[suffix], "p1.xml": document(draw, root)}, texts)


@st.composite
def boxes(draw: st.DrawFn) -> Made:
    """`Label.txt` of PPOCRLabel: boxes with keys that nobody asked for; one without a text is unlabelled."""
    texts = draw(page_texts)
    found = [
        {"transcription": text or "", "points": corners(number), **draw(st.sampled_from([{}, {"difficult": False}]))}
        for number, text in enumerate(texts)
    ]
    folder = draw(st.sampled_from(["", "img/"]))
    row = f"{folder}p1.png\t{dumped(draw, found, on_one_line=True)}"
    return Made("boxes", {f"{folder}p1.png": PAGE_IMAGES[".png"], "Label.txt": encoded(draw, [row])}, texts)
