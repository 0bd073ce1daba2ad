#!/bin/sh
# onnxslim 0.1.98 and onnxoptimizer 0.4.2 make other networks of valid ones, and say nothing. onnxslim folds a Mul behind
# a Conv into its filters wherever it multiplies by as many numbers as there are channels: a window over the 16 columns of
# a map with 16 channels becomes a scale of the channels. onnxoptimizer, by its default passes, joins two Reshapes, though
# a 0 in the second copies a size that only the first one makes: the neck that lays height upon channels and then parts the
# columns gives (2, 8, 2, 20) instead of (2, 32, 2, 5). And it moves zero padding into a MaxPool, whose own padding is
# minus infinity: columns of negative scores lose their zeros. Equal shapes in, the right count of numbers out: no checker
# sees it. One expects of a simplifier that it checks, or keeps, what it changes. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet onnxslim==0.1.98 onnxoptimizer==0.4.2 onnx==1.23.2 onnxruntime==1.32.0 \
    numpy==2.4.6
"$folder/venv/bin/python" - << 'PYTHON'
from importlib.metadata import version

import numpy as np
import onnx
import onnxoptimizer
import onnxruntime
import onnxslim
from onnx import TensorProto, helper, numpy_helper

print(*(f"{name} {version(name)}" for name in ("onnxslim", "onnxoptimizer", "onnx", "onnxruntime", "numpy")))
numbers = np.random.default_rng(0)
window, filters = np.hanning(16).astype(np.float32), numbers.standard_normal((16, 3, 3, 3), np.float32)
CASES = {  # nodes, the picture's shape, constants, and whose answer is another one
    "a window over columns behind a convolution": (
        [("Conv", ["x", "filters"], "maps", {"pads": [1, 1, 1, 1]}), ("Mul", ["maps", "window"], "y", {})],
        (2, 3, 8, 16),
        {"filters": filters, "window": window},
        "onnxslim",
    ),
    "height upon channels, then columns parted": (
        [("Reshape", ["x", "first"], "flat", {}), ("Reshape", ["flat", "second"], "y", {})],
        (2, 8, 4, 10),
        {"first": np.array([0, -1, 10]), "second": np.array([0, 0, 2, -1])},
        "onnxoptimizer",
    ),
    "zero padding before a pooling": (
        [
            ("Pad", ["x", "room"], "padded", {}),
            ("MaxPool", ["padded"], "y", {"kernel_shape": [3, 3], "strides": [2, 2]}),
        ],
        (1, 3, 8, 16),
        {"room": np.array([0, 0, 0, 0, 0, 0, 1, 1])},
        "onnxoptimizer",
    ),
}
SIMPLIFIERS = {"onnxslim": onnxslim.slim, "onnxoptimizer": onnxoptimizer.optimize}


def model(nodes, shape, constants):
    graph = helper.make_graph(
        [helper.make_node(operator, given, [made], **attributes) for operator, given, made, attributes in nodes],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["a", "b", "c", "d"])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(made, full_check=True)
    return made


def answer(made, x):
    onnx.checker.check_model(made)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(made.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


as_seen = []
for what, (nodes, shape, constants, whose) in CASES.items():
    x = numbers.standard_normal(shape, np.float32) - 3
    rightly = answer(model(nodes, shape, constants), x)
    for name, simplify in SIMPLIFIERS.items():
        found = answer(simplify(model(nodes, shape, constants)), x)
        away = float(np.abs(found - rightly).max()) if found.shape == rightly.shape else float("inf")
        print(f"{what}: {rightly.shape}; by {name} {found.shape}, differs by {away:.3g}")
        as_seen.append((away > 1) == (name == whose))
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
