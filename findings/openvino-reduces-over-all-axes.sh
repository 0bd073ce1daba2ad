#!/bin/sh
# OpenVINO 2026.4.1: ReduceL1, ReduceLogSum and ReduceLogSumExp of opsets 13 to 17, which most exports have, lose their
# attribute `axes` and reduce over all of the tensor; below 13 and in 18, and the other reductions, are right. With
# keepdims the result broadcasts: log-probabilities as x - ReduceLogSumExp(x, axes=-1), torch's x - x.logsumexp(-1), have the
# right shape and sum over all lines, frames and classes of a batch to 1. Greedy texts stay, each confidence is wrong, and
# by the company of a line. Softmax of opset 11 and 12 joins all axes from `axis` on, by default from 1; OpenVINO takes the one
# axis, so that attention over a flattened map becomes another one; in opset 9 and 10, and as LogSoftmax, it is right.
# The models are valid by onnx 1.23.2's checker, nothing is said; ONNX Runtime 1.32.0 does what the operators say. One
# expects an operator that is not known to be refused. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet openvino==2026.4.1 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
"$folder/venv/bin/python" - << 'PYTHON'
from importlib.metadata import version

import numpy as np
import onnx
import onnxruntime
import openvino
from onnx import TensorProto, helper

print(*(f"{name} {version(name)}" for name in ("openvino", "onnx", "onnxruntime", "numpy")))
frames = np.random.default_rng(0).uniform(0.1, 3, (2, 4, 5)).astype(np.float32)
LOST = ("ReduceL1", "ReduceLogSum", "ReduceLogSumExp")
KEPT = ("ReduceL2", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSumSquare")


def answers(nodes, opset):
    """What ONNX Runtime and OpenVINO make of a graph from x to y."""
    made = [helper.make_node(name, given, [result], **settings) for name, given, result, settings in nodes]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, frames.shape)
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["a", "b", "c"])
    model = helper.make_model(helper.make_graph(made, "g", [x], [y]), opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    data = model.SerializeToString()
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(data), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return session.run(None, {"x": frames})[0], np.asarray(compiled(frames)[0])


as_seen = []
for name in (*LOST, *KEPT):
    for opset in (11, 12, 13, 17):
        want, got = answers([(name, ["x"], "y", {"axes": [2], "keepdims": 1})], opset)
        lost = got.shape == (1, 1, 1)
        print(f"{name} of opset {opset}, axes [2]: {want.shape}, by OpenVINO {got.shape}")
        as_seen.append(want.shape == (2, 4, 1) and lost == (name in LOST and opset >= 13))
        as_seen.append(lost or (got.shape == want.shape and np.allclose(got, want, atol=1e-4)))
LOGARITHMS = [("ReduceLogSumExp", ["x"], "total", {"axes": [-1], "keepdims": 1}), ("Sub", ["x", "total"], "y", {})]
want, got = answers(LOGARITHMS, 17)
print("log-probabilities of a frame sum to", np.exp(want).sum(-1)[0, 0], "by OpenVINO", np.exp(got).sum(-1)[0, 0])
as_seen += [np.allclose(np.exp(want).sum(-1), 1, atol=1e-4), np.allclose(np.exp(got).sum(), 1, atol=1e-4)]
as_seen += [want.shape == got.shape, (want.argmax(-1) == got.argmax(-1)).all()]
for name in ("Softmax", "LogSoftmax"):
    for opset in (9, 10, 11, 12, 13):
        want, got = answers([(name, ["x"], "y", {"axis": 1})], opset)
        away = float(np.abs(want - got).max())
        print(f"{name} of opset {opset}, axis 1: OpenVINO is {away:.3f} away")
        as_seen.append((away > 0.05) if name == "Softmax" and opset in (11, 12) else away < 1e-4)
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
