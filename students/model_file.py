"""One self-describing file a model: safetensors or ONNX, with one metadata key of canonical JSON.

The JSON carries everything a reader needs (architecture, charset, preparation, decoding, calibration) and
the training record. Its `sha256` is the digest of the whole file with those 64 characters set to zero, so
that every byte is covered: neither format has a checksum. No torch here: an ONNX reader needs none.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import safetensors
import safetensors.numpy
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from students.abandoned import remove_abandoned_of, temporary_of
from students.calibration import Calibration
from students.charset import Charset
from students.decoding_settings import Decoding, Greedy
from students.errors import CheckpointError
from students.image import Preparation

MODEL_NAME = "model.safetensors"
ONNX_NAME = "model.onnx"
ONNX_SUFFIX = ".onnx"
LOCATOR_ONNX, RECOGNISER_ONNX = "locator.onnx", "recogniser.onnx"  # of a page reader that was exported into a folder
KEY = "crnn-distill"
ONNX_ENTRY = b"\x0a" + bytes([len(KEY)]) + KEY.encode() + b"\x12"  # a protobuf map entry: its key, then its value's tag
FORMAT_VERSION: Final = 1
UNSIGNED = "0" * 64
OF_PAGES = {  # the kinds that `students.pages.model_file` knows, and what to do where a recogniser was wanted
    "locator": "a locator, which finds the lines of pages and reads none; a recogniser goes with it: "
    "students.load_page(locator, recogniser), or distill read --pages LOCATOR --recogniser",
    "locator_teacher": "a locator's teacher, which finds lines and reads none; open it with teachers.load_locator",
    "pages": "both networks that read pages; name it alone: students.load_page(file), or distill read --pages",
}
HEADER_LIMIT = 32 * 2**20
LFS_POINTER = b"version https://git-lfs"  # how the file begins that a clone without Git LFS has


class Description(BaseModel):
    """Everything in a model file but the weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format_version: Literal[1] = FORMAT_VERSION
    kind: Literal["student", "teacher"]
    architecture: dict[str, Any]
    charset: Charset
    preparation: Preparation
    decoding: Decoding = Greedy()
    calibration: Calibration = Calibration()
    training: dict[str, Any] = Field(default_factory=dict, description="digests and evaluation; no wall clock")


@dataclass(frozen=True)
class _Place:
    """Where in a file the JSON stands, and how the file writes the quotes inside it."""

    start: int
    end: int
    quote: bytes


def write_model(path: Path, description: Description, weights: dict[str, np.ndarray]) -> str:
    """Write one safetensors file, whole or not at all, and return its SHA-256 as recorded inside.

    Equal weights and description give equal bytes.
    """
    return write_signed(path, description.model_dump(mode="json"), weights)


def write_signed(path: Path, contents: dict[str, Any], weights: dict[str, np.ndarray]) -> str:
    """Write a safetensors file with `contents` as its one metadata key; return the SHA-256 recorded inside."""
    blob = safetensors.numpy.save(
        {name: np.ascontiguousarray(weights[name]) for name in sorted(weights)},
        metadata={KEY: canonical_json(contents | {"sha256": UNSIGNED})},
    )
    digest, signed = _signed(blob, _in_safetensors(blob, path), path)
    write_whole(path, signed)
    return digest


def read_model(path: Path) -> tuple[Description, dict[str, np.ndarray]]:
    """Read and verify one model file. Raises `CheckpointError` naming the file and what is wrong."""
    if is_onnx(path):
        raise CheckpointError(f"{path}: is an ONNX file; name the safetensors file that it was exported from")
    contents, weights = read_signed(path)
    return _description(contents, path), weights


def read_signed(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the contents, without their digest, and the weights of a file of `write_signed` by name, verified.

    Raises `CheckpointError` for a file that is foreign or damaged.
    """
    blob = _bytes_of(path)
    place = _in_safetensors(blob, path)
    try:
        text = json.loads(blob[place.start : place.end])["__metadata__"][KEY]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{path}: not a model file of this suite, or damaged") from error
    contents = _verified(blob, place, text, path)
    try:
        weights = safetensors.numpy.load(blob)
    except safetensors.SafetensorError as error:
        raise CheckpointError(f"{path}: the weights inside are not valid: {error}") from error
    return contents, dict(sorted(weights.items()))  # `load` gives them in another order at every call


def signed_onnx(blob: bytes, path: Path) -> bytes:
    """Return an ONNX file whose metadata holds `unsigned_json`, with the digest of its bytes in its place."""
    return _signed(blob, _in_onnx(blob, path), path)[1]


def read_onnx(path: Path) -> tuple[Description, bytes]:
    """Read and verify one ONNX file before any runtime sees it; raises `CheckpointError` as `read_model` does."""
    contents, blob = read_signed_onnx(path)
    return _description(contents, path), blob


def read_signed_onnx(path: Path) -> tuple[dict[str, Any], bytes]:
    """Return the contents, without their digest, and the bytes of a file of `signed_onnx`, verified."""
    blob = _bytes_of(path)
    place = _in_onnx(blob, path)
    return _verified(blob, place, blob[place.start : place.end], path), blob


def is_onnx(path: Path) -> bool:
    """Return whether a model file is opened as ONNX: by its suffix, in small or capital letters."""
    return path.suffix.lower() == ONNX_SUFFIX


def kind_of(path: Path) -> object:
    """Return what a verified file of either format holds: `student`, `teacher`, `locator`, `pages` and so on."""
    return _contents_of(path).get("kind")


def exported_files(folder: str | os.PathLike[str]) -> tuple[Path, Path] | None:
    """Return the locator and the recogniser of a folder that a page reader was exported into; None for another."""
    locator, recogniser = (Path(folder, name) for name in (LOCATOR_ONNX, RECOGNISER_ONNX))
    return (locator, recogniser) if locator.is_file() and recogniser.is_file() else None


def _contents_of(path: Path) -> dict[str, Any]:
    return (read_signed_onnx if is_onnx(path) else read_signed)(path)[0]


def read_description(path: Path) -> Description:
    """Return what stands in a verified file of either format; raises `CheckpointError` as `read_model` does."""
    return (read_onnx if is_onnx(path) else read_model)(path)[0]


def weights_of(path: Path) -> str | None:
    """Return the digest of the weights that a file was trained to, or exported from; None if its record has none.

    The file is of any kind.
    """
    digest = _contents_of(path).get("training", {}).get("weights")
    return digest if isinstance(digest, str) else None


def unsigned_json(description: BaseModel) -> str:
    """Return what stands under `KEY`, its digest still zero."""
    return canonical_json(description.model_dump(mode="json") | {"sha256": UNSIGNED})


def expect_student(description: Description, path: Path) -> None:
    """Raise `CheckpointError` for a teacher, and name `teachers.load`, which opens it."""
    if description.kind != "student":
        raise CheckpointError(f"{path}: holds a {description.kind}; open it with teachers.load")


def canonical_json(value: object) -> str:
    """Return JSON with sorted keys and no white space: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def write_whole(path: Path, data: bytes) -> None:
    """Write next to `path`, flush to disk, then rename: a reader never sees half a file.

    What a killed process has half written of `path` goes. Raises `OSError` that names `path` where the disk refuses;
    what was there stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned_of(path)
    temporary = temporary_of(path)
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno is not None:
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    fsync_folder(path.parent)


def fsync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on disk, where the system can; raises `OSError` that names the folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(folder)) from error
    finally:
        os.close(descriptor)


def _bytes_of(path: Path) -> bytes:
    try:
        blob = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror or error}") from error
    if blob.startswith(LFS_POINTER):
        raise CheckpointError(f"{path}: only says where Git LFS keeps the file; fetch it: git lfs pull")
    return blob


def _in_safetensors(blob: bytes, path: Path) -> _Place:
    """The header, in which the JSON stands as a string."""
    length = int.from_bytes(blob[:8], "little")
    if len(blob) < 8 or length > min(HEADER_LIMIT, len(blob) - 8):
        if ONNX_ENTRY in blob:
            raise CheckpointError(f"{path}: holds ONNX, which is opened by its suffix; end its name in {ONNX_SUFFIX}")
        raise CheckpointError(f"{path}: not a whole safetensors file; it may be cut short")
    return _Place(8, 8 + length, b'\\"')


def _in_onnx(blob: bytes, path: Path) -> _Place:
    """The value of our metadata entry, found without a protobuf library: key, tag, length as a varint, text."""
    if blob.count(ONNX_ENTRY) != 1:
        raise CheckpointError(f"{path}: not an ONNX file of this suite, or damaged; `distill export` writes them")
    start = blob.index(ONNX_ENTRY) + len(ONNX_ENTRY)
    length = shift = 0
    for byte in blob[start : start + 5]:
        start += 1
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    if start + length > len(blob):
        raise CheckpointError(f"{path}: not a whole ONNX file; it may be cut short")
    return _Place(start, start + length, b'"')


def _signed(blob: bytes, place: _Place, path: Path) -> tuple[str, bytes]:
    digest = hashlib.sha256(blob).hexdigest()
    return digest, _with_digest(blob, place, UNSIGNED, digest, path)


def _verified(blob: bytes, place: _Place, text: str | bytes, path: Path) -> dict[str, Any]:
    """The contents in `text`, once the digest inside is that of the file."""
    try:
        contents = json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{path}: not a model file of this suite, or damaged") from error
    recorded = contents.pop("sha256", None) if isinstance(contents, dict) else None
    if not isinstance(recorded, str) or len(recorded) != 64:
        raise CheckpointError(f"{path}: carries no digest; the file was altered or not written by this suite")
    unsigned = _with_digest(blob, place, recorded, UNSIGNED, path)
    if hashlib.sha256(unsigned).hexdigest() != recorded:
        raise CheckpointError(f"{path}: the file was altered or damaged (its SHA-256 differs); fetch it anew")
    if contents.get("format_version") != FORMAT_VERSION:
        raise CheckpointError(
            f"{path}: format version {contents.get('format_version')}; this release reads {FORMAT_VERSION}"
        )
    return contents


def _description(contents: dict[str, Any], path: Path) -> Description:
    if what := OF_PAGES.get(str(contents.get("kind"))):
        raise CheckpointError(f"{path}: holds {what}")
    try:
        return Description.model_validate(contents)
    except ValidationError as error:
        raise CheckpointError(f"{path}: the description inside is not valid: {error}") from error


def _with_digest(blob: bytes, place: _Place, before: str, after: str, path: Path) -> bytes:
    """Swap the digest inside the JSON; all else is left alone."""
    opening = place.quote + b"sha256" + place.quote + b":" + place.quote
    field, wanted = (opening + digest.encode() + place.quote for digest in (before, after))
    text = blob[place.start : place.end]
    if text.count(field) != 1:
        raise CheckpointError(f"{path}: the digest inside is not where it belongs; the file was altered")
    return blob[: place.start] + text.replace(field, wanted) + blob[place.end :]
