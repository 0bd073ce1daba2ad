#!/bin/sh
# pyctcdecode 0.5.0: whether its beam search takes posteriors as probabilities is settled by their last bit. It does where the mean
# of the sums of all frames is 1 to nine digits, and takes a softmax of all else. Softmax in float32, as a network ends with,
# sums to 1 or to 0.9999999, by chance of rounding: of the same five lines, each reading "hello" with the same letters at
# 0.8 to 0.98 a frame, those of 0.85 and 0.9 are read as "helo", as another softmax makes of probabilities nearly even ones, in
# which no blank is sure enough to part two letters. Their scores are near -7, the others' -0.2 to -1.8. In float64 all five are
# right; one frame that sums to 0.99 makes any line wrong. Nothing is said. The argument is called logits, so
# log-probabilities, which are never taken for anything else, are the safe choice. One expects one rule, whatever
# the rounding, or an argument for it. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --no-deps pyctcdecode==0.5.0 pygtrie==2.6.2 numpy==2.4.6
"$folder/venv/bin/python" - << 'PYTHON'
import logging
from importlib.metadata import version

import numpy as np

logging.disable(logging.CRITICAL)  # that no language model is there
from pyctcdecode import build_ctcdecoder

print(*(f"{name} {version(name)}" for name in ("pyctcdecode", "numpy")))
decoder = build_ctcdecoder(["", "h", "e", "l", "o", " "])
FRAMES = [1, 0, 2, 2, 0, 3, 0, 3, 4, 0]


def read(values):
    text, *_, score = decoder.decode_beams(values)[0]
    return text, round(float(score), 1)


as_seen = []
for sure, by_float32 in ((0.8, "hello"), (0.85, "helo"), (0.9, "helo"), (0.95, "hello"), (0.98, "hello")):
    double = np.full((10, 6), (1 - sure) / 5)
    double[np.arange(10), FRAMES] = sure
    single = double.astype(np.float32)
    found = [read(double), read(single), read(np.log(single))]
    double[0] *= 0.99
    found.append(read(double))
    print(f"{sure} a frame, mean {single.sum(axis=1).mean()!r}: float64, float32, its logarithms, one frame less: {found}")
    as_seen.append([text for text, _ in found] == ["hello", by_float32, "hello", "helo"])
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
