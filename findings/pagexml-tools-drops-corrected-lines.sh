#!/bin/sh
# pagexml-tools 0.9.0, a usual reader of PAGE in Python: a line that was corrected has no text. PAGE lets a line have several
# TextEquiv, told apart by their index: tools for ground truth keep what was read as one and what a person made of
# it as another. Such a line's text is None, as if nobody had transcribed it, while lines with one reading have theirs. So
# the lines that a person has corrected are those that drop out of training, and of the error rate. A line whose text stands at
# its words alone has None, too, and text regions inside others, as captions in an ImageRegion, are not there at all. No
# exception, nothing printed; files without corrections are read in full. One expects the reading of the lowest
# index, and every line. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --no-deps pagexml-tools==0.9.0 xmltodict==0.13.0 python-dateutil==2.9.0.post0 \
    six==1.17.0 tqdm==4.70.1 numpy==2.4.6 scipy==1.17.1 shapely==2.2.0 orjson==3.13.0 lxml==6.1.0 py7zr==1.1.3 texttable==1.7.2 \
    pycryptodomex==3.24.2 brotli==1.2.1 psutil==7.2.2 backports-zstd==1.8.0 pyppmd==1.3.1 pybcj==1.0.8 multivolumefile==0.2.3 \
    inflate64==1.0.4
"$folder/venv/bin/python" - "$folder/page.xml" << 'PYTHON'
import sys
from importlib.metadata import version
from pathlib import Path

from pagexml.parser import parse_pagexml_file

print(*(f"{name} {version(name)}" for name in ("pagexml-tools", "xmltodict")))
FILE = Path(sys.argv[1])


def text(reading, index=None):
    numbered = "" if index is None else f' index="{index}"'
    return f"<TextEquiv{numbered}><Unicode>{reading}</Unicode></TextEquiv>"


def word(reading, number):
    return f'<Word id="w{number}"><Coords points="0,0 9,0 9,9 0,9"/>{text(reading)}</Word>'


def line(name, top, inner):
    box = f"0,{top} 200,{top} 200,{top + 20} 0,{top + 20}"
    return f'<TextLine id="{name}"><Coords points="{box}"/><Baseline points="0,{top + 18} 200,{top + 18}"/>{inner}</TextLine>'


def region(name, lines):
    return f'<TextRegion id="{name}"><Coords points="0,0 300,0 300,300 0,300"/>{lines}</TextRegion>'


CASES = {  # what a line has: what is found
    "one reading": (text("Total 12.50"), "Total 12.50"),
    "one with an index": (text("Thank you", 0), "Thank you"),
    "corrected": (text("Milk 3.20", 0) + text("Mi1k 3,20", 1), None),
    "words": (word("Bread", 0) + word("2.10", 1), None),
}
lines = "".join(line(f"l{place}", 40 * place, inner) for place, (inner, _) in enumerate(CASES.values()))
caption = f'<ImageRegion id="i"><Coords points="0,0 1,0 1,1"/>{region("c", line("caption", 200, text("Figure 1")))}</ImageRegion>'
dates = "<Created>2026-01-01T00:00:00</Created><LastChange>2026-01-01T00:00:00</LastChange>"
FILE.write_text(
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15">'
    f"<Metadata><Creator>script</Creator>{dates}</Metadata>"
    f'<Page imageFilename="a.png" imageWidth="400" imageHeight="300">{caption}{region("r", lines)}</Page></PcGts>',
    encoding="utf-8",
)
found = {each.id: each.text for each in parse_pagexml_file(str(FILE)).get_lines()}
for place, name in enumerate(CASES):
    print(f"a line with {name}: {found.get(f'l{place}')!r}")
print("a caption in a picture:", found.get("caption", "not there"))
expected = {f"l{place}": read for place, (_, read) in enumerate(CASES.values())}
raise SystemExit(0 if found == expected else 1)
PYTHON
