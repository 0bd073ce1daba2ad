"""The text of a page that nobody sees and everybody can search: words in render mode 3, with a font of its own.

Every character is a code of its own with the same glyph, a square that is not painted; words are stretched to their
places.
"""

from __future__ import annotations

import io
import math
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name

from distill.delivery.page_output.markup import held
from distill.delivery.page_output.words import Word, from_the_right, words_of
from students.pages.page import Page, PageLine

EM = 1000
INVISIBLE = 3
BLOCK = 100  # entries that a block of a CMap may have (Adobe Technical Note 5411)
FONT_NAME = "Inkless"
CMAP = """/CIDInit /ProcSet findresource begin
12 dict begin
begincmap
/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def
/CMapName /Adobe-Identity-UCS def
/CMapType 2 def
1 begincodespacerange
<0000> <FFFF>
endcodespacerange
{blocks}
endcmap
CMapName currentdict /CMap defineresource pop
end
end
"""


class InklessFont:
    """The font of one PDF. Its characters get codes from 1 in the order in which they are first written."""

    def __init__(self, pdf: pikepdf.Pdf) -> None:
        self._pdf = pdf
        self._codes: dict[str, int] = {}
        self.font: Any = pdf.make_indirect(_font(pdf))

    def code(self, text: str) -> str:
        """Return a text as the hexadecimal codes of a string of the PDF."""
        return "".join(f"{self._codes.setdefault(c, len(self._codes) + 1):04X}" for c in held(text))

    def finish(self) -> None:
        """Write down which character every code means."""
        entries = [f"<{code:04X}> <{c.encode('utf-16-be').hex().upper()}>" for c, code in self._codes.items()]
        blocks = (entries[i : i + BLOCK] for i in range(0, len(entries), BLOCK))
        lines = "\n".join("\n".join([f"{len(each)} beginbfchar", *each, "endbfchar"]) for each in blocks)
        self.font.ToUnicode = self._pdf.make_stream(CMAP.format(blocks=lines).encode())


def text_layer(page: Page, font: InklessFont, name: str, to_points: tuple[float, ...]) -> bytes:
    """Return the operators that write the words of a page; `to_points` is the matrix from its pixels to the PDF's page.

    `name` is that of the font among the resources, with its slash.
    """
    matrix = " ".join(f"{number:.6f}" for number in to_points)
    rows = [f"q {matrix} cm BT {INVISIBLE} Tr"]
    for line in page.lines:
        words = words_of(line)
        for word in words:
            rows += _written(line, word, font, name, last=word is words[-1])
    return "\n".join([*rows, "ET Q\n"]).encode()


def _written(line: PageLine, word: Word, font: InklessFont, name: str, last: bool) -> list[str]:
    """A word on the lower edge of its place, with the space behind it; from the right where its text runs so."""
    polygon = line.part(*word.extent)
    half = len(polygon) // 2
    (left, top), start, end = polygon[0], polygon[-1], polygon[half]
    height = math.hypot(start[0] - left, start[1] - top)
    length = math.hypot(end[0] - start[0], end[1] - start[1])
    if not (height > 0 and length > 0):
        return []
    along = (end[0] - start[0]) / length, (end[1] - start[1]) / length
    x_axis = along
    if from_the_right(word.text):
        start, x_axis = end, (-along[0], -along[1])
    stretch = 100 * length / (height * len(word.text))
    axes = (*x_axis, along[1], -along[0])  # y points down in the picture and up in text
    matrix = " ".join(f"{number:.4f}" for number in (*axes, *start))
    text = word.text if last else f"{word.text} "
    return [f"{name} {height:.2f} Tf {stretch:.3f} Tz {matrix} Tm <{font.code(text)}> Tj"]


def _font(pdf: pikepdf.Pdf) -> Dictionary:
    descriptor = Dictionary(
        Type=Name.FontDescriptor,
        FontName=Name(f"/{FONT_NAME}"),
        Flags=5,  # fixed pitch, symbolic
        FontBBox=Array([0, 0, EM, EM]),
        ItalicAngle=0,
        Ascent=EM,
        Descent=0,
        CapHeight=EM,
        StemV=80,
        FontFile2=pdf.make_stream(_font_file()),
    )
    inner = Dictionary(
        Type=Name.Font,
        Subtype=Name.CIDFontType2,
        BaseFont=Name(f"/{FONT_NAME}"),
        CIDSystemInfo=Dictionary(Registry="Adobe", Ordering="Identity", Supplement=0),
        FontDescriptor=pdf.make_indirect(descriptor),
        DW=EM,
        CIDToGIDMap=pdf.make_stream(b"\0\1" * 65536),  # every code is the one glyph
    )
    return Dictionary(
        Type=Name.Font,
        Subtype=Name.Type0,
        BaseFont=Name(f"/{FONT_NAME}"),
        Encoding=Name("/Identity-H"),
        DescendantFonts=Array([pdf.make_indirect(inner)]),
    )


def _font_file() -> bytes:
    """A TrueType font whose one glyph is a square of an em: what viewers mark where they find a text."""
    from fontTools.fontBuilder import FontBuilder
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for corner in ((0, EM), (EM, EM), (EM, 0)):
        pen.lineTo(corner)
    pen.closePath()
    square = pen.glyph()
    glyphs = [".notdef", "square"]
    builder = FontBuilder(EM, isTTF=True)
    builder.setupGlyphOrder(glyphs)
    builder.setupCharacterMap({})
    builder.setupGlyf(dict.fromkeys(glyphs, square))
    builder.setupHorizontalMetrics(dict.fromkeys(glyphs, (EM, 0)))
    builder.setupHorizontalHeader(ascent=EM, descent=0)
    builder.setupNameTable({"familyName": FONT_NAME, "styleName": "Regular", "psName": FONT_NAME})
    builder.setupOS2(sTypoAscender=EM, sTypoDescender=0, usWinAscent=EM, usWinDescent=0)
    builder.setupPost()
    builder.updateHead(created=0, modified=0)
    builder.font.recalcTimestamp = False
    target = io.BytesIO()
    builder.save(target)
    return target.getvalue()
