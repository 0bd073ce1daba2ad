#!/bin/sh
# kraken 7.1.1, the usual engine for historical documents: the texts that it trains on are not those of its ALTO and PAGE files.
# In ALTO the hyphen of a word that is broken at the end of a line is an element of its own (HYP), as ABBYY, newspapers' archives
# and converters write it: it is left out. The line "the exam-" becomes "the exam", though its picture shows the hyphen, so a
# recogniser learns to write none where hyphens stand most, and an error rate against such files counts none. Blocks
# inside a ComposedBlock, which is where Tesseract puts all of its lines, and PAGE's regions in regions, such as the cells of a
# table, have no lines at all. PAGE whose texts stand at the words becomes "Total12.50", one word; with texts at the glyphs,
# too, each letter comes twice. Of two readings of a line the first in the file counts, not the one with the lowest index, which
# the schema calls the main one; of two of a word both, one behind the other. Nothing is said, and each file is read
# without an error. Lines with a text of their own, and words parted by SP, are right, so a look at pages of
# books shows nothing. One expects what the schemas say, or an error. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet torch==2.13.0 numpy==2.4.6 scipy==1.17.1 scikit-image==0.26.0 shapely==2.2.0 \
    pillow==13.0.0 lxml==6.1.3 iso639-lang==2.6.3
"$folder/venv/bin/python" -m pip install --quiet --no-deps kraken==7.1.1
"$folder/venv/bin/python" -W ignore - "$folder" << 'PYTHON'
import logging
import sys
from importlib.metadata import version
from pathlib import Path

from kraken.lib.xml import XMLPage

print(*(f"{name} {version(name)}" for name in ("kraken", "lxml", "torch")))
logging.basicConfig(level=logging.WARNING, stream=sys.stdout)
FILE, SIZE = Path(sys.argv[1]) / "page.xml", 'WIDTH="300" HEIGHT="100"'
PLACE, COORDS = f'HPOS="0" VPOS="0" {SIZE}', '<Coords points="5,5 295,5 295,95 5,95"/>'
ALTO, PAGE = "http://www.loc.gov/standards/alto/ns-v4#", "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"


def read(document):
    FILE.write_text(document, encoding="utf-8")
    return [line.text for line in XMLPage(FILE).lines.values()]


def alto(*blocks):
    """The lines of an ALTO file whose print space has these blocks."""
    source = "<sourceImageInformation><fileName>page.png</fileName></sourceImageInformation>"
    head = f"<Description><MeasurementUnit>pixel</MeasurementUnit>{source}</Description>"
    space = f"<PrintSpace {PLACE}>{''.join(blocks)}</PrintSpace>"
    return read(f'<alto xmlns="{ALTO}">{head}<Layout><Page ID="p" PHYSICAL_IMG_NR="1" {SIZE}>{space}</Page></Layout></alto>')


def block(name, *lines):
    """A block of ALTO, of lines that are what stands in them."""
    made = [f'<TextLine ID="{name}{place}" {PLACE} BASELINE="5 90 295 90">{line}</TextLine>' for place, line in enumerate(lines)]
    return f'<TextBlock ID="{name}" {PLACE}>{"".join(made)}</TextBlock>'


def word(text, part=""):
    """A word of ALTO; part 1 or 2 of one that is hyphenated."""
    whole = f' SUBS_TYPE="HypPart{part}" SUBS_CONTENT="example"' if part else ""
    return f'<String {PLACE} CONTENT="{text}"{whole}/>'


def page(*regions):
    """The lines of a PAGE file with these regions."""
    day = "2026-11-29T00:00:00"
    head = f"<Metadata><Creator>script</Creator><Created>{day}</Created><LastChange>{day}</LastChange></Metadata>"
    size = 'imageFilename="page.png" imageWidth="300" imageHeight="100"'
    return read(f'<PcGts xmlns="{PAGE}">{head}<Page {size}>{"".join(regions)}</Page></PcGts>')


def element(kind, name, *inside):
    return f'<{kind} id="{name}">{COORDS}{"".join(inside)}</{kind}>'


def line(name, *inside):
    return element("TextLine", name, '<Baseline points="5,90 295,90"/>', *inside)


def text(content, index=None):
    return f"<TextEquiv{'' if index is None else f' index={chr(34)}{index}{chr(34)}'}><Unicode>{content}</Unicode></TextEquiv>"


plain, hyphenated = word("of") + "<SP/>" + word("it"), word("exam", 1) + '<HYP CONTENT="-"/>'
words = element("Word", "w1", text("Total")), element("Word", "w2", text("12.50"))
glyphs = element("Glyph", "g1", text("n")), element("Glyph", "g2", text("o"))
composed = f'<ComposedBlock ID="c" {PLACE}>{block("a", plain)}</ComposedBlock>'
last = element("TextRegion", "r9", line("l9", text("last")))
CASES = {
    "ALTO, words": (alto(block("a", plain)), ["of it"]),
    "ALTO, a hyphen at the end of a line": (
        alto(block("a", word("the") + "<SP/>" + hyphenated, word("ple", 2) + "<SP/>" + plain)),
        ["the exam", "ple of it"],
    ),
    "ALTO, a block in a composed one, and another": (alto(composed, block("b", word("last"))), ["last"]),
    "PAGE, a line": (page(element("TextRegion", "r1", line("l1", text("Total 12.50"))), last), ["Total 12.50", "last"]),
    "PAGE, words": (page(element("TextRegion", "r1", line("l1", *words))), ["Total12.50"]),
    "PAGE, words and glyphs": (
        page(element("TextRegion", "r1", line("l1", element("Word", "w1", *glyphs, text("no"))))),
        ["nono"],
    ),
    "PAGE, two readings, the main one last": (
        page(element("TextRegion", "r1", line("l1", text("Tota1", 1), text("Total", 0)))),
        ["Tota1"],
    ),
    "PAGE, two readings of a word": (
        page(element("TextRegion", "r1", line("l1", element("Word", "w1", text("Total", 0), text("Tota1", 1))))),
        ["TotalTota1"],
    ),
    "PAGE, a region in a region": (
        page(element("TextRegion", "r1", element("TextRegion", "r2", line("l2", text("inner")))), last),
        ["last"],
    ),
    "PAGE, a cell of a table": (
        page(element("TableRegion", "r1", element("TextRegion", "r2", line("l2", text("cell")))), last),
        ["last"],
    ),
}
for name, (found, _) in CASES.items():
    print(f"{name}: {found}")
raise SystemExit(0 if all(found == expected for found, expected in CASES.values()) else 1)
PYTHON
