#!/bin/sh
# rapidocr 3.10.0: a plus sign is "+" alone, and the Chinese numeral "十" beside a long line. The recogniser pads lines
# that it is given together with grey to the widest of them, and to 320 px at least. Its PP-OCRv6 small reads that grey:
# with a neighbour of 604 px "+" (0.53) becomes "十" (0.75, so it is surer of the wrong one), "GST 6%" becomes "GST6%"
# (0.996, then 0.9996) and "TEL: 03-1234567" becomes "TEL:03-1234567". A neighbour of 293 px, which leaves the padding
# as it is, changes none of the texts: it is the padding, not the company. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet rapidocr==3.10.0 onnxruntime==1.32.0 numpy==2.4.6 pillow==13.0.0 \
    opencv-python-headless==5.0.0.93 omegaconf==2.4.0 pyclipper==1.4.0 shapely==2.2.0 PyYAML==6.0.4 six==1.17.0 \
    tqdm==4.70.1 requests==2.34.2 colorlog==6.12.0
"$folder/venv/bin/python" - << 'PYTHON'
from importlib.metadata import version

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from rapidocr import RapidOCR
from rapidocr.ch_ppocr_rec.typings import TextRecInput

print(*(f"{name} {version(name)}" for name in ("rapidocr", "onnxruntime", "numpy", "pillow", "opencv-python-headless")))
FONT = ImageFont.load_default(30)
threads = {f"EngineConfig.onnxruntime.{which}_op_num_threads": 1 for which in ("intra", "inter")}
ocr = RapidOCR(params={**threads, "Global.log_level": "error"})


def line(text):
    picture = Image.new("RGB", (round(FONT.getlength(text)) + 12, 48), "white")
    ImageDraw.Draw(picture).text((6, 24), text, "black", FONT, anchor="lm")
    return np.asarray(picture)


def read(*lines):
    """The text and the confidence of the first of some lines that are read together."""
    found = ocr.text_rec(TextRecInput(img=list(lines), return_word_box=False))
    return found.txts[0], round(float(found.scores[0]), 4)


ocr(line("Total"), use_det=False, use_cls=False)  # which opens the recogniser
long, short = line("the quick brown fox jumps over the lazy dog"), line("the quick brown fox j")
print("the neighbours are", long.shape[1], "and", short.shape[1], "px wide")
as_seen = [short.shape[1] <= 320 < long.shape[1]]
for text, otherwise in (("+", "十"), ("GST 6%", "GST6%"), ("TEL: 03-1234567", "TEL:03-1234567")):
    alone, beside_short, beside_long = read(line(text)), read(line(text), short), read(line(text), long)
    print(f"{text!r}: alone {alone}, beside the short line {beside_short}, beside the long one {beside_long}")
    as_seen.append(alone[0] == beside_short[0] == text and beside_long[0] == otherwise)
    as_seen.append(beside_long[1] > alone[1])
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
