#!/bin/sh
# opencv-python-headless 5.0.0.93: its dnn module reads padding by name (auto_pad) at the wrong side wherever one column or row
# is left over. SAME_UPPER, as networks from TensorFlow have it, puts it behind the picture; OpenCV puts it in front in Conv,
# MaxPool and AveragePool with a step of 2 and a window of 3 over an even width, the usual way to halve a picture, so
# that each such layer moves the text by a column; over an odd width it is right, and so is a step of 1. SAME_LOWER puts it in
# front; OpenCV puts it behind with a window of 2 and a step of 1. Other parts it drops: clip of LSTM, antialias of
# Resize; of Softmax in opset 11 and 12, which joins all axes from `axis` on, it takes one. Shapes are right, nothing is said,
# onnx 1.23.2's checker calls the models valid, and ONNX Runtime 1.32.0 does what the operators say. One expects one
# network everywhere, or an error. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet opencv-python-headless==5.0.0.93 onnx==1.23.2 onnxruntime==1.32.0 \
    numpy==2.4.6
"$folder/venv/bin/python" - << 'PYTHON'
from importlib.metadata import version

import cv2
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

print(*(f"{name} {version(name)}" for name in ("opencv-python-headless", "onnx", "onnxruntime")))
some = np.random.default_rng(0).standard_normal
FILTERS, WEIGHTS = some((3, 3, 3, 3), np.float32), [some((1, 20, 4), np.float32), some((1, 20, 5), np.float32)]
HALVING = {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_UPPER"}
CASES = [  # operator, attributes, the picture's shape, further inputs, opset, whether the answer is another one
    *[("Conv", HALVING, (1, 3, 11, width), [FILTERS], 12, width == 10) for width in (10, 11)],
    *[(pool, HALVING, (1, 3, 11, width), [], 12, width == 10) for pool in ("MaxPool", "AveragePool") for width in (10, 11)],
    ("Conv", {"auto_pad": "SAME_LOWER"}, (1, 3, 8, 8), [FILTERS[..., :2, :2]], 12, True),
    ("Conv", {"auto_pad": "SAME_LOWER"}, (1, 3, 8, 8), [FILTERS], 12, False),
    ("LSTM", {"hidden_size": 5}, (7, 2, 4), WEIGHTS, 14, False),
    ("LSTM", {"hidden_size": 5, "clip": 0.3}, (7, 2, 4), WEIGHTS, 14, True),
    ("Resize", {"mode": "linear", "antialias": 1}, (1, 3, 8, 8), [None, np.array([1, 1, 0.5, 0.5], np.float32)], 19, True),
    ("Softmax", {"axis": 1}, (2, 3, 5), [], 11, True),
]


def difference(operator, attributes, shape, constants, opset):
    """Between OpenCV and ONNX Runtime, of a model of one node."""
    given = {f"c{place}": constant for place, constant in enumerate(constants) if constant is not None}
    names = ["x", *(f"c{place}" if f"c{place}" in given else "" for place in range(len(constants)))]
    axes = [f"d{axis}" for axis in range(3 if operator == "Softmax" else 4)]
    graph = helper.make_graph(
        [helper.make_node(operator, names, ["y"], **attributes)],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, axes)],
        [numpy_helper.from_array(constant, name) for name, constant in given.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.checker.check_model(model)
    data, x = model.SerializeToString(), some(shape, np.float32)
    rightly = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
    network = cv2.dnn.readNetFromONNX(np.frombuffer(data, np.uint8))
    network.setInput(x, "x")
    return float(np.abs(network.forward() - rightly).max())


as_seen = []
for *case, wrong in CASES:
    away = difference(*case)
    print(f"{case[0]} {case[1]}, {case[2]}: differs by {away:.3g}")
    as_seen.append((away > 0.01) == wrong)
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
