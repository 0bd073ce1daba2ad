#!/bin/sh
# dinglehopper 0.11.0, a usual tool to score pages against ground truth: of two PAGE files whose texts have nothing in common
# it says "cer": 0, "wer": 0, where the texts stand at the lines and not at the regions once more, which PAGE leaves free.
# By default it reads texts of regions; there are none, and nothing against nothing is without error. The report shows
# zeros, "n_characters": 0 among them, the exit code is 0 and standard error is empty. A folder's summary counts such a
# page as perfect. And a region that ReadingOrder does not name, as it need not, counts on neither side: a file that names
# one of two regions has rate 0 however the second was read. With --textequiv-level line the first two differ by 0.90.
# One expects the lines where regions have no text, as the schema nests them, or an error. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --no-deps dinglehopper==0.11.0 ocrd==3.13.3 uniseg==0.10.1 rapidfuzz==3.14.6 \
    multimethod==2.1 attrs==26.1.0 chardet==7.7.0 click==8.5.1 jinja2==3.1.6 markupsafe==3.0.4 lxml==6.1.3 numpy==2.4.6 \
    pillow==13.0.0 atomicwrites==1.4.1 deprecated==1.3.1 wrapt==2.5.2 filetype==1.2.0 frozendict==2.5.1 tqdm==4.70.1
"$folder/venv/bin/python" - "$folder" << 'PYTHON'
import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

print(*(f"{name} {version(name)}" for name in ("dinglehopper", "ocrd", "uniseg", "rapidfuzz")))
FOLDER, TOOLS = Path(sys.argv[1]), Path(sys.executable).parent
SPACE = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"
DAY = "2026-11-29T00:00:00"


def equivalent(text):
    return f"<TextEquiv><Unicode>{text}</Unicode></TextEquiv>"


def page(name, regions, at_regions=False, ordered=()):
    """Writes a PAGE file with these regions of lines, and which of them ReadingOrder names."""
    written = ""
    if ordered:
        named = "".join(f'<RegionRefIndexed index="{place}" regionRef="r{region}"/>' for place, region in enumerate(ordered))
        written += f'<ReadingOrder><OrderedGroup id="order">{named}</OrderedGroup></ReadingOrder>'
    for number, lines in enumerate(regions):
        written += f'<TextRegion id="r{number}"><Coords points="0,0 300,0 300,100 0,100"/>'
        for place, line in enumerate(lines):
            y = 30 * place
            corners = f'<Coords points="0,{y} 300,{y} 300,{y + 20} 0,{y + 20}"/>'
            written += f'<TextLine id="r{number}l{place}">{corners}{equivalent(line)}</TextLine>'
        written += (equivalent("\n".join(lines)) if at_regions else "") + "</TextRegion>"
    made = f"<Metadata><Creator>script</Creator><Created>{DAY}</Created><LastChange>{DAY}</LastChange></Metadata>"
    whole = f'<PcGts xmlns="{SPACE}">{made}<Page imageFilename="page.png" imageWidth="300" imageHeight="100">{written}</Page></PcGts>'
    (FOLDER / name).write_text(whole, encoding="utf-8")


def rates(there, read, *settings):
    """Both rates and counts of the report, and what was said beside it."""
    command = [TOOLS / "dinglehopper", *settings, FOLDER / there, FOLDER / read, "report", FOLDER]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    report = json.loads((FOLDER / "report.json").read_text())
    found = [report[key] for key in ("cer", "wer", "n_characters", "n_words")]
    print(f"{there}, {read}{''.join(f' {setting}' for setting in settings)}: cer, wer, characters, words {found}", run.stderr)
    return found, run.stderr


THERE, READ = [["Total 12.50", "Thank you"]], [["xxxx", "y"]]
page("lines.xml", THERE)
page("lines-read.xml", READ)
page("regions.xml", THERE, at_regions=True)
page("regions-read.xml", READ, at_regions=True)
page("one-of-two.xml", [["Total 12.50"], ["Thank you"]], at_regions=True, ordered=[0])
page("one-of-two-read.xml", [["Total 12.50"], ["xxxx"]], at_regions=True, ordered=[0])
by_default, said = rates("lines.xml", "lines-read.xml")
as_seen = [by_default == [0, 0, 0, 0], said == ""]
by_lines, _ = rates("lines.xml", "lines-read.xml", "--textequiv-level", "line")
as_seen.append((round(by_lines[0], 2), *by_lines[1:]) == (0.9, 1, 21, 4))
as_seen.append(rates("regions.xml", "regions-read.xml")[0] == by_lines)
in_part, said = rates("one-of-two.xml", "one-of-two-read.xml")
as_seen += [in_part == [0, 0, 11, 2], said == ""]
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
