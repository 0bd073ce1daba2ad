"""Model files of page reading: a locator, a locator's teacher, or both networks of a page reader in one file.

They are written and signed as those of `students.model_file`, and differ in what they describe.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from students.errors import CheckpointError
from students.model_file import (
    FORMAT_VERSION,
    Description,
    is_onnx,
    read_signed,
    read_signed_onnx,
    write_signed,
)
from students.pages.finding import LineFinding
from students.pages.preparation import PagePreparation

Weights = dict[str, np.ndarray]
LOCATOR, RECOGNISER = "locator", "recogniser"  # the parts of a file of both, and what their weights begin with


class LocatorDescription(BaseModel):
    """Everything in a locator's file but the weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format_version: Literal[1] = FORMAT_VERSION
    kind: Literal["locator", "locator_teacher"]
    architecture: dict[str, Any]
    receptive_px: int = Field(ge=0, description="pixels beyond its own 4 x 4 that a place of the maps may depend on")
    preparation: PagePreparation
    finding: LineFinding = LineFinding()
    training: dict[str, Any] = Field(default_factory=dict, description="digests and evaluation; no wall clock")


class PagesDescription(BaseModel):
    """Everything in a file of both networks but the weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format_version: Literal[1] = FORMAT_VERSION
    kind: Literal["pages"] = "pages"
    locator: LocatorDescription
    recogniser: Description
    training: dict[str, Any] = Field(default_factory=dict, description="how well both read together")


class PagesFile(NamedTuple):
    """What a file of both networks holds."""

    description: PagesDescription
    locator: Weights
    recogniser: Weights


def write_locator(path: Path, description: LocatorDescription, weights: Mapping[str, np.ndarray]) -> str:
    """Write one safetensors file, whole or not at all, and return its SHA-256 as recorded inside.

    Equal weights and description give equal bytes.
    """
    return write_signed(path, description.model_dump(mode="json"), dict(weights))


def read_locator(path: Path) -> tuple[LocatorDescription, Weights]:
    """Read and verify a locator's or a locator teacher's file.

    Raises `CheckpointError` naming the file and what is wrong: it is damaged, foreign, or holds something else.
    """
    if is_onnx(path):
        raise CheckpointError(f"{path}: is an ONNX file; name the safetensors file that it was exported from")
    contents, weights = read_signed(path)
    return _locator_in(contents, path), weights


def read_locator_onnx(path: Path) -> tuple[LocatorDescription, bytes]:
    """Read and verify a locator's ONNX file before any runtime sees it; raises as `read_locator` does."""
    contents, blob = read_signed_onnx(path)
    return _locator_in(contents, path), blob


def write_pages_file(path: Path, both: PagesFile) -> str:
    """Write both networks as one safetensors file, and return its SHA-256 as recorded inside."""
    named = {f"{LOCATOR}.{name}": weight for name, weight in both.locator.items()}
    named |= {f"{RECOGNISER}.{name}": weight for name, weight in both.recogniser.items()}
    return write_signed(path, both.description.model_dump(mode="json"), named)


def read_pages_file(path: Path) -> PagesFile:
    """Read and verify a file of both networks; raises `CheckpointError` naming the file and what is wrong."""
    contents, weights = read_signed(path)
    if contents.get("kind") != "pages":
        raise CheckpointError(f"{path}: holds a {contents.get('kind')}, not both networks of a page reader")
    try:
        description = PagesDescription.model_validate(contents)
    except ValidationError as error:
        raise CheckpointError(f"{path}: the description inside is not valid: {error}") from error
    return PagesFile(description, _part(weights, LOCATOR), _part(weights, RECOGNISER))


def expect_locator(description: LocatorDescription, path: Path) -> None:
    """Raise `CheckpointError` for a locator's teacher, and name `teachers.load_locator`, which opens it."""
    if description.kind != "locator":
        raise CheckpointError(f"{path}: holds a locator's teacher; open it with teachers.load_locator")


def _part(weights: Weights, name: str) -> Weights:
    beginning = f"{name}."
    return {key.removeprefix(beginning): weight for key, weight in weights.items() if key.startswith(beginning)}


def _locator_in(contents: dict[str, Any], path: Path) -> LocatorDescription:
    match contents.get("kind"):
        case "student" | "teacher" as kind:
            raise CheckpointError(
                f"{path}: holds a {kind} that reads lines, not a locator that finds them; "
                "load_page takes the locator first, then the recogniser (--recogniser)"
            )
        case "pages":
            raise CheckpointError(f"{path}: holds both networks of a page reader, not a locator alone")
    try:
        return LocatorDescription.model_validate(contents)
    except ValidationError as error:
        raise CheckpointError(f"{path}: the description inside is not valid: {error}") from error
