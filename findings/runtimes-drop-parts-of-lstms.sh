#!/bin/sh
# tract 0.23.9 runs LSTM and GRU nodes of the direction "reverse" forwards: the output is that of the same weights with
# "forward", to the last bit but rounding; "bidirectional" is right, so the backward half alone is not. It takes clip and
# other activations for the usual ones, too. OpenVINO 2026.4.1 leaves out the peepholes (input P) and input_forget of LSTM.
# Both open the models, which onnx's checker accepts, and say nothing; ONNX Runtime 1.32.0 does what the operator says. So
# a recogniser with go_backwards layers, or an old one with peepholes, reads rubbish there, or almost right. What tract
# does not know of sequence_lens it refuses, which one expects of the rest. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet tract==0.23.9 openvino==2026.4.1 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
"$folder/venv/bin/python" - "$folder/model.onnx" << 'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
import onnx
import onnxruntime
import openvino
import tract
from onnx import TensorProto, helper, numpy_helper

print(*(f"{name} {version(name)}" for name in ("tract", "openvino", "onnx", "onnxruntime", "numpy")))
FILE, numbers = sys.argv[1], np.random.default_rng(0)
FRAMES, LINES, FEATURES, HIDDEN = 6, 2, 3, 4
x = numbers.standard_normal((FRAMES, LINES, FEATURES), np.float32)


def model(operator, direction, peepholes=False, **attributes):
    """A graph of one recurrent layer; equal weights for an equal number of directions."""
    weights, gates = np.random.default_rng(1), {"LSTM": 4, "GRU": 3}[operator]
    directions = 2 if direction == "bidirectional" else 1
    shapes = {"W": (gates * HIDDEN, FEATURES), "R": (gates * HIDDEN, HIDDEN), "B": (2 * gates * HIDDEN,)}
    names = ["x", "W", "R", "B"]
    if peepholes:
        shapes["P"], names = (3 * HIDDEN,), [*names, "", "", "", "P"]
    held = {name: weights.standard_normal((directions, *shape), np.float32) for name, shape in shapes.items()}
    node = helper.make_node(operator, names, ["y"], hidden_size=HIDDEN, direction=direction, **attributes)
    graph = helper.make_graph(
        [node],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (FRAMES, directions, LINES, HIDDEN))],
        [numpy_helper.from_array(value, name) for name, value in held.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(made, full_check=True)
    return made


def by_onnxruntime(made):
    return onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]


def by_tract(made):
    onnx.save(made, FILE)
    return tract.onnx().load(FILE).into_model().into_runnable().run([x])[0].to_numpy()


def by_openvino(made):
    onnx.save(made, FILE)
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(FILE), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return compiled({"x": x})[0]


as_seen = []
for operator, settings, differs in (
    ("LSTM", {"direction": "forward"}, ()),
    ("LSTM", {"direction": "bidirectional"}, ()),
    ("GRU", {"direction": "bidirectional", "linear_before_reset": 1}, ()),
    ("LSTM", {"direction": "reverse"}, ("tract",)),
    ("GRU", {"direction": "reverse", "linear_before_reset": 1}, ("tract",)),
    ("LSTM", {"direction": "forward", "clip": 0.3}, ("tract",)),
    ("LSTM", {"direction": "forward", "activations": ["Sigmoid", "Relu", "Tanh"]}, ("tract",)),
    ("LSTM", {"direction": "forward", "peepholes": True}, ("OpenVINO",)),
    ("LSTM", {"direction": "forward", "input_forget": 1}, ("tract", "OpenVINO")),
):
    made = model(operator, **settings)
    rightly, found = by_onnxruntime(made), {"tract": by_tract(made), "OpenVINO": by_openvino(made)}
    away = {name: float(np.abs(scores - rightly).max()) for name, scores in found.items()}
    print(operator, settings, *(f"{name} differs by {difference:.2g}" for name, difference in away.items()))
    as_seen += [(difference > 0.05) == (name in differs) for name, difference in away.items()]
    if settings["direction"] == "reverse":
        forwards = by_onnxruntime(model(operator, **{**settings, "direction": "forward"}))
        as_seen.append(np.allclose(found["tract"], forwards, atol=1e-5))
    if "peepholes" in settings:
        without = by_onnxruntime(model(operator, settings["direction"]))
        as_seen.append(np.allclose(found["OpenVINO"], without, atol=1e-4))
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
