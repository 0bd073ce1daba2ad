"""Finished model files that a recipe names as teachers: where they lie, and what keeps them from teaching.

They are safetensors files of this suite, or ONNX files, adopted from elsewhere or exported here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import get_args

import numpy as np

from distill.data.characters import in_short
from distill.data.lines import Lines
from distill.digests import file_digest
from distill.paths import expanded
from distill.recipe.sections import Recipe
from distill.teaching.graph import need_onnx
from distill.teaching.provenance import in_words, provenance_of
from distill.teaching.teacher import takes_one_width
from students.charset import Charset
from students.errors import CheckpointError, UserError
from students.image import Preparation
from students.model_file import MODEL_NAME, ONNX_NAME, Description, is_onnx, read_description
from students.parts import RecurrentKind
from teachers.shipped import find_teacher

OWN = "teacher.file"


def model_of(file: str) -> Path:
    """Return the model file that a recipe names: itself, its folder, a run folder (its teacher), or a shipped name."""
    path = expanded(file)
    in_run, in_folder = model_in(path / "teacher"), path / ONNX_NAME
    if in_run.is_file():
        return in_run
    return in_folder if in_folder.is_file() and not (path / MODEL_NAME).is_file() else find_teacher(path)


def model_in(folder: Path) -> Path:
    """Return the model file in a role's folder of a run: safetensors, or the ONNX file of a teacher taken as it is."""
    graph = folder / ONNX_NAME
    return graph if graph.is_file() and not (folder / MODEL_NAME).is_file() else folder / MODEL_NAME


def copy_in(folder: Path, source: Path) -> Path:
    """Return where a run in `folder` keeps its copy of a finished teacher."""
    return folder / "teacher" / (ONNX_NAME if is_onnx(source) else MODEL_NAME)


def teacher_file(recipe: Recipe, folder: Path) -> Path:
    """Return the finished teacher that a recipe names: the copy in the run's `folder`, else the original.

    Raises `CheckpointError` where both are there and differ.
    """
    assert recipe.teacher_file is not None
    return copy_or_original(recipe.teacher_file, folder, model_of)


def copy_or_original(file: str, folder: Path, find: Callable[[str], Path]) -> Path:
    """Return the copy of a finished teacher in a run's `folder`; before there is one the original, which `find` finds.

    Raises `CheckpointError` where both are there and differ, and where neither is.
    """
    copied = model_in(folder / "teacher")
    try:
        source = find(file)
    except CheckpointError:
        if copied.is_file():  # the run is whole without it
            return copied
        raise
    if not copied.is_file():
        return source
    if copied.read_bytes() != source.read_bytes():
        raise CheckpointError(
            f"{copied.parent}: holds another teacher than teacher.file = {file}; choose another --run, or remove it"
        )
    return copied


def unopened_teachers(recipe: Recipe, folder: Path) -> list[str]:
    """Return which finished models that a recipe names are not there or cannot be opened; no line is needed for that.

    `folder` is that of the run, which may hold a copy.
    """
    problems = []
    for key, file in _named(recipe):
        try:
            _described(key, file, folder)
        except UserError as error:  # noqa: PERF203 - every model is looked at
            problems.append(f"{key}: {error}")
    return problems


def problems_of_teachers(recipe: Recipe, charset: Charset, folder: Path) -> list[str]:
    """Return why the finished models that a recipe names cannot teach in the run `folder`, which may hold a copy."""
    if recipe.teacher is None:
        return []
    problems, known = [], set() if recipe.teacher_file else set(charset.characters)
    neck: object = recipe.teacher.model.neck
    for key, file in _named(recipe):
        try:
            path, described = _described(key, file, folder)
        except UserError as error:
            problems.append(f"{key}: {error}")
            continue
        theirs = set(described.charset.characters)
        known |= theirs
        if key == OWN:
            neck = described.architecture.get("neck", "none")
            problems += _needs_features(recipe, path)
        if not theirs & set(charset.characters) - {" "}:
            problems.append(f"{key}: {file} writes no character of the lines, only {''.join(sorted(theirs))[:20]!r}")
    objective = recipe.objective
    through_neck = objective.feature_hint.weight and objective.feature_hint.through_neck
    if through_neck and neck not in get_args(RecurrentKind) and not problems:
        problems.append("objective.feature_hint.through_neck: the teacher has no recurrent layer to look through")
    taught_all = [name for name, term in objective.terms.items() if term.weight and term.needs_every_character]
    if not problems and taught_all and (missing := sorted(set(charset.characters) - known)):
        problems.append(
            f"objective: {', '.join(taught_all)} follow the teacher's text, but no teacher knows "
            f"{''.join(missing)!r}; set their weights to 0, or add a teacher that does"
        )
    return problems


def _described(key: str, file: str, folder: Path) -> tuple[Path, Description]:
    """The file of a model that a recipe names, and what stands in it; raises `UserError` where it cannot teach here."""
    path = _path_of(key, file, folder)
    described = read_description(path)
    if is_onnx(path):
        need_onnx(path)
    return path, described


def _needs_features(recipe: Recipe, path: Path) -> list[str]:
    """Why the term on features cannot learn from the run's own teacher, where that is a graph."""
    if not (is_onnx(path) and recipe.objective.feature_hint.weight):
        return []
    return [
        f"objective.feature_hint: {path} is an ONNX graph, which gives posteriors and no features; "
        "set objective.feature_hint.weight to 0"
    ]


def too_wide_for_teachers(recipe: Recipe, parts: Mapping[str, Lines], folder: Path) -> list[str]:
    """Return, for each finished model of a recipe that takes pictures of one width, which lines are wider."""
    problems = []
    for key, file in _named(recipe):
        preparation = read_description(_path_of(key, file, folder)).preparation
        if not takes_one_width(preparation):
            continue
        for part, lines in parts.items():
            scaled_N = lines.prepared_by(preparation).scaled_width_px
            wide = [] if scaled_N is None else np.flatnonzero(scaled_N > preparation.max_width_px).tolist()
            if wide:
                height_px, width_px = preparation.height_px, preparation.max_width_px
                problems.append(
                    f"{key}: {file} takes pictures of {width_px} x {height_px} px and no other width, and "
                    f"{len(wide):,} of {len(lines):,} lines of {part} would be wider at that height, the first "
                    f"{', '.join(lines.keys[i] for i in wide[:3])}; give a teacher of an open width, or set "
                    f"image.max_width_px to {_fitting_px(preparation, recipe.image)}, which leaves them out by name"
                )
    return problems


def _fitting_px(theirs: Preparation, ours: Preparation) -> int:
    """Up to which width a line of ours surely fits a network of one width, whatever is rounded."""
    if theirs.height_px == ours.height_px:
        return theirs.max_width_px
    return int((theirs.max_width_px - 0.5) * ours.height_px / theirs.height_px - 0.5)


def unknown_characters(recipe: Recipe, charset: Charset, folder: Path) -> list[str]:
    """Return, for each finished model that a recipe names, which characters of the student it does not know."""
    notes = []
    for key, file in _named(recipe):
        theirs = read_description(_path_of(key, file, folder)).charset
        if missing := [c for c in charset.characters if c not in theirs.characters]:
            labels = "labels alone teach the student to write them"
            notes.append(f"{key}: {file} does not know {len(missing)} of the characters: {in_short(missing)}; {labels}")
    return notes


def foreign_teachers(recipe: Recipe, folder: Path) -> list[str]:
    """Return a sentence on each finished model that a recipe names and that others made."""
    notes = []
    for key, file in _named(recipe):
        if found := provenance_of(read_description(_path_of(key, file, folder))):
            notes.append(f"{key}: {file} is {in_words(found)}")
    return notes


def finished_teachers(recipe: Recipe, folder: Path) -> list[dict[str, str]]:
    """Return the finished models that a recipe names: key, name or path as given, SHA-256 of the file in use."""
    return [
        {"key": key, "file": file, "sha256": file_digest(_path_of(key, file, folder))} for key, file in _named(recipe)
    ]


def _named(recipe: Recipe) -> list[tuple[str, str]]:
    """The finished models that a recipe names: the key of each, and its name or path as given."""
    own = [(OWN, recipe.teacher_file)] if recipe.teacher_file else []
    return own + [("objective.more_teachers", further.file) for further in recipe.objective.more_teachers]


def _path_of(key: str, file: str, folder: Path) -> Path:
    """The file of a model that a recipe names; of the run's own teacher the copy in its `folder`, if there is one."""
    return copy_or_original(file, folder, model_of) if key == OWN else model_of(file)
