#!/bin/sh
# hocr-tools 1.1.1 and hocr-tools-lib 1.3.0, which go on where the first stopped: hocr-extract-images, which makes training
# data (line-001.png, line-001.txt) of hOCR, cuts the lines of all pages out of the last page. hocr-combine of the same
# package puts two pages of two lines each into one file; of it come four pictures, all of the second page, and the first
# page's two texts label the second page's two lines. Nothing is said, the exit code is 0, and the count is right. The
# cause: lines are looked for in the whole document once for each page, and each page overwrites the files of the one
# before. hOCR of a TIFF with two pages, as Tesseract writes it, is such a file. Every text moreover begins and ends with a
# space that no picture shows. One expects the lines of each page, numbered on. One page a file is right.
# Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --no-deps lxml==6.1.3 pillow==13.0.0
for package in hocr-tools==1.1.1 hocr-tools-lib==1.3.0; do
    "$folder/venv/bin/python" -m pip install --quiet --no-deps "$package"
    "$folder/venv/bin/python" - "${package%%=*}" << 'PYTHON'
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from PIL import Image

print(*(f"{name} {version(name)}" for name in (sys.argv[1], "lxml", "pillow")))
TOOLS, FOLDER = Path(sys.executable).parent, Path(tempfile.mkdtemp(dir=Path(sys.executable).parent))
PAGES = {"red": ["Total 12.50", "Thank you"], "blue": ["Milk 3.20", "Bread 2.10"]}  # the colour of its paper, its lines


def run(*command):
    """Standard output; fails where the command does."""
    return subprocess.run([TOOLS / command[0], *command[1:]], check=True, capture_output=True, text=True, cwd=FOLDER).stdout


def page(paper, lines):
    """Writes a page of this paper, and hOCR that says where its lines stand and what they say."""
    Image.new("RGB", (300, 100), paper).save(FOLDER / f"{paper}.png")
    written = ""
    for place, line in enumerate(lines):
        top = 10 + 40 * place
        words = "\n".join(f'<span class="ocrx_word" title="bbox 10 {top} 200 {top + 30}">{word}</span>' for word in line.split())
        written += f'<span class="ocr_line" title="bbox 10 {top} 200 {top + 30}">\n{words}\n</span>\n'
    head = (
        '<head><title/><meta name="ocr-system" content="script"/><meta name="ocr-capabilities" content="ocr_page ocr_line"/></head>'
    )
    body = f'<body><div class="ocr_page" title=\'image "{paper}.png"; bbox 0 0 300 100\'>\n{written}</div></body>'
    whole = f'<html xmlns="http://www.w3.org/1999/xhtml">{head}{body}</html>'
    (FOLDER / f"{paper}.hocr").write_text(whole, encoding="utf-8")


def extracted(hocr):
    """The text of each line, and of which paper its picture is."""
    for old in FOLDER.glob("line-*"):
        old.unlink()
    print(run("hocr-extract-images", hocr), end="")
    pairs = []
    for picture in sorted(FOLDER.glob("line-*.png")):
        with Image.open(picture) as opened:
            colour = opened.getpixel((0, 0))
        paper = {(255, 0, 0): "red", (0, 0, 255): "blue"}[colour]
        pairs.append((picture.with_suffix(".txt").read_text(encoding="utf-8"), paper))
    print(hocr, pairs)
    return pairs


for paper, lines in PAGES.items():
    page(paper, lines)
(FOLDER / "both.hocr").write_text(run("hocr-combine", "red.hocr", "blue.hocr"), encoding="utf-8")
alone = [extracted(f"{paper}.hocr") == [(f" {line} ", paper) for line in lines] for paper, lines in PAGES.items()]
together = extracted("both.hocr") == [(f" {line} ", "blue") for lines in PAGES.values() for line in lines]
raise SystemExit(0 if all(alone) and together else 1)
PYTHON
    "$folder/venv/bin/python" -m pip uninstall --quiet --yes "${package%%=*}"
done
