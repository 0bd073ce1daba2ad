"""A finished network at half the size: `python -m teachers.pack runs/scene/teacher scene.safetensors`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from students.errors import CheckpointError, UserError
from students.model_file import read_model, write_model
from students.shipped import find_model


def pack(source: Path, target: Path) -> None:
    """Write the model of `source` with its weights in float16; every reader takes them as float32 again.

    Raises `CheckpointError` where float16 cannot hold a weight.
    """
    description, weights = read_model(find_model(source))
    with np.errstate(over="ignore"):
        halves = {name: w.astype(np.float16) if w.dtype == np.float32 else w for name, w in weights.items()}
    if beyond := [name for name, half in halves.items() if not np.isfinite(half).all()]:
        raise CheckpointError(f"{source}: float16 cannot hold {', '.join(beyond)}; keep the file as it is")
    stored = description.model_copy(update={"training": description.training | {"stored": "float16"}})
    write_model(target, stored, halves)


def main() -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(prog="teachers.pack", description=__doc__)
    parser.add_argument("source", type=Path, help="model file, or folder that holds one")
    parser.add_argument("target", type=Path, help="file to write")
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.reconfigure(errors="backslashreplace")
    options = parser.parse_args()
    try:
        pack(options.source, options.target)
    except UserError as error:
        print(f"teachers.pack: {error}", file=sys.stderr)
        return 2
    print(f"{options.target}: {options.target.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
