#!/bin/sh
# safetensors 0.8.0: safetensors.numpy.load gives the tensors of the same bytes in another order at every call, within
# one process as well; PYTHONHASHSEED changes nothing. load_file and safe_open give them in the order of the file.
# Whoever opens bytes to verify them first, and then walks over the weights (a digest over all of them, noise drawn for
# each, the first that differs, an optimiser's groups), gets other results from run to run. 0.5.3 did so as well. Sort
# by name. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
cat > "$folder/order.py" << 'PYTHON'
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy

print(*(f"{name} {version(name)}" for name in ("safetensors", "numpy")))
names = [f"layer{number:02}.weight" for number in range(12)]
blob = safetensors.numpy.save({name: np.zeros(2, np.float32) for name in names})
file = Path(sys.argv[1], "weights.safetensors")
file.write_bytes(blob)
of_bytes = [list(safetensors.numpy.load(blob)) for _ in range(20)]
for order in of_bytes[:2]:
    print("load:", *(name[5:7] for name in order))
of_file = [list(safetensors.numpy.load_file(file)) for _ in range(20)]
print("load_file:", *(name[5:7] for name in of_file[0]))
with safetensors.safe_open(file, "np") as opened:
    as_opened = list(opened.keys())
one_order = all(order == names for order in [*of_file, as_opened])
raise SystemExit(0 if one_order and len({tuple(order) for order in of_bytes}) > 10 else 1)
PYTHON
for release in 0.5.3 0.8.0; do
    "$folder/venv/bin/python" -m pip install --quiet "safetensors==$release" numpy==2.4.6
    PYTHONHASHSEED=0 "$folder/venv/bin/python" "$folder/order.py" "$folder"
done
