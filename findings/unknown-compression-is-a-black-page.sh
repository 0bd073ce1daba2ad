#!/bin/sh
# pyvips 3.2.0 with pyvips-binary 8.18.7, and opencv-python-headless 5.0.0.93: a TIFF whose compression the library inside was
# built without is a black page of the right size. pyvips gives one for Zstandard, LZMA, LERC, JPEG 2000, JPEG XL and PNG in
# TIFF, which numpy(), write_to_file and thumbnail hand on; no exception, and nothing on standard error. With
# fail_on="error" it raises: by default it goes on behind errors, which is documented, and meant for files that break
# off. OpenCV gives one for JPEG 2000, JPEG XL and PNG, with a line on standard error, and None, as it says, for the
# others. Pillow refuses what it cannot decode. The header is read well, so sizes and counts of an archive are right; labels then
# belong to black pictures. One expects an error where no pixel was decoded. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet pyvips==3.2.0 pyvips-binary==8.18.7 opencv-python-headless==5.0.0.93 \
    tifffile==2026.3.3 imagecodecs==2026.3.6 numpy==2.4.6 pillow==13.0.0
"$folder/venv/bin/python" - "$folder" << 'PYTHON'
import sys
from importlib.metadata import version
from pathlib import Path

import cv2
import numpy as np
import pyvips
import tifffile
from PIL import Image

print(*(f"{name} {version(name)}" for name in ("pyvips", "pyvips-binary", "opencv-python-headless", "pillow", "tifffile")))
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
page = np.full((24, 64), 255, np.uint8)
page[4:12, 8:16] = 0
KNOWN, OPENCV_TOO, VIPS_ALONE = ("deflate", "lzw"), ("jpeg2000", "jpegxl", "png"), ("zstd", "lzma", "lerc")


def seen(read):
    """The lightest level of a picture, or that there is none."""
    try:
        image = read()
    except (pyvips.Error, OSError):
        return "an error"
    return "None" if image is None else (int(image.max()), image.shape[:2])


WHITE, BLACK = (255, page.shape), (0, page.shape)
as_seen = []
for compression in (*KNOWN, *OPENCV_TOO, *VIPS_ALONE):
    file = str(Path(sys.argv[1], f"{compression}.tif"))
    tifffile.imwrite(file, page, compression=compression, photometric="minisblack")
    by_vips = seen(lambda file=file: pyvips.Image.new_from_file(file).numpy())
    strictly = seen(lambda file=file: pyvips.Image.new_from_file(file, fail_on="error").numpy())
    by_opencv = seen(lambda file=file: cv2.imread(file, cv2.IMREAD_GRAYSCALE))
    by_pillow = seen(lambda file=file: np.asarray(Image.open(file)))
    by_tifffile = seen(lambda file=file: tifffile.imread(file))
    print(f"{compression}: pyvips {by_vips}, fail_on {strictly}, OpenCV {by_opencv}, Pillow {by_pillow}, tifffile {by_tifffile}")
    known = compression in KNOWN
    as_seen += [by_tifffile == WHITE, by_vips == (WHITE if known else BLACK), strictly == (WHITE if known else "an error")]
    as_seen += [by_opencv == (WHITE if known else BLACK if compression in OPENCV_TOO else "None")]
    as_seen += [by_pillow in (WHITE, "an error")]
written = str(Path(sys.argv[1], "page.png"))
pyvips.Image.new_from_file(str(Path(sys.argv[1], "jpeg2000.tif"))).write_to_file(written)
as_seen.append(not np.asarray(Image.open(written)).any())
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
