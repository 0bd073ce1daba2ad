"""Finished model files that a recipe names as teachers: where they lie, and what keeps them from teaching."""

from __future__ import annotations

from pathlib import Path

from distill.recipe.sections import Recipe
from students.charset import Charset
from students.errors import CheckpointError, UserError
from students.model_file import MODEL_NAME, find_model, read_model

OWN = "teacher.file"


def model_of(file: str) -> Path:
    """The model file that a recipe names: it, a folder that holds it, or a run folder, meaning its teacher."""
    path = Path(file).expanduser()
    in_run = path / "teacher" / MODEL_NAME
    return in_run if in_run.is_file() else find_model(path)


def adopted(recipe: Recipe, folder: Path) -> Path:
    """The finished teacher that a recipe names: the copy in the run's `folder`, or, before there is one, the original.

    Raises `CheckpointError` where both are there and differ.
    """
    assert recipe.teacher.file is not None
    copied = folder / "teacher" / MODEL_NAME
    try:
        source = model_of(recipe.teacher.file)
    except CheckpointError:
        if copied.is_file():  # the run is whole without it
            return copied
        raise
    if not copied.is_file():
        return source
    if copied.read_bytes() != source.read_bytes():
        raise CheckpointError(
            f"{copied.parent}: holds another teacher than teacher.file = {recipe.teacher.file}; choose another --run, "
            "or remove it"
        )
    return copied


def problems_of_teachers(recipe: Recipe, charset: Charset, folder: Path) -> list[str]:
    """Why the finished models that a recipe names cannot teach in the run `folder`, which may hold a copy."""
    problems, known = [], set() if recipe.teacher.file else set(charset.characters)
    neck: object = recipe.teacher.model.neck
    for key, file in _named(recipe):
        try:
            described = read_model(adopted(recipe, folder) if key == OWN else model_of(file))[0]
        except UserError as error:
            problems.append(f"{key}: {error}")
            continue
        theirs = set(described.charset.characters)
        known |= theirs
        if key == OWN:
            neck = described.architecture.get("neck", "none")
        if not theirs & set(charset.characters) - {" "}:
            problems.append(f"{key}: {file} writes no character of the lines, only {''.join(sorted(theirs))[:20]!r}")
    objective = recipe.objective
    if objective.feature_hint.weight and objective.feature_hint.through_neck and neck == "none":
        problems.append("objective.feature_hint.through_neck: the teacher has no recurrent layer to look through")
    taught_all = [name for name, term in objective.terms.items() if term.weight and term.needs_every_character]
    if not problems and taught_all and (missing := sorted(set(charset.characters) - known)):
        problems.append(
            f"objective: {', '.join(taught_all)} follow the teacher's text, but no teacher knows "
            f"{''.join(missing)!r}; set their weights to 0, or add a teacher that does"
        )
    return problems


def unknown_characters(recipe: Recipe, charset: Charset, folder: Path) -> list[str]:
    """Of each finished model that a recipe names: which characters of the lines it does not know."""
    notes = []
    for key, file in _named(recipe):
        theirs = read_model(adopted(recipe, folder) if key == OWN else model_of(file))[0].charset
        if missing := [c for c in charset.characters if c not in theirs.characters]:
            notes.append(f"{key}: {file} does not know {len(missing)} of the characters: {''.join(missing)!r}")
    return notes


def _named(recipe: Recipe) -> list[tuple[str, str]]:
    own = [(OWN, recipe.teacher.file)] if recipe.teacher.file else []
    return own + [("objective.more_teachers", further.file) for further in recipe.objective.more_teachers]
