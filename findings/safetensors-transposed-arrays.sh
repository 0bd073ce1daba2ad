#!/bin/sh
# safetensors 0.8.0: safetensors.numpy writes an array that is not C-contiguous with its own shape and the values in the
# order of its memory, without a word. A transposed (2, 3) comes back as (3, 2) with its six numbers at other places; so
# does a Fortran-ordered one, and save_file does as save does. That is what carries a Keras or MATLAB kernel (in, out)
# over to torch (out, in). 0.7.0 wrote both rightly. The docstring of both versions wants contiguous arrays, and
# safetensors.torch refuses others by name: one expects an error here, or a copy. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
cat > "$folder/transposed.py" << 'PYTHON'
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import safetensors.numpy

print(*(f"{name} {version(name)}" for name in ("safetensors", "numpy")))
kernel, as_seen, file = np.arange(6, dtype=np.float32).reshape(2, 3), [], Path(sys.argv[1], "weights.safetensors")
for what, array in (("transposed", kernel.T), ("Fortran-ordered", np.asfortranarray(kernel))):
    back = safetensors.numpy.load(safetensors.numpy.save({"kernel": array}))["kernel"]
    safetensors.numpy.save_file({"kernel": array}, file)
    print(f"{what}: saved {array.tolist()}, loaded {back.tolist()}")
    scrambled = not np.array_equal(back, array) and np.array_equal(back, array.ravel("K").reshape(array.shape))
    as_seen.append(np.array_equal(safetensors.numpy.load_file(file)["kernel"], back) and back.shape == array.shape)
    as_seen.append(scrambled if version("safetensors") == "0.8.0" else np.array_equal(back, array))
    copied = safetensors.numpy.load(safetensors.numpy.save({"kernel": np.ascontiguousarray(array)}))["kernel"]
    as_seen.append(np.array_equal(copied, array))
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
for release in 0.7.0 0.8.0; do
    "$folder/venv/bin/python" -m pip install --quiet "safetensors==$release" numpy==2.4.6
    "$folder/venv/bin/python" "$folder/transposed.py" "$folder"
done
