#!/bin/sh
# ocrd-page-to-alto 2.2.12, the usual way from PAGE to ALTO: lines in a region inside another region are not in its ALTO. A
# text region in a text region, as PAGE nests paragraphs in columns, or a caption in the region of its picture: gone, and an
# outer region without lines of its own is an empty block. By default it refuses files whose lines have no words, "without
# losing information", and says nothing here. (Where ReadingOrder names the inner regions, or is missing on a page of several,
# an error stops it.) Of several readings of a word (TextEquiv) it takes the one whose index is 0, and else the last in the
# file: with the indices 1 and 2 the second best, where the schema says that the lowest is the main one; so without indices.
# Flat pages with one reading, or with indices from 0, are right. One expects every line, with its main reading, or an error.
# Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --no-deps ocrd-page-to-alto==2.2.12 ocrd==3.13.3 lxml==6.1.3 numpy==2.4.6 \
    pillow==13.0.0 atomicwrites==1.4.1 deprecated==1.3.1 wrapt==2.5.2 filetype==1.2.0 frozendict==2.5.1 elementpath==5.1.4 \
    langcodes==3.5.1 packaging==26.4 shapely==2.2.0
"$folder/venv/bin/python" - "$folder" << 'PYTHON'
import logging
import sys
from importlib.metadata import version
from pathlib import Path

from ocrd_page_to_alto.convert import OcrdPageAltoConverter

print(*(f"{name} {version(name)}" for name in ("ocrd-page-to-alto", "ocrd", "lxml")))
FILE = Path(sys.argv[1]) / "page.xml"
SPACE = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"
COORDS, DAY = '<Coords points="5,5 295,5 295,95 5,95"/>', "2026-11-29T00:00:00"
logger, said = logging.getLogger("conversion"), []
logger.propagate = False
logger.addFilter(lambda record: bool(said.append(record.getMessage())))


def line(name, *readings):
    """A line of one word, with these readings, each of a text and its index or None."""
    named = [(text, "" if index is None else f' index="{index}"') for text, index in readings]
    texts = "".join(f"<TextEquiv{index}><Unicode>{text}</Unicode></TextEquiv>" for text, index in named)
    return f'<TextLine id="l{name}">{COORDS}<Word id="w{name}">{COORDS}{texts}</Word>{texts}</TextLine>'


def region(name, inside, kind="TextRegion"):
    return f'<{kind} id="r{name}">{COORDS}{inside}</{kind}>'


def converted(content):
    """The texts in the ALTO of a page with the region r1, which this is, and behind it r9."""
    made = f"<Metadata><Creator>script</Creator><Created>{DAY}</Created><LastChange>{DAY}</LastChange></Metadata>"
    size = 'imageFilename="page.png" imageWidth="300" imageHeight="100"'
    whole = '<Coords points="0,0 300,0 300,100 0,100"/>'
    frame = f"<Border>{whole}</Border><PrintSpace>{whole}</PrintSpace>"
    order = '<RegionRefIndexed index="0" regionRef="r1"/><RegionRefIndexed index="1" regionRef="r9"/>'
    order = f'<ReadingOrder><OrderedGroup id="order">{order}</OrderedGroup></ReadingOrder>'
    last = region(9, line(9, ("last", 0)))
    FILE.write_text(f'<PcGts xmlns="{SPACE}">{made}<Page {size}>{frame}{order}{content}{last}</Page></PcGts>', encoding="utf-8")
    alto = OcrdPageAltoConverter(page_filename=str(FILE), logger=logger).convert().to_etree()
    return [word.get("CONTENT") for word in alto.iter("{*}String", "String")]


BEST, WORSE = "Total 12.50", "Tota1 12.50"
CASES = {
    "one region": (region(1, line(1, (BEST, 0))), [BEST, "last"]),
    "a region in a region": (region(1, line(1, ("outer", 0)) + region(2, line(2, ("inner", 0)))), ["outer", "last"]),
    "two paragraphs in a column": (region(1, region(2, line(2, ("first", 0))) + region(3, line(3, ("second", 0)))), ["last"]),
    "a caption in a picture": (region(1, region(2, line(2, ("caption", 0))), "ImageRegion"), ["last"]),
    "indices 0 and 1": (region(1, line(1, (BEST, 0), (WORSE, 1))), [BEST, "last"]),
    "indices 1 and 2": (region(1, line(1, (BEST, 1), (WORSE, 2))), [WORSE, "last"]),
    "no indices": (region(1, line(1, (BEST, None), (WORSE, None))), [WORSE, "last"]),
}
as_seen = []
for name, (content, expected) in CASES.items():
    texts = converted(content)
    print(f"{name}: {texts}")
    as_seen.append(texts == expected)
print("said:", said)
raise SystemExit(0 if all(as_seen) and said == [] else 1)
PYTHON
