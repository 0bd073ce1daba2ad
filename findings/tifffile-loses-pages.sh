#!/bin/sh
# tifffile 2026.3.3, imageio 2.38.1 and scikit-image 0.26.0: of a TIFF of several pages, imread gives those that have the
# size and the colours of the first one, and leaves the others out without a word. Of four pages of which the second lies
# on its side it gives three, so that the third page has number 1; with one page in colours between grey ones, two; where a
# scanner cuts each page to its size, the first one alone. Pages of one size all come. imageio's imiter and mimread,
# which are there to give page by page, give the stack of these first and the others after it, and index=1 of imageio is
# not page 2 but what did not fit: where all pages are alike it is an error. scikit-image moreover makes colours of pages:
# where three or four are left, they are one picture with three or four channels, as RGB has it. Pillow and OpenCV give
# all pages in order. The cause: all three give .tif to tifffile, which sorts pages into series and returns the first.
# Texts that are numbered by page stand at other pages then. One expects all pages in order, or an error. Exits 0 while
# this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --no-deps scikit-image==0.26.0 imageio==2.38.1 tifffile==2026.3.3 \
    numpy==2.4.6 pillow==13.0.0 scipy==1.17.1 networkx==3.6.1 lazy-loader==0.6 packaging==26.4 \
    opencv-python-headless==5.0.0.93
"$folder/venv/bin/python" - "$folder" << 'PYTHON'
import sys
from importlib.metadata import version
from pathlib import Path

import cv2
import imageio
import numpy as np
import tifffile
from PIL import Image, ImageSequence
from skimage import io

print(*(f"{name} {version(name)}" for name in ("tifffile", "imageio", "scikit-image", "pillow")))
UPRIGHT, LYING = (40, 60), (60, 40)
COLOURS = (*UPRIGHT, "RGB")
FILES = {  # size of each page and, where it is not grey, its mode; the numbers of the pages that imread gives
    "alike": ([UPRIGHT] * 4, [1, 2, 3, 4]),
    "second on its side": ([UPRIGHT, LYING, UPRIGHT, UPRIGHT], [1, 3, 4]),
    "second in colours": ([UPRIGHT, COLOURS, UPRIGHT], [1, 3]),
    "cut to size": ([(40 + n, 60 - n) for n in range(4)], [1]),
}
IMREADS = {"tifffile": tifffile.imread, "imageio": imageio.v3.imread, "imageio v2": imageio.v2.imread}
PAGE_BY_PAGE = {
    "imageio imiter": lambda file: list(imageio.v3.imiter(file)),
    "imageio v2 mimread": imageio.v2.mimread,
    "OpenCV": lambda file: cv2.imreadmulti(str(file), flags=cv2.IMREAD_UNCHANGED)[1],
    "Pillow": lambda file: [np.asarray(page) for page in ImageSequence.Iterator(Image.open(file))],
}


def numbers(image):
    """The page of which each picture of a stack is: page n is of the grey level n."""
    stack = image if image.ndim > 2 and image.shape[-1] != 3 else image[None]
    return [int(picture.flat[0]) for picture in stack]


as_seen = []
for name, (forms, given) in FILES.items():
    file = Path(sys.argv[1], f"{name}.tif")
    first, *others = (
        Image.new("L", form[:2], number).convert((*form, "L")[2]) for number, form in enumerate(forms, start=1)
    )
    first.save(file, save_all=True, append_images=others)
    for reader, read in IMREADS.items():
        found = numbers(read(file))
        print(f"{name}: of {len(forms)} pages {reader} gives {found}")
        as_seen.append(found == given)
    picture = io.imread(file)
    print(f"{name}: of {len(forms)} pages scikit-image gives {picture.shape}")
    width, height = UPRIGHT
    as_colours, as_pages = (height, width, len(given)), (len(given), height, width)
    as_seen.append(picture.shape == (as_colours if len(given) > 2 else as_pages if len(given) > 1 else (height, width)))
    as_seen.append(set(picture.ravel().tolist()) == set(given))
    for reader, read in PAGE_BY_PAGE.items():
        found = [numbers(each) for each in read(file)]
        print(f"{name}: page by page {reader} gives {found}")
        in_order = [[number] for number in range(1, len(forms) + 1)]
        mixed = [given, *([number] for number in range(1, len(forms) + 1) if number not in given)]
        if name == "alike" and reader == "imageio v2 mimread":
            mixed = in_order
        as_seen.append(found == (mixed if reader.startswith("imageio") else in_order))
    try:
        second = numbers(imageio.v3.imread(file, index=1))
    except IndexError:
        second = "an error"
    print(f"{name}: index=1 of imageio is {second}")
    as_seen.append(second == ("an error" if name == "alike" else [2]))
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
