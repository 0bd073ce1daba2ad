#!/bin/sh
# blatt 0.1.6, a reader of PAGE that makes plain text of ground truth: the line behind an empty one is not in its text. A line that
# nobody could read stands in PAGE as a line with an empty Unicode, and the lines "first", "", "third", "fourth" come out as
# "first  fourth"; where the first line of a page is empty, the second is gone as well. Hyphens at the end of a line are taken for
# broken words whatever stands before them: "1914-" and "1918" are "19141918", and a line that is a dash alone, as for an item of
# a list, vanishes. Of a line with two readings (TextEquiv with index 0 and 1) both stand in the text, one behind the other, as
# if the page had one line more. The list of lines has the empty one and all behind it, pages without empty lines are
# whole, the file is written, and nothing is said. The text without line breaks, which drops them, is what to_txt writes by
# default, and what sentences are cut from. One expects each line once. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --no-deps blatt==0.1.6 segtok==1.5.11 regex==2026.11.19 lxml==6.1.3 tqdm==4.70.1
"$folder/venv/bin/python" - "$folder" << 'PYTHON'
import sys
from importlib.metadata import version
from pathlib import Path

from blatt.page import Page

print(*(f"{name} {version(name)}" for name in ("blatt", "segtok", "lxml")))
FILE, TEXT = Path(sys.argv[1]) / "page.xml", Path(sys.argv[1]) / "page.txt"
SPACE = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"
PLACE = '<Coords points="5,5 295,5 295,95 5,95"/><Baseline points="5,90 295,90"/>'


def line(number, readings):
    texts = "".join(f'<TextEquiv index="{at}"><Unicode>{text}</Unicode></TextEquiv>' for at, text in enumerate(readings))
    return f'<TextLine id="l{number}">{PLACE}{texts}</TextLine>'


def written(lines):
    """What blatt's to_txt writes of a page with these lines, each of one or more readings, and its list of them."""
    inside = "".join(line(number, readings) for number, readings in enumerate(lines))
    region = f'<TextRegion id="r1"><Coords points="0,0 300,0 300,100 0,100"/>{inside}</TextRegion>'
    page = f'<Page imageFilename="page.png" imageWidth="300" imageHeight="100">{region}</Page>'
    FILE.write_text(f'<PcGts xmlns="{SPACE}">{page}</PcGts>', encoding="utf-8")
    page = Page(str(FILE))
    page.to_txt(str(TEXT))
    return TEXT.read_text(), page.text_lines


CASES = {  # the readings of each line, and the text
    "no empty line": ([["first"], ["second"], ["third"]], "first second third"),
    "an empty line": ([["first"], [""], ["third"], ["fourth"]], "first  fourth"),
    "the first one empty": ([[""], ["second"], ["third"]], " third"),
    "a broken word": ([["well-"], ["known"]], "wellknown"),
    "a span of years": ([["1914-"], ["1918"]], "19141918"),
    "a dash alone": ([["-"], ["item"]], "item"),
    "two readings": ([["Total 12"], ["Net 3", "Net 8"]], "Total 12 Net 3 Net 8"),
}
as_seen = []
for name, (lines, expected) in CASES.items():
    text, listed = written(lines)
    print(f"{name}: {lines} became {text!r}, list of lines {listed}")
    as_seen += [text == expected, listed == [reading for readings in lines for reading in readings]]
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
