#!/bin/sh
# Pillow 13.0.0 turns white into black in JPEG 2000, the format in which libraries and archives keep their masters. Colour of
# 9 to 16 bits a channel is made 8 bits by rounding, and what is rounded up to 256 is stored as 0: of 16 bits each value
# from 65,408 on, which is white and overexposed paper, is 0, one below is 255. Grey with transparency goes the same way, and
# grey of 9 bits in a .jp2; plain grey of 10 to 16 bits keeps its values. Of fewer than 8 bits values are shifted, not scaled:
# white is 128 with 1 bit and 240 with 4, where PNG and TIFF of as few bits have 255. Sizes, modes and
# everything darker are right, and nothing is said. imagecodecs 2026.3.6 gives what is stored; OpenCV 5.0.0 gives 16 bits
# rightly and refuses few. One expects white. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet pillow==13.0.0 imagecodecs==2026.3.6 opencv-python-headless==5.0.0.93 \
    numpy==2.4.6
"$folder/venv/bin/python" - << 'PYTHON'
import io
from importlib.metadata import version

import cv2
import imagecodecs
import numpy as np
from PIL import Image

print(*(f"{name} {version(name)}" for name in ("pillow", "imagecodecs", "opencv-python-headless")))
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def jp2(value, bits, channels):
    """A picture of black with a field of this value in all channels but transparency, which is full."""
    picture = np.zeros((16, 16, channels), np.uint8 if bits <= 8 else np.uint16)
    picture[4:12, 4:12] = value
    if channels in (2, 4):
        picture[..., -1] = 2**bits - 1
    stored = picture if channels > 1 else picture[..., 0]
    return imagecodecs.jpeg2k_encode(stored, level=0, reversible=True, bitspersample=bits, codecformat="jp2")


as_seen = []
for channels, bits, value, expected in (
    (3, 16, 65408, 0),
    (3, 16, 65407, 255),
    (3, 12, 4095, 0),
    (2, 16, 65535, 0),
    (1, 9, 511, 0),
    (1, 9, 510, 255),
    (1, 16, 65535, 65535),
    (1, 4, 15, 240),
    (1, 1, 1, 128),
    (3, 1, 1, 128),
):
    data = jp2(value, bits, channels)
    with Image.open(io.BytesIO(data)) as image:
        mode, found = image.mode, int(np.asarray(image)[8, 8].flat[0])
    stored = int(imagecodecs.jpeg2k_decode(data)[8, 8].flat[0])
    by_opencv = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    opencv = None if by_opencv is None else int(by_opencv[8, 8].flat[0])
    print(f"{channels} channels of {bits} bits: {value} is {found} in Pillow ({mode}), {stored} in imagecodecs, {opencv} in OpenCV")
    as_seen += [found == expected, stored == value, opencv in (None, value), bits < 9 or channels == 2 or opencv == value]
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
