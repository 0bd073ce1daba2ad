"""What things are known by: SHA-256 of settings and of tensors."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from pydantic import BaseModel
from torch import Tensor

from students.model_file import canonical_json


def digest_of(*parts: object) -> str:
    """Return the SHA-256 of the canonical JSON of models and plain values, in hexadecimal."""
    plain = [p.model_dump(mode="json") if isinstance(p, BaseModel) else p for p in parts]
    return hashlib.sha256(canonical_json(plain).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """Return the SHA-256 of the bytes of a file, in hexadecimal, as `sha256sum` prints it."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def on_host(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return contiguous clones in host memory: cuDNN packs recurrent weights as views of one storage."""
    return {name: t.detach().to("cpu", copy=True).contiguous() for name, t in sorted(tensors.items())}


def tensors_digest(tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 over names, types, shapes and bytes, in hexadecimal."""
    sha = hashlib.sha256()
    for name, tensor in on_host(tensors).items():
        sha.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        sha.update(tensor.flatten().view(torch.uint8).numpy().tobytes())
    return sha.hexdigest()
