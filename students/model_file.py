"""One self-describing safetensors file a model: weights, and one metadata key of canonical JSON.

The JSON carries everything a reader needs (architecture, charset, preparation, decoding, calibration) and
the training record. Its `sha256` is the digest of the whole file with those 64 characters set to zero, so
that every byte is covered: safetensors itself has no checksum. No torch here: an ONNX reader needs none.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import safetensors
import safetensors.numpy
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from students.charset import Charset
from students.decoding import Decoding, Greedy
from students.errors import CheckpointError
from students.image import Preparation

KEY = "crnn-distill"
FORMAT_VERSION: Final = 1
UNSIGNED = "0" * 64
HEADER_LIMIT = 32 * 2**20


class Calibration(BaseModel):
    """What turns scores into confidences: a temperature fitted on validation (1: none fitted)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: float = Field(1.0, gt=0)


class Description(BaseModel):
    """Everything beside the weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format_version: Literal[1] = FORMAT_VERSION
    kind: Literal["student", "teacher"]
    architecture: dict[str, Any]
    charset: Charset
    preparation: Preparation
    decoding: Decoding = Greedy()
    calibration: Calibration = Calibration()
    training: dict[str, Any] = Field(default_factory=dict, description="digests and evaluation; no wall clock")


def write_model(path: Path, description: Description, weights: dict[str, np.ndarray]) -> str:
    """Write one model file, whole or not at all, and return its SHA-256 as recorded inside.

    Equal weights and description give equal bytes.
    """
    return write_signed(path, description.model_dump(mode="json"), weights)


def read_model(path: Path) -> tuple[Description, dict[str, np.ndarray]]:
    """Read and verify one model file. Raises `CheckpointError` naming the file and what is wrong."""
    contents, weights = read_signed(path)
    try:
        return Description.model_validate(contents), weights
    except ValidationError as error:
        raise CheckpointError(f"{path}: the description inside is not valid: {error}") from error


def write_signed(path: Path, contents: dict[str, Any], weights: dict[str, np.ndarray]) -> str:
    """Write a safetensors file with `contents` as its one metadata key; return the SHA-256 recorded inside."""
    contents = contents | {"sha256": UNSIGNED}
    blob = safetensors.numpy.save(
        {name: np.ascontiguousarray(weights[name]) for name in sorted(weights)},
        metadata={KEY: canonical_json(contents)},
    )
    digest = hashlib.sha256(blob).hexdigest()
    write_whole(path, _with_digest(blob, UNSIGNED, digest, path))
    return digest


def read_signed(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Contents, without their digest, and weights of a file of `write_signed`, verified."""
    try:
        blob = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror or error}") from error
    contents = _contents(blob, path)
    recorded = contents.pop("sha256", None)
    if not isinstance(recorded, str) or len(recorded) != 64:
        raise CheckpointError(f"{path}: carries no digest; the file was altered or not written by this suite")
    unsigned = _with_digest(blob, recorded, UNSIGNED, path)
    if hashlib.sha256(unsigned).hexdigest() != recorded:
        raise CheckpointError(f"{path}: the file was altered or damaged (its SHA-256 differs); fetch it anew")
    if contents.get("format_version") != FORMAT_VERSION:
        raise CheckpointError(
            f"{path}: format version {contents.get('format_version')}; this release reads {FORMAT_VERSION}"
        )
    try:
        return contents, safetensors.numpy.load(blob)
    except safetensors.SafetensorError as error:
        raise CheckpointError(f"{path}: damaged: {error}") from error


def canonical_json(value: object) -> str:
    """JSON with sorted keys and no white space: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def write_whole(path: Path, data: bytes) -> None:
    """Write beside `path`, flush to disk, then rename: a reader never sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    fsync_folder(path.parent)


def fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _contents(blob: bytes, path: Path) -> dict[str, Any]:
    """The JSON of the one metadata key."""
    length = int.from_bytes(blob[:8], "little")
    if len(blob) < 8 or length > min(HEADER_LIMIT, len(blob) - 8):
        raise CheckpointError(f"{path}: not a whole safetensors file; it may be cut short")
    try:
        header = json.loads(blob[8 : 8 + length])
        contents = json.loads(header["__metadata__"][KEY])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{path}: not a model file of this suite, or damaged") from error
    if not isinstance(contents, dict):
        raise CheckpointError(f"{path}: not a model file of this suite, or damaged")
    return contents


def _with_digest(blob: bytes, before: str, after: str, path: Path) -> bytes:
    """Swap the digest inside the header; the payload is left alone."""
    start = 8 + int.from_bytes(blob[:8], "little")
    field = f'\\"sha256\\":\\"{before}\\"'.encode()
    if blob[:start].count(field) != 1:
        raise CheckpointError(f"{path}: the digest inside is not where it belongs; the file was altered")
    return blob[:start].replace(field, field.replace(before.encode(), after.encode())) + blob[start:]
