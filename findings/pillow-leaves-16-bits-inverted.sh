#!/bin/sh
# Pillow 13.0.0: a grey TIFF that says that 0 is white (PhotometricInterpretation 0), as some scanners, microfilm and medical
# software write it, is black on white with 1 and 8 bits, and white on black with 16 bits and in floating point: Pillow
# turns the first round and leaves the second as stored. Mode, size and range are right, nothing is said, and
# ImageOps.grayscale or a division by 256 keep the negative. So masters in 16 bits come inverted where
# their copies in 8 bits are right. OpenCV 5.0 has both right with IMREAD_GRAYSCALE and COLOR; with IMREAD_UNCHANGED, which one takes
# to keep the 16 bits, the 8 bits are turned and the 16 are not. One expects one picture of one page, or an error; the tag
# (image.tag_v2[262]) has to be asked. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --no-deps pillow==13.0.0 numpy==2.4.6 opencv-python-headless==5.0.0.93
"$folder/venv/bin/python" - << 'PYTHON'
import io
import struct
from importlib.metadata import version

import cv2
import numpy as np
from PIL import Image

cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
print(*(f"{name} {version(name)}" for name in ("pillow", "opencv-python-headless")))
PHOTOMETRIC, OFFSET, WIDTH = 262, 273, 8


def tiff(values, bits, zero_is_white):
    """A TIFF of one row, as stored, without compression."""
    kind = 3 if values.dtype == np.float32 else 1
    data = np.packbits(values).tobytes() if bits == 1 else values.tobytes()
    tags = {256: WIDTH, 257: 1, 258: bits, 259: 1, PHOTOMETRIC: 0 if zero_is_white else 1, OFFSET: 0, 277: 1, 278: 1, 279: len(data)}
    tags[339] = kind
    tags[OFFSET] = 8 + 2 + 12 * len(tags) + 4
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + struct.pack("<I", 0) + data


INK = np.array([0, 0, 1, 1, 1, 0, 0, 0], np.uint8)  # 1 where there is ink
DEPTHS = {"1 bit": (1, np.uint8, 1), "8 bits": (8, np.uint8, 255), "16 bits": (16, np.uint16, 65535), "float": (32, np.float32, 1)}
READERS = {
    "Pillow": lambda file: np.asarray(Image.open(io.BytesIO(file))),
    "OpenCV": lambda file: cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_GRAYSCALE),
    "OpenCV unchanged": lambda file: cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_UNCHANGED),
}
NEGATIVE = {(name, depth) for name in ("Pillow", "OpenCV unchanged") for depth in ("16 bits", "float")}
as_seen = []
for depth, (bits, kind, highest) in DEPTHS.items():
    for zero_is_white in (False, True):
        stored = (INK if zero_is_white else 1 - INK).astype(kind) * kind(highest)
        file = tiff(stored, bits, zero_is_white)
        for name, read in READERS.items():
            image = read(file)
            if image is None:
                print(f"{depth}, 0 is {'white' if zero_is_white else 'black'}: {name} reads none")
                continue
            ink, paper = image[0, 3].item(), image[0, 0].item()
            print(f"{depth}, 0 is {'white' if zero_is_white else 'black'}: {name} has ink {ink}, paper {paper}, {image.dtype}")
            as_seen.append((ink > paper) == (zero_is_white and (name, depth) in NEGATIVE))
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
