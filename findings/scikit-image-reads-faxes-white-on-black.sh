#!/bin/sh
# scikit-image 0.26.0 (io.imread) and imageio 2.38.1 (v3.imread): a scan in fax compression (TIFF, CCITT group 3 or 4) comes
# white on black, its paper False and its ink True, where its file says that 0 is white (PhotometricInterpretation 0), as
# scanners and fax software write it. The same page with 1 for white, or as PNG, comes black on white, as Pillow and OpenCV
# give all of them. A palette TIFF comes as the numbers of its colours, in which ink may be brighter than paper or differ
# by 1; the same as PNG comes in its colours. The cause: both give .tif to tifffile, which returns what is stored. Shapes
# and types are right, nothing is said, as_gray=True changes nothing. So one folder of scans is half negatives by its
# makers. One expects of imread a picture. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --no-deps scikit-image==0.26.0 imageio==2.38.1 tifffile==2026.3.3 \
    imagecodecs==2026.3.6 numpy==2.4.6 pillow==13.0.0 scipy==1.17.1 networkx==3.6.1 lazy-loader==0.6 packaging==26.4 \
    opencv-python-headless==5.0.0.93
"$folder/venv/bin/python" - "$folder" << 'PYTHON'
import sys
from importlib.metadata import version
from pathlib import Path

import cv2
import imageio.v3
import numpy as np
from PIL import Image, ImageDraw
from skimage import io

print(*(f"{name} {version(name)}" for name in ("scikit-image", "imageio", "tifffile", "pillow")))
FOLDER, PHOTOMETRIC = Path(sys.argv[1]), 262
page = Image.new("L", (64, 16), 255)
ImageDraw.Draw(page).rectangle([8, 4, 15, 11], fill=0)
two_levels, colours = page.convert("1"), page.convert("RGB").quantize(2)
for compression in ("group3", "group4"):
    for white in (0, 1):
        two_levels.save(FOLDER / f"{compression}, {white} is white.tif", compression=compression, tiffinfo={PHOTOMETRIC: white})
two_levels.save(FOLDER / "two levels.png")
colours.save(FOLDER / "palette.tif")
colours.save(FOLDER / "palette.png")
READERS = {
    "Pillow": lambda file: np.asarray(Image.open(file).convert("L")),
    "OpenCV": lambda file: cv2.imread(str(file), cv2.IMREAD_GRAYSCALE),
    "scikit-image": io.imread,
    "scikit-image as_gray": lambda file: io.imread(file, as_gray=True),
    "imageio": imageio.v3.imread,
}
NUMBERS = (np.asarray(colours)[8, 12], np.asarray(colours)[0, 0])
WRONG = {"group3, 0 is white.tif", "group4, 0 is white.tif", "palette.tif"}
as_seen = []
for file in sorted(FOLDER.glob("*.*")):
    for name, read in READERS.items():
        image = read(file)
        ink, paper = (image[row, column].ravel()[:1].tolist()[0] for row, column in ((8, 12), (0, 0)))
        print(f"{file.name}: by {name} ink {ink}, paper {paper}, {image.dtype} {image.shape}")
        if file.name in WRONG and name not in ("Pillow", "OpenCV"):
            as_seen.append((ink, paper) == (NUMBERS if file.name == "palette.tif" else (True, False)))
        else:
            as_seen.append(ink == 0 < paper)
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
