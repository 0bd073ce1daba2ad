#!/bin/sh
# datasets 5.2.0: of a picture that Pillow opened from a file the data set keeps the file, not the picture. A scan of three
# pages in one TIFF, given page by page (ImageSequence.Iterator, from a generator or as a list), becomes three rows with the
# first page. A picture that was changed in place after it was opened, by thumbnail, ImageDraw or paste, is in
# the data set as it was before: what was blackened can be read, what was cut to size has its old size, and boxes drawn for
# the small one lie elsewhere. With .copy(), or opened from a file object, what one holds is stored. The cause: where
# image.filename is not empty, the path alone is taken. One expects the pixels. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet datasets==5.2.0 pyarrow==26.0.1 pandas==3.1.1 numpy==2.4.6 pillow==13.0.0
HF_HUB_OFFLINE=1 HF_HOME="$folder/home" "$folder/venv/bin/python" - "$folder" << 'PYTHON'
import sys
from importlib.metadata import version
from pathlib import Path

import datasets
import numpy as np
from PIL import Image, ImageDraw, ImageSequence

print(*(f"{name} {version(name)}" for name in ("datasets", "pillow", "pyarrow")))
datasets.disable_progress_bars()
FORM = datasets.Features({"image": datasets.Image()})
SCAN, PAGE = Path(sys.argv[1], "scan.tif"), Path(sys.argv[1], "page.png")
greys = [Image.new("L", (40, 60), grey) for grey in (10, 100, 200)]
greys[0].save(SCAN, save_all=True, append_images=greys[1:])
greys[0].save(PAGE)


def told(images):
    """Mean grey and size of each picture."""
    return [(float(np.asarray(image.convert("L")).mean()), image.size) for image in images]


def kept(images):
    return told(datasets.Dataset.from_dict({"image": images}, features=FORM)["image"][:])


def one_by_one():
    with Image.open(SCAN) as scan:
        yield from ({"image": page} for page in ImageSequence.Iterator(scan))


def blackened(image):
    ImageDraw.Draw(image).rectangle([0, 0, 39, 59], fill=255)


def pasted(image):
    image.paste(255, (0, 0, 40, 60))


def small(image):
    image.thumbnail((20, 30))


as_seen = []
whole = (40, 60)
of_pages = told(datasets.Dataset.from_generator(one_by_one, features=FORM, cache_dir=sys.argv[1])["image"][:])
copied = kept([page.copy() for page in ImageSequence.Iterator(Image.open(SCAN))])
print("pages of grey 10, 100, 200:", of_pages, "copied:", copied)
as_seen += [of_pages == [(10, whole)] * 3, copied == [(10, whole), (100, whole), (200, whole)]]
third = Image.open(SCAN)
third.seek(2)
print("the third page alone:", told([third]), "stored:", kept([third]))
as_seen.append((told([third]), kept([third])) == ([(200, whole)], [(10, whole)]))
for change in (blackened, pasted, small):
    held, by_object = Image.open(PAGE), Image.open(PAGE.open("rb"))
    change(held)
    change(by_object)
    stored = kept([held])
    print(f"{change.__name__}: holds {told([held])}, stored {stored}, of a file object {kept([by_object])}")
    as_seen += [stored == [(10, whole)] != told([held]), kept([by_object]) == told([held]), kept([held.copy()]) == told([held])]
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
