#!/bin/sh
# scikit-image 0.26.0: threshold_sauvola, the usual way to make a scanned page black and white, gives another page for the same
# grey values in another type. As uint8 a line in grey on grey paper keeps its strokes; as floating point from 0 to 255, which
# a mean over the channels, a blur with preserve_range or a read in OpenCV's float32 give, nearly ten times as many pixels
# are ink: all that stands within the window of a stroke is black. As 64-bit integers a tenth of the strokes is lost, and with
# 12 bits in uint16. The cause: R, the range of deviations, comes from the type and not from the values: 127.5 of uint8,
# 1 of floating point, about 4.6e18 of int64. Divided by 255 it is 1, too, where 0.5 would be the same as of uint8, so strokes are
# thinner. threshold_local of the same package is equal for all of these, and Otsu's differs by a hundredth; r=128, or as much of
# another range, is the way out. One expects equal values to be one page. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --no-deps scikit-image==0.26.0 numpy==2.4.6 pillow==13.0.0 scipy==1.17.1 \
    lazy-loader==0.6 networkx==3.6.1 packaging==26.4 imageio==2.38.1 tifffile==2026.3.3
"$folder/venv/bin/python" - << 'PYTHON'
from importlib.metadata import version

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from skimage.filters import threshold_local, threshold_otsu, threshold_sauvola

print(*(f"{name} {version(name)}" for name in ("scikit-image", "numpy", "pillow")))
picture = Image.new("RGB", (300, 40), (235, 235, 235))
ImageDraw.Draw(picture).text((5, 8), "Total amount 12.50 EUR", (150, 150, 150), ImageFont.load_default(16))
grey = np.asarray(picture.convert("L"))
TYPES = {
    "uint8": grey,
    "mean over the channels": np.asarray(picture).mean(axis=2),
    "float from 0 to 1": grey / 255,
    "int64": grey.astype(np.int64),
    "12 bits in uint16": grey.astype(np.uint16) * 16,
}
METHODS = {
    "Sauvola": threshold_sauvola,
    "local": lambda values: threshold_local(values, 15),
    "Otsu": threshold_otsu,
    "Sauvola, r given": lambda values: threshold_sauvola(values, r=values.max() / 235 * 128),
}
ink = {name: {kind: int((values <= method(values)).sum()) for kind, values in TYPES.items()} for name, method in METHODS.items()}
for name, counts in ink.items():
    print(f"{name}: pixels of ink", ", ".join(f"{kind} {count}" for kind, count in counts.items()))
sauvola = ink["Sauvola"]
as_seen = [
    sauvola["mean over the channels"] > 8 * sauvola["uint8"],
    sauvola["float from 0 to 1"] < 0.97 * sauvola["uint8"],
    sauvola["int64"] < 0.93 * sauvola["uint8"],
    sauvola["12 bits in uint16"] < 0.93 * sauvola["uint8"],
]
for name, share in (("local", 0.01), ("Otsu", 0.03), ("Sauvola, r given", 0.01)):
    as_seen.append(max(ink[name].values()) - min(ink[name].values()) <= share * max(ink[name].values()))
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
