#!/bin/sh
# MNN 3.6.1, a usual runtime for readers on phones: its converter takes RNN and GRU nodes of ONNX for others, and says
# "Converted Success!". Of the direction "reverse" they run forwards: the output is that of "forward" with the same weights, to
# the last bits. clip and other activations are left out, of RNN the lengths of lines (sequence_lens), too, so that
# a shorter line is read through its padding. A GRU with linear_before_reset=0, which is ONNX's default and what Keras has with
# reset_after=False, has other values forwards as well; with 1, as torch exports it, it is right, forwards and
# both ways. So exports of torch work, and those of other trainers read rubbish, or almost right. One expects the
# operator, as ONNX Runtime 1.32.0 has it, or an error. The command mnnconvert moreover installs a package for logs by
# pip where that lacks; this script calls what is behind it. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet mnn==3.6.1 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
"$folder/venv/bin/python" - "$folder" << 'PYTHON'
import os
import sys
from importlib.metadata import version
from pathlib import Path

import _tools
import MNN
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

print(*(f"{name} {version(name)}" for name in ("mnn", "onnx", "onnxruntime", "numpy")))
FOLDER, FRAMES, LINES, FEATURES, HIDDEN = Path(sys.argv[1]), 7, 2, 4, 3
x = np.random.default_rng(0).standard_normal((FRAMES, LINES, FEATURES), np.float32)


def model(operator, lengths=None, **attributes):
    """A graph of one recurrent layer; equal weights for an equal number of directions."""
    weights, gates = np.random.default_rng(1), {"GRU": 3, "RNN": 1}[operator]
    directions = 2 if attributes.get("direction") == "bidirectional" else 1
    shapes = {"W": (gates * HIDDEN, FEATURES), "R": (gates * HIDDEN, HIDDEN), "B": (2 * gates * HIDDEN,)}
    held = {name: weights.standard_normal((directions, *shape), np.float32) for name, shape in shapes.items()}
    if lengths:
        held["lengths"] = np.array(lengths, np.int32)
    node = helper.make_node(operator, ["x", *held], ["y"], hidden_size=HIDDEN, **attributes)
    graph = helper.make_graph(
        [node],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (FRAMES, directions, LINES, HIDDEN))],
        [numpy_helper.from_array(value, name) for name, value in held.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(made, full_check=True)
    return made


def by_onnxruntime(made):
    return onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]


def by_mnn(made, name):
    file, converted = FOLDER / f"{name}.onnx", FOLDER / f"{name}.mnn"
    onnx.save(made, file)
    shown, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)  # the converter prints every step
    _tools.mnnconvert(["mnnconvert", "-f", "ONNX", "--modelFile", str(file), "--MNNModel", str(converted), "--bizCode", "x"])
    os.dup2(shown, 1)
    network = MNN.nn.load_module_from_file(str(converted), ["x"], ["y"])
    given = MNN.expr.placeholder(list(x.shape), MNN.expr.NCHW)
    given.write(x)
    found = network.forward([given])
    return np.array((found[0] if isinstance(found, list | tuple) else found).read())


TORCH, RELU = {"linear_before_reset": 1}, ["Relu"]
CASES = {  # the layer: what ONNX Runtime makes of it, or of another one, is what MNN has; None: neither
    "GRU as of torch": (("GRU", TORCH), TORCH),
    "the same, both ways": (("GRU", {**TORCH, "direction": "bidirectional"}), {**TORCH, "direction": "bidirectional"}),
    "the same, in reverse": (("GRU", {**TORCH, "direction": "reverse"}), TORCH),
    "the same, clipped": (("GRU", {**TORCH, "clip": 0.3}), TORCH),
    "GRU with linear_before_reset=0": (("GRU", {}), None),
    "RNN": (("RNN", {}), {}),
    "RNN in reverse": (("RNN", {"direction": "reverse"}), {}),
    "RNN, clipped": (("RNN", {"clip": 0.3}), {}),
    "RNN with ReLU": (("RNN", {"activations": RELU}), {}),
    "RNN with lengths": (("RNN", {"lengths": [7, 4]}), {}),
}
as_seen = []
for place, (name, ((operator, asked), same)) in enumerate(CASES.items()):
    found, right = by_mnn(model(operator, **asked), f"m{place}"), by_onnxruntime(model(operator, **asked))
    far = float(np.abs(found - right).max())
    print(f"{name}: off by {far:.6f}", end="")
    if same is None:
        print()
        as_seen.append(far > 0.1)
        continue
    from_other = float(np.abs(found - by_onnxruntime(model(operator, **same))).max())
    print(f", from the layer with {same} alone by {from_other:.6f}")
    as_seen += [from_other < 1e-4, asked == same or far > 0.1]
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
