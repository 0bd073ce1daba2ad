#!/bin/sh
# mosaicml-streaming 0.13.0: a picture with a palette, as scanners and screen shots store pages of few colours in PNG, GIF or
# TIFF, comes out of its shards (MDS) black. The encoding "pil" ("Store PIL image raw") and "list[pil]"
# write size, mode and the numbers of the colours, and not the palette; what reads them makes a picture of mode "P" whose palette
# is empty, so that ink and paper are both (0, 0, 0). Size, mode and the bytes of the pixels are those that went in, and nothing
# is said. Black and white, grey of 8 and 16 bits, grey with transparency, CMYK and colour come back as they were, and so does
# the same palette as "png". So one folder of scans trains on lines or on black, by how each file was saved.
# One expects the colours, or an error as "jpeg" raises for what it cannot hold. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --no-deps mosaicml-streaming==0.13.0 pillow==13.0.0 numpy==2.4.6 \
    typing-extensions==4.16.0
"$folder/venv/bin/python" - << 'PYTHON'
import sysconfig
from importlib.metadata import version
from importlib.util import module_from_spec, spec_from_file_location
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

print(*(f"{name} {version(name)}" for name in ("mosaicml-streaming", "pillow", "numpy")))
# The package opens torch and the clients of four clouds; what its MDSWriter and its reader call for each value stands here.
FILE = Path(sysconfig.get_paths()["purelib"], "streaming", "base", "format", "mds", "encodings.py")
spec = spec_from_file_location("encodings", FILE)
encodings = module_from_spec(spec)
spec.loader.exec_module(encodings)

grey = np.full((12, 40), 255, np.uint8)
grey[3:9, 5:35] = 20
LINE = Image.fromarray(grey)
COLOUR = Image.merge("RGB", (LINE, LINE, LINE.point(lambda level: level // 2)))
DEEP = Image.fromarray(grey.astype(np.uint16) * 257)


def stored(picture, kind):
    """A picture as an image file of this kind holds it, opened again."""
    file = BytesIO()
    picture.save(file, kind)
    return Image.open(BytesIO(file.getvalue()))


def back(picture, encoding="pil"):
    value = encodings.mds_decode(encoding, encodings.mds_encode(encoding, [picture] if "[" in encoding else picture))
    return value[0] if "[" in encoding else value


as_seen = []
for kind in ("PNG", "GIF", "TIFF"):
    picture = stored(COLOUR.quantize(2), kind)
    for encoding in ("pil", "list[pil]", "png"):
        found = back(picture, encoding)
        colours = [sorted({colour for _, colour in one.convert("RGB").getcolors()}) for one in (picture, found)]
        same = (picture.mode, picture.size, picture.tobytes()) == (found.mode, found.size, found.tobytes())
        print(f"palette from {kind} as {encoding!r}: colours {colours[0]} became {colours[1]}, mode, size, bytes equal: {same}")
        expected = colours[0] if encoding == "png" else [(0, 0, 0)]
        as_seen += [len(colours[0]) == 2, colours[1] == expected, encoding == "png" or same]
for mode in ("1", "L", "LA", "RGB", "RGBA", "CMYK", "I;16"):
    picture = DEEP if mode == "I;16" else COLOUR.convert(mode)
    found = back(picture)
    print(f"{mode} as 'pil': equal {found.mode == mode and found.tobytes() == picture.tobytes()}")
    as_seen.append(found.mode == mode and found.tobytes() == picture.tobytes())
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
