#!/bin/sh
# ncnn 1.0.20261020, a usual runtime for readers on phones, with its converter pnnx 20261020: of valid ONNX files it makes other
# networks, and prints no word about it. A GRU with linear_before_reset=0, ONNX's default and Keras's with reset_after=False, is
# computed as one with 1; clip and input_forget of an LSTM are left out. So are two attributes of Resize: "asymmetric" becomes half
# pixels, so that a map is moved, and antialias is dropped. MaxPool with SAME_UPPER, as from TensorFlow, pads on all sides where
# it should on two. A flip (Slice with step -1) is right with the bounds that torch writes, -1 and 1 - 2^63, and dropped with
# others that mean the same, as -1 and -14 of 13 columns: whoever turns lines that run from right to left round, or
# frames for a layer that runs backwards, gets them unturned, in the right shape. The same layers as torch writes a CRNN are right to
# the last digits, and other things that ncnn lacks do stop it: LSTM in reverse, lengths, SAME_LOWER, negative padding. So one
# trusts what it converts. One expects the operator, as ONNX Runtime 1.32.0 has it, or an error. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet ncnn==1.0.20261020 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
"$folder/venv/bin/python" -m pip install --quiet --no-deps pnnx==20261020
"$folder/venv/bin/python" - "$folder" << 'PYTHON'
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import ncnn
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

print(*(f"{name} {version(name)}" for name in ("ncnn", "pnnx", "onnx", "onnxruntime")))
FOLDER, PNNX = Path(sys.argv[1]), Path(find_spec("pnnx").submodule_search_locations[0], "pnnx")
MAP, FRAMES, HIDDEN = (1, 4, 8, 13), (7, 1, 4), 3


def model(shape, nodes, opset=17, **held):
    """A graph of nodes from x to y; before a map stands a convolution that changes nothing, as pnnx knows the axis of lines by one."""
    if len(shape) == 4:
        held["one"] = np.eye(shape[1], dtype=np.float32)[:, :, None, None]
        nodes = [helper.make_node("Conv", ["x", "one"], ["map"]), *nodes]
    made = helper.make_model(
        helper.make_graph(
            nodes,
            "graph",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
            [numpy_helper.from_array(np.asarray(value), name) for name, value in held.items()],
        ),
        opset_imports=[helper.make_opsetid("", opset)],
        ir_version=8,
    )
    made = onnx.shape_inference.infer_shapes(made)
    onnx.checker.check_model(made, full_check=True)
    return made


def on_map(operator, *inputs, opset=17, held=None, **attributes):
    return MAP, model(MAP, [helper.make_node(operator, ["map", *inputs], ["y"], **attributes)], opset, **(held or {}))


def recurrent(operator, **attributes):
    """A layer with the same weights in each of its variants; its output without the axis of directions."""
    weights, gates = np.random.default_rng(1), {"LSTM": 4, "GRU": 3}[operator] * HIDDEN
    shapes = {"W": (1, gates, FRAMES[2]), "R": (1, gates, HIDDEN), "B": (1, 2 * gates)}
    held = {name: weights.standard_normal(shape, np.float32) for name, shape in shapes.items()}
    nodes = [
        helper.make_node(operator, ["x", *held], ["both"], hidden_size=HIDDEN, **attributes),
        helper.make_node("Squeeze", ["both", "axis"], ["y"]),
    ]
    return FRAMES, model(FRAMES, nodes, axis=np.array([1]), **held)


def by_onnxruntime(made, x):
    return onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]


def by_ncnn(made, x, name):
    """The output of ncnn, and the lines of pnnx in which it says that something is left out, or wrong."""
    file = FOLDER / f"{name}.onnx"
    onnx.save(made, file)
    command = [PNNX, file.name, f"inputshape={list(x.shape)}".replace(" ", ""), "fp16=0"]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=True)
    doubts = ("not support", "unsupported", "ignor", "warn", "error", "fail")
    lines = (done.stdout + done.stderr).splitlines()  # ONNX Runtime inside warns of a processor that it does not know
    said = [line for line in lines if any(word in line.lower() for word in doubts) and "onnxruntime:" not in line]
    network = ncnn.Net()
    network.opt.use_fp16_packed = network.opt.use_fp16_storage = network.opt.use_fp16_arithmetic = False
    assert network.load_param(str(FOLDER / f"{name}.ncnn.param")) == network.load_model(str(FOLDER / f"{name}.ncnn.bin")) == 0
    extractor = network.create_extractor()
    extractor.input("in0", ncnn.Mat(np.ascontiguousarray(x[0] if x.ndim == 4 else x[:, 0])).clone())
    status, output = extractor.extract("out0")
    assert status == 0
    return np.array(output), said


def flip(begin, end):
    held = {"begin": np.array([begin]), "end": np.array([end]), "axis": np.array([3]), "step": np.array([-1])}
    return on_map("Slice", "begin", "end", "axis", "step", held=held)


def resize(*scales, **attributes):
    return on_map("Resize", "", "scales", opset=18, held={"scales": np.array([1, 1, *scales], np.float32)}, **attributes)


TORCH, POOL = {"linear_before_reset": 1}, {"kernel_shape": [3, 3], "strides": [2, 2]}
CASES = {  # the layer: what ncnn has; True: what ONNX Runtime has, None: something else, a model: what ONNX Runtime makes of that
    "MaxPool with padding": (on_map("MaxPool", pads=[1, 1, 1, 1], **POOL), True),
    "MaxPool with SAME_UPPER": (on_map("MaxPool", auto_pad="SAME_UPPER", **POOL), None),
    "columns flipped, bounds of torch": (flip(-1, -(2**63) + 1), True),
    "columns flipped, from the last to the first": (flip(-1, -14), on_map("Identity")),
    "columns flipped, bounds of 32 bits": (flip(2**31 - 1, -(2**31)), on_map("Identity")),
    "Resize by half pixels": (resize(2, 2, mode="linear"), True),
    "Resize, asymmetric": (
        resize(2, 2, mode="linear", coordinate_transformation_mode="asymmetric"),
        resize(2, 2, mode="linear"),
    ),
    "Resize with antialias": (resize(0.5, 0.5, mode="linear", antialias=1), resize(0.5, 0.5, mode="linear")),
    "GRU as of torch": (recurrent("GRU", **TORCH), True),
    "GRU with linear_before_reset=0": (recurrent("GRU"), recurrent("GRU", **TORCH)),
    "LSTM": (recurrent("LSTM"), True),
    "LSTM, clipped": (recurrent("LSTM", clip=0.3), recurrent("LSTM")),
    "LSTM with input_forget": (recurrent("LSTM", input_forget=1), recurrent("LSTM")),
}
as_seen, numbers = [], np.random.default_rng(0)
for place, (name, ((shape, made), expected)) in enumerate(CASES.items()):
    x = numbers.standard_normal(shape, np.float32)
    right = np.squeeze(by_onnxruntime(made, x))
    output, said = by_ncnn(made, x, f"m{place}")
    found = np.squeeze(output)
    assert found.shape == right.shape, (name, found.shape, right.shape)
    far = float(np.abs(found - right).max())
    print(f"{name}: off by {far:.6f}", *said)
    as_seen += [not said, far < 1e-3 if expected is True else far > 0.05]
    if isinstance(expected, tuple):
        as_seen.append(np.allclose(found, np.squeeze(by_onnxruntime(expected[1], x)), atol=1e-4))
        print("  which is what another layer has:", as_seen[-1])
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
