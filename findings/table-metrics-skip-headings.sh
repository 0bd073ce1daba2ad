#!/bin/sh
# table-recognition-metric 0.0.6, a usual package for TEDS, the score of tables read out of pictures: it compares the texts of
# td cells alone. Where the headings are th cells, a table whose headings are all read wrongly scores 1.0, and so does one
# whose headings span other columns and rows; with td cells the first costs 0.23, the second half. And markup inside cells makes
# errors cheaper: a table of which every cell below the headings is wrong has 0.54, and 0.81 where all cells are bold and
# italic in both. The cause: the tree that is compared has no content for th and no inner tags, but the number of nodes that
# edits are divided by counts every tag. The code is that of PubTabNet, whose tables have no th; other copies share it.
# Tables as language models write them, and HTML from Word and the web, have both. One expects a wrong text to
# cost the same in each cell. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --no-deps table-recognition-metric==0.0.6 apted==1.0.3 lxml==6.1.3 \
    levenshtein==0.27.5 rapidfuzz==3.14.6
"$folder/venv/bin/python" - << 'PYTHON'
from importlib.metadata import version

from table_recognition_metric import TEDS

print(*(f"{name} {version(name)}" for name in ("table-recognition-metric", "apted", "lxml")))
HEADINGS, GOODS = ["Item", "Qty", "Price"], [["Milk", "2", "3.20"], ["Bread", "1", "2.10"]]


def table(headings, rows, tag="td", markup=()):
    """HTML of a table, its headings in cells of this tag, the texts of the others within these tags."""
    before, behind = "".join(f"<{each}>" for each in markup), "".join(f"</{each}>" for each in reversed(markup))
    written = ["".join(f"<{tag}>{text}</{tag}>" for text in headings)]
    written += ["".join(f"<td>{before}{text}{behind}</td>" for text in row) for row in rows]
    return f"<html><body><table>{''.join(f'<tr>{row}</tr>' for row in written)}</table></body></html>"


def wrong(texts):
    return ["#" * len(text) for text in texts]


SPANNING = '<html><body><table><tr><{0} colspan="2">A</{0}><{0}>B</{0}></tr></table></body></html>'
OTHERWISE = '<html><body><table><tr><{0}>A</{0}><{0} rowspan="3">B</{0}></tr></table></body></html>'
score = TEDS()
found = {}
for tag in ("td", "th"):
    there = table(HEADINGS, GOODS, tag)
    found[f"wrong headings in {tag}"] = score(there, table(wrong(HEADINGS), GOODS, tag))
    found[f"one wrong row below headings in {tag}"] = score(there, table(HEADINGS, [wrong(GOODS[0]), GOODS[1]], tag))
    found[f"headings in {tag} that span others"] = score(SPANNING.format(tag), OTHERWISE.format(tag))
for markup in ((), ("b",), ("b", "i")):
    read = table(HEADINGS, [wrong(row) for row in GOODS], markup=markup)
    found[f"all wrong below the headings, {'+'.join(markup) or 'no'} tags inside"] = score(table(HEADINGS, GOODS, markup=markup), read)
for name, value in found.items():
    print(f"{name}: {value:.2f}")
EXPECTED = [0.77, 0.77, 0.5, 1.0, 0.77, 1.0, 0.54, 0.74, 0.81]
raise SystemExit(0 if [round(value, 2) for value in found.values()] == EXPECTED else 1)
PYTHON
