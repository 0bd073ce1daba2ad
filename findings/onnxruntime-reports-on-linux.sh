#!/bin/sh
# onnxruntime 1.32.0, the Linux wheel: whoever opens a model is reported on. The first session makes
# ~/.cache/Microsoft/DeveloperTools/.onnxruntime with an identifier of the machine that stays (`deviceid`) and a database
# of events that wait to be sent to Microsoft over HTTPS; an event names the interpreter's path, the processor and the
# release of the system. 1.24.1 did nothing of the kind. The documented switch of the Python interface,
# disable_telemetry_events(), comes too late: it can only be called after the import, and the identifier and an event are
# written all the same. ORT_DISABLE_TELEMETRY=1 before the import writes neither; its documents say that nothing is sent
# then. It is native code, so a guard that replaces Python's sockets does not see it. Exits 0 while that is so. The
# variables of proxies below lead nowhere, so that running this sends nothing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cat > "$folder/use.py" << 'PYTHON'
import sys
import time

import numpy as np
import onnxruntime
from onnx import TensorProto, helper

if "switched-off" in sys.argv:
    onnxruntime.disable_telemetry_events()
x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy")
graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "graph", [x], [y])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
assert session.run(None, {"x": np.array([-1], np.float32)})[0] == 0
time.sleep(2)  # events are written by a thread
PYTHON
for how in nothing switched-off variable; do
    mkdir "$folder/$how"
    disable=0
    if [ "$how" = variable ]; then disable=1; fi
    env -u XDG_CACHE_HOME HOME="$folder/$how" ORT_DISABLE_TELEMETRY=$disable \
        http_proxy=http://127.0.0.1:9 https_proxy=http://127.0.0.1:9 HTTPS_PROXY=http://127.0.0.1:9 \
        "$folder/venv/bin/python" "$folder/use.py" "$how"
done
"$folder/venv/bin/python" - "$folder" << 'PYTHON'
import sqlite3
import sys
from importlib.metadata import version
from pathlib import Path

print(*(f"{name} {version(name)}" for name in ("onnxruntime", "onnx", "numpy")))
events = {}
for how in ("nothing", "switched-off", "variable"):
    home = Path(sys.argv[1], how)
    written = sorted(file.relative_to(home).as_posix() for file in home.rglob("*") if file.is_file())
    events[how] = []
    for database in home.rglob("onnxruntime.db"):
        with sqlite3.connect(database) as opened:
            events[how] = [row[0] for row in opened.execute("select payload from events")]
    print(f"{how}: {len(events[how])} events; files: {', '.join(written) or 'none'}")
    events[how] = (written, events[how])
written, kept = events["nothing"]
interpreter = any(sys.executable.encode() in payload for payload in kept)
print(f"an event names the interpreter's path: {'yes' if interpreter else 'no'}")
same = (
    any(name.endswith("deviceid") for name in written)
    and interpreter
    and any(name.endswith("deviceid") for name in events["switched-off"][0])
    and events["variable"] == ([], [])
)
print("as described" if same else "not as described")
sys.exit(not same)
PYTHON
