"""Lines at a place, looked at without a recipe: what `distill check FOLDER` does for lines."""

from __future__ import annotations

from pathlib import Path

from distill.data.formats.opening import open_source, source_at
from distill.data.formats.splits import splits_at
from distill.data.lines import Lines, Refusal, joined
from distill.evaluation.doctor.diagnosis import Diagnosis
from distill.evaluation.doctor.findings import Finding
from distill.evaluation.doctor.profile import profiles
from distill.paths import expanded
from distill.pools.lines import Pools, choose_charset
from distill.preflight.lines import findings_on_lines, in_order, left_out
from distill.recipe.file import RECIPE_NAME, shipped_recipes
from distill.recipe.line_data import CharsetChoice
from distill.runs.opening import make_writable
from students.errors import DataError
from students.image import Preparation

YAML_SUFFIXES = (".yaml", ".yml")


def is_place_of_lines(where: str) -> bool:
    """Return whether a word in the place of a recipe is a folder or a file of lines: no recipe, nor a run folder."""
    path = expanded(where)
    if where in shipped_recipes() or path.suffix.lower() in YAML_SUFFIXES:
        return False
    return path.is_file() or (path.is_dir() and not (path / RECIPE_NAME).is_file())


def check_line_folder(where: str, folder: Path) -> Diagnosis:
    """Look at the lines of a place; the parts of a set in it are held against each other (`splits_at`).

    Without a part for training all of the place is looked at as training lines. Raises `DataError` where `folder`
    cannot be written.
    """
    make_writable(folder)
    path, image = expanded(where), Preparation()
    parts = splits_at(path)
    places = parts if "train" in parts else {"train": path}
    lines: dict[str, Lines] = {}
    refused: dict[str, list[Refusal]] = {}
    problems: list[Finding] = []
    for part, place in places.items():
        try:
            lines[part], refused[part] = open_source(source_at(str(place), part), Path(), folder / "cache", image)
        except DataError as error:  # noqa: PERF203 - every place is looked at
            problems.append(Finding("problem", "lines", part, str(error)))
    if problems:
        return Diagnosis(tuple(problems))
    nothing = joined([])
    train, validation, test = (lines.get(part, nothing) for part in ("train", "validation", "test"))
    pools = Pools(train, validation, test, choose_charset(train.texts, CharsetChoice()), refused)
    found, classes, pictures = findings_on_lines(pools, lines, image)
    found = in_order(left_out(refused) + found)
    return Diagnosis(tuple(found), lines, classes, tuple(profiles(pictures, {})))
