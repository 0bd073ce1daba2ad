"""Training checkpoints: written whole, verified byte for byte, the old one deleted only after the new one holds.

A checkpoint is a folder of safetensors files and `state.json`, with a `MANIFEST.json` (size and SHA-256 of
each) written last; it is renamed into place once everything is on disk.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import Tensor

from distill.digests import on_host
from students.errors import CheckpointError
from students.model_file import canonical_json, fsync_folder

MANIFEST = "MANIFEST.json"
STATE = "state.json"
KEEP = 2
log = logging.getLogger(__name__)

Tensors = Mapping[str, Mapping[str, Tensor]]


@dataclass(frozen=True)
class Checkpoint:
    """Named groups of tensors (weights, optimiser moments, ...) and a JSON state."""

    tensors: Tensors
    state: dict[str, Any]


def save(root: Path, step: int, checkpoint: Checkpoint, keep: int = KEEP) -> None:
    """Write `root/step-NNNNNNNN`, verify it, then delete all but the newest `keep`.

    Raises `CheckpointError` where the disk refuses; checkpoints already there stay as they are.
    """
    final = root / f"step-{step:08d}"
    temporary = root / f".step-{step:08d}.tmp"
    try:
        if not _problem(final):
            _prune(root, keep)  # a resumed run comes by again, with equal contents
            return
        root.mkdir(parents=True, exist_ok=True)
        for abandoned in root.glob(".step-*.tmp"):
            shutil.rmtree(abandoned)
        temporary.mkdir()
        _write_files(temporary, checkpoint)
        shutil.rmtree(final, ignore_errors=True)  # damaged, or it would have been kept
        temporary.replace(final)
        fsync_folder(root)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise CheckpointError(
            f"{final}: the checkpoint cannot be written: {error.strerror or error}; earlier ones are intact, "
            "mend it and start the same command again"
        ) from error
    if problem := _problem(final):
        raise CheckpointError(f"{final}: written but not readable: {problem}")
    _prune(root, keep)


def newest(root: Path) -> Path | None:
    """Return the folder of the newest checkpoint that verifies, None without one; damaged ones give a warning."""
    for folder in sorted(root.glob("step-*"), reverse=True):
        if problem := _problem(folder):
            log.warning("%s: passed over: %s", folder, problem)
            continue
        return folder
    return None


def read_state(folder: Path) -> dict[str, Any]:
    """Return the JSON state of a checkpoint without its tensors."""
    return dict(json.loads((folder / STATE).read_text()))


def load(folder: Path) -> Checkpoint:
    """Read a checkpoint that `newest` has verified."""
    tensors = {path.stem: safetensors.torch.load_file(path) for path in folder.glob("*.safetensors")}
    return Checkpoint(tensors, read_state(folder))


def _prune(root: Path, keep: int) -> None:
    for old in sorted(root.glob("step-*"))[:-keep]:
        shutil.rmtree(old)


def _write_files(folder: Path, checkpoint: Checkpoint) -> None:
    for name, group in checkpoint.tensors.items():
        _write(folder / f"{name}.safetensors", safetensors.torch.save(on_host(group)))
    _write(folder / STATE, canonical_json(checkpoint.state).encode())
    files = {p.name: _fingerprint(p) for p in sorted(folder.iterdir())}
    _write(folder / MANIFEST, canonical_json(files).encode())
    fsync_folder(folder)


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _fingerprint(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _problem(folder: Path) -> str | None:
    """Why a checkpoint cannot be trusted; None if it can."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        present = {p.name for p in folder.iterdir()} - {MANIFEST}
        if present != set(manifest):
            return f"its files are {sorted(present)}, the manifest names {sorted(manifest)}"
        for name, fingerprint in manifest.items():
            if _fingerprint(folder / name) != fingerprint:
                return f"{name} was altered or cut short"
    except (OSError, ValueError, AttributeError) as error:
        return f"no readable manifest ({error})"
    return None
