#!/bin/sh
# onnx 1.23.2: its ReferenceEvaluator, which states what operators mean, ignores sequence_lens of LSTM, GRU and RNN, and
# clip, activations and input_forget of LSTM, without a word. In a batch of two padded lines the shorter one is read through
# its padding, by the backward direction from the padding on, and frames behind its end have values where ONNX Runtime
# 1.32.0 has zeros. Up to opset 13 it moreover computes BatchNormalization, which that operator does not ask for when it
# has one output, with the batch's own statistics mixed in (0.9 to 0.1): line by line other values than together. That is
# what PP-OCRv6 small of rapidocr 3.10.0 (opset 11) has three of, and exports of many years more. So a converted
# recogniser that differs from "the reference" may be the right one. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
"$folder/venv/bin/python" - << 'PYTHON'
from importlib.metadata import version

import numpy as np
import onnxruntime
from onnx import TensorProto, checker, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

print(*(f"{name} {version(name)}" for name in ("onnx", "onnxruntime", "numpy")))
numbers = np.random.default_rng(0)


def normal(*shape):
    return numbers.standard_normal(shape, np.float32)


def both(operator, inputs, constants, opset=17, **attributes):
    """What ONNX Runtime and the reference make of a graph of one operator."""
    given = [helper.make_tensor_value_info(k, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape) for k, v in inputs.items()]
    node = helper.make_node(operator, ["x", *constants, *list(inputs)[1:]], ["y"], **attributes)
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["a", "b", "c", "d"])
    weights = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph([node], "graph", given, [output], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, inputs)[0], ReferenceEvaluator(model).run(None, inputs)[0]


def told(what, runtime, reference, equal):
    difference = float(np.abs(runtime - reference).max())
    print(f"{what}: ONNX Runtime and the reference differ by {difference:.3g}")
    return (difference < 1e-4) == equal


x, lens, as_seen = normal(6, 2, 3), np.array([6, 3], np.int32), []  # frames, lines, features
for operator, gates in (("LSTM", 4), ("GRU", 3), ("RNN", 1)):
    weights = {"W": normal(2, gates * 4, 3), "R": normal(2, gates * 4, 4), "B": normal(2, gates * 8)}
    settings = {"hidden_size": 4, "direction": "bidirectional"}
    runtime, reference = both(operator, {"x": x}, weights, **settings)
    as_seen.append(told(f"{operator}, two lines of 6 frames", runtime, reference, True))
    runtime, reference = both(operator, {"x": x, "lens": lens}, weights, **settings)
    as_seen.append(told(f"{operator}, lines of 6 and 3 frames", runtime, reference, False))
    as_seen.append(not runtime[3:, :, 1].any() and bool(reference[3:, :, 1].all()))
    alone = both(operator, {"x": x[:3, 1:]}, weights, **settings)[1]
    as_seen.append(told("the short line alone", runtime[:3, :, 1:], alone, True))
    if operator == "LSTM":
        for more in ({"clip": 0.3}, {"activations": ["Sigmoid", "Relu", "Tanh"] * 2}, {"input_forget": 1}):
            as_seen.append(told(f"LSTM with {more}", *both(operator, {"x": x}, weights, **settings, **more), False))
scale = {"scale": normal(3), "bias": normal(3), "mean": normal(3), "var": numbers.random(3, np.float32) + 0.5}
for opset, equal in ((9, False), (13, False), (14, True)):
    picture = {"x": normal(2, 3, 4, 5) + 2}
    as_seen.append(told(f"BatchNormalization of opset {opset}", *both("BatchNormalization", picture, scale, opset), equal))
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
