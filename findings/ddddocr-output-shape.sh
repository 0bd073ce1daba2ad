#!/bin/sh
# ddddocr 1.6.1: its graphs declare an output (1, seqlen), and give (frames, lines, 8210): who allocates, or picks the
# axis of the frames, by what is declared is wrong. Its int8 graph moreover scores a line otherwise in company than alone,
# since dynamic quantisation takes one range for the whole batch. Exits 0 while both are so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --no-deps ddddocr==1.6.1
"$folder/venv/bin/python" -m pip install --quiet onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
"$folder/venv/bin/python" - << 'PYTHON'
import sysconfig
from importlib.metadata import version

import numpy as np
import onnx
import onnxruntime

print(*(f"{name} {version(name)}" for name in ("ddddocr", "onnx", "onnxruntime", "numpy")))
site, as_seen = sysconfig.get_paths()["purelib"], []
images = np.random.default_rng(0).random((3, 1, 64, 160), np.float32)
for name in ("common.onnx", "common_old.onnx"):
    model = onnx.load(f"{site}/ddddocr/{name}")
    declared = [size.dim_value or size.dim_param for size in model.graph.output[0].type.tensor_type.shape.dim]
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "lines"
    model.graph.output[0].type.tensor_type.ClearField("shape")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    source = session.get_inputs()[0].name
    alone = np.concatenate([session.run(None, {source: image[None]})[0] for image in images], 1)
    together = session.run(None, {source: images})[0]
    difference = float(np.abs(alone - together).max())
    print(f"{name}: declares {declared}, gives {together.shape} for 3 lines; in company scores differ by {difference:.3g}")
    as_seen.append(declared == [1, "seqlen"] and together.shape == (20, 3, 8210))
    as_seen.append(difference < 1e-3 if name == "common.onnx" else difference > 0.05)
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
