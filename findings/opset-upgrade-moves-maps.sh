#!/bin/sh
# onnx 1.23.2: version_converter, which brings a model to a newer opset, moves what an old model scales up. Upsample of
# opset 9 and Resize of opset 10 count from the corner (x / scale); Resize of opset 11 from the middle of pixels, unless it
# is told "asymmetric", and the converter does not tell it. A linear map scaled by two, as in text detectors that were
# exported then, is half a pixel of its small map further on: the ramp 0, 1, 2, 3 becomes 0, 0.25, 0.75, 1.25 instead of 0,
# 0.5, 1, 1.5. quant_pre_process of onnxruntime 1.32.0 converts a model of opset 10 by the way and does the same, before
# any quantisation. Nearest neighbours stay at that scale. One expects an upgrade to keep the answer. Exits 0
# while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6 sympy==1.14.0
"$folder/venv/bin/python" - "$folder" << 'PYTHON'
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper, version_converter
from onnxruntime.quantization.shape_inference import quant_pre_process

print(*(f"{name} {version(name)}" for name in ("onnx", "onnxruntime", "numpy")))
before, after = Path(sys.argv[1], "before.onnx"), Path(sys.argv[1], "after.onnx")
ramp = np.arange(4, dtype=np.float32).reshape(1, 1, 1, 4)
BY_CORNER, BY_MIDDLE = [0, 0.5, 1, 1.5, 2, 2.5, 3, 3], [0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3]


def model(operator, opset, mode):
    node = helper.make_node(operator, ["x", "scales"], ["y"], mode=mode)
    graph = helper.make_graph(
        [node],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ramp.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 1, 1, 8))],
        [numpy_helper.from_array(np.array([1, 1, 1, 2], np.float32), "scales")],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=6)
    onnx.checker.check_model(made, full_check=True)
    return made


def scaled(made):
    session = onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": ramp})[0].ravel().tolist()


def prepared(made):
    onnx.save(made, before)
    quant_pre_process(str(before), str(after))
    return onnx.load(after)


as_seen = []
for operator, opset in (("Upsample", 9), ("Resize", 10)):
    made = model(operator, opset, "linear")
    old, new = scaled(made), scaled(version_converter.convert_version(made, 17))
    print(f"{operator} of opset {opset}: {old}; converted to 17: {new}")
    as_seen += [old == BY_CORNER, new == BY_MIDDLE]
    nearest = model(operator, opset, "nearest")
    as_seen.append(scaled(nearest) == scaled(version_converter.convert_version(nearest, 17)))
for_int8 = prepared(model("Resize", 10, "linear"))
print(f"by quant_pre_process, of opset {for_int8.opset_import[0].version} now: {scaled(for_int8)}")
as_seen.append(scaled(for_int8) == BY_MIDDLE)
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
