#!/bin/sh
# opencv-python-headless 5.0.0.93: TextRecognitionModel reads a network that ends in a softmax, as exports of PaddleOCR do,
# rightly by "CTC-greedy", and worse by "CTC-prefix-beam-search", which is meant to be the better one. The beam search
# takes a softmax of its own of whatever it is given; of probabilities that makes nearly even ones, and texts lose letters,
# doubled ones first: "hello" at 0.9 a frame, P(text) above 0.5, becomes "helo" with any beam. Of the same scores as logits
# or as log-probabilities it finds the likeliest text. Greedy reading takes all three, so a model that was tried with it
# seems to fit. Nothing asks which of them a network gives, and nothing warns. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet opencv-python-headless==5.0.0.93 onnx==1.23.2 numpy==2.4.6
"$folder/venv/bin/python" - "$folder/model.onnx" << 'PYTHON'
import itertools
import sys
from importlib.metadata import version

import cv2
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

print(*(f"{name} {version(name)}" for name in ("opencv-python-headless", "onnx", "numpy")))
FILE = sys.argv[1]


def read(scores_TC, letters, decoding, beam=50):
    """The text that OpenCV reads of a network which gives these scores for any picture."""
    held = {"scores": scores_TC[:, None].astype(np.float32), "zero": np.zeros(1, np.float32)}
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("Add", ["scores", "nothing"], ["y"]),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 1, 8, 8))
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, held["scores"].shape)
    weights = [numpy_helper.from_array(value, name) for name, value in held.items()]
    graph = helper.make_graph(nodes, "graph", [x], [y], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), FILE)
    model = cv2.dnn.TextRecognitionModel(FILE)
    model.setVocabulary(list(letters))
    model.setDecodeType(decoding)
    if decoding != "CTC-greedy":
        model.setDecodeOptsCTCPrefixBeamSearch(beam, 0)
    model.setInputParams(1.0, (8, 8))
    return model.recognize(np.zeros((8, 8), np.uint8))


def collapsed(path, letters):
    return "".join(letters[k - 1] for t, k in enumerate(path) if k and (t == 0 or k != path[t - 1]))


def likeliest(p_TC, letters):
    """The text whose paths have the highest sum, and the sum."""
    sums = {}
    for path in itertools.product(range(p_TC.shape[1]), repeat=len(p_TC)):
        text = collapsed(path, letters)
        sums[text] = sums.get(text, 0) + float(np.prod(p_TC[range(len(path)), path]))
    return max(sums.items(), key=lambda item: item[1])


as_seen, letters = [], "helo"
p_TC = np.full((6, 5), 0.025)
p_TC[range(6), [letters.index(c) + 1 if c != "-" else 0 for c in "hel-lo"]] = 0.9
text, probability = likeliest(p_TC, letters)
greedy = read(p_TC, letters, "CTC-greedy")
by_beam = {beam: read(p_TC, letters, "CTC-prefix-beam-search", beam) for beam in (1, 5, 50)}
by_log = read(np.log(p_TC), letters, "CTC-prefix-beam-search")
print(f"likeliest {text!r} with {probability:.2f}, greedy {greedy!r}, beam search {by_beam}, of log-probabilities {by_log!r}")
as_seen += [text == greedy == by_log == "hello", probability > 0.5, "hello" not in by_beam.values()]
numbers, wrong = np.random.default_rng(0), dict.fromkeys(("greedy", "probabilities", "log-probabilities", "logits"), 0)
for _ in range(40):
    logits = 2 * numbers.standard_normal((numbers.integers(2, 6), 3))
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    rightly = likeliest(p, "ab")[0]
    wrong["greedy"] += read(p, "ab", "CTC-greedy") != rightly
    for name, scores in (("probabilities", p), ("log-probabilities", np.log(p)), ("logits", logits)):
        wrong[name] += read(scores, "ab", "CTC-prefix-beam-search") != rightly
print("of 40 random ones other than the likeliest text:", wrong)
as_seen += [wrong["log-probabilities"] == wrong["logits"] == 0 < wrong["greedy"] < wrong["probabilities"]]
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
