"""First weights taken from a model file, of the same architecture or a smaller one; the head follows the characters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from typing_extensions import assert_never

from distill.paths import expanded
from distill.recipe.sections import Network, Recipe, Student, Teacher
from distill.training.enlarging import enlarged, is_larger, output_layer
from students.charset import BLANK, Charset, class_numbers
from students.config import Config
from students.errors import CheckpointError, DataError, UserError
from students.image import Preparation
from students.model_file import Description, read_model
from students.parts import Recogniser
from students.shipped import find_model
from students.torch_reader import open_student
from teachers.shipped import find_teacher

FREE_TO_DIFFER = {"dropout", "drop_path", "pretrained"}  # of an architecture: they are not in the weights


@dataclass(frozen=True)
class Start:
    """A model file whose weights a training begins with; `digest` stands for it in the digest of the training."""

    path: Path
    digest: str


def start_of(part: Network) -> Start | None:
    """Return the model file that a network's `init` names; None where it names none."""
    if part.init is None:
        return None
    path = _file_of(part, part.init)
    return Start(path, str(read_model(path)[0].training.get("weights")))


def _file_of(part: Network, init: str) -> Path:
    """The model file that `init` means: a bare name is a shipped model of the part's own kind."""
    return (find_teacher if isinstance(part, Teacher) else find_model)(expanded(init))


def sources_learnt(sources: Iterable[str], start: Start | None) -> dict[str, int]:
    """Return how many lines of each source a training had, or one that came before it: the most of any."""
    before = read_model(start.path)[0].training.get("sources") if start else None
    return dict(sorted((Counter(sources) | Counter(before if isinstance(before, dict) else {})).items()))


def charset_with_starts(charset: Charset, recipe: Recipe) -> Charset:
    """Return the characters of the lines, and those that the initial models are to keep.

    Raises `DataError` where a model may not change and lacks a character of the lines.
    """
    for name, part in recipe.networks.items():
        if part.init is None:
            continue
        known = read_model(_file_of(part, part.init))[0].charset
        match part.charset_change:
            case "new":
                continue
            case "fail" if missing := sorted(set(charset.characters) - set(known.characters)):
                raise DataError(
                    f"{name}.init: {part.init} cannot write {''.join(missing)!r}, which the lines hold; set "
                    f"{name}.charset_change to union or new, or take these lines out"
                )
            case "fail" | "union":
                charset = _united(charset, known, f"{name}.init: {part.init}")
            case _:
                assert_never(part.charset_change)
    return charset


def _united(charset: Charset, known: Charset, where: str) -> Charset:
    """The characters of both; raises `DataError` where both turn right-to-left lines, each in another way."""
    if charset.runs_right_to_left and known.runs_right_to_left and charset.order != known.order:
        raise DataError(
            f"{where}: learnt right-to-left lines in {known.order} order, and this recipe orders them otherwise; set "
            f"data.charset.reorder={str(known.order == 'visual').lower()}, or charset_change=new"
        )
    turning = charset if charset.runs_right_to_left else known
    united = Charset.of([charset.characters, known.characters])
    return united.model_copy(update={"order": turning.order, "base": turning.base})


def fill(
    model: Recogniser, start: Start, architecture: Mapping[str, object], charset: Charset, image: Preparation
) -> None:
    """Put the weights of `start` into `model`; rows of the output layer follow their characters.

    A character that the file does not know keeps its fresh row. A student of a smaller size stands inside the fresh
    weights. Raises `CheckpointError` where file and recipe differ in architecture otherwise, or in how images are
    prepared.
    """
    described, arrays = read_model(start.path)
    if problems := _differences(described, architecture, image):
        raise CheckpointError(f"{start.path}: cannot begin with these weights: {'; '.join(problems)}")
    weights = {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}
    fresh, output = model.state_dict(), output_layer(model)
    try:
        if is_larger(architecture, described.architecture):
            weights = enlarged(open_student(start.path).model, model)
        for name in (f"{output}.weight", f"{output}.bias"):
            weights[name] = _mapped(fresh[name], weights[name], charset, described.charset)
        model.load_state_dict(weights)
    except (KeyError, RuntimeError) as error:
        raise CheckpointError(f"{start.path}: weights do not fit the architecture: {error}") from error


def _mapped(fresh: torch.Tensor, known: torch.Tensor, charset: Charset, old: Charset) -> torch.Tensor:
    """Rows of an output layer for `charset`: those of `old` where it has the character, else the fresh ones."""
    number = class_numbers(old.characters)
    rows = fresh.clone()
    rows[BLANK] = known[BLANK]
    for i, character in enumerate(charset.characters, 1):
        if character in number:
            rows[i] = known[number[character]]
    return rows


def _differences(described: Description, architecture: Mapping[str, object], image: Preparation) -> list[str]:
    free = FREE_TO_DIFFER | ({"size"} if is_larger(architecture, described.architecture) else set())
    problems = [
        f"its {key} is {described.architecture.get(key)!r}, the recipe's {architecture.get(key)!r}"
        for key in sorted((described.architecture.keys() | architecture.keys()) - free)
        if described.architecture.get(key) != architecture.get(key)
    ]
    theirs, ours = described.preparation, image
    if (theirs.height_px, theirs.channels) != (ours.height_px, ours.channels):
        problems.append(
            f"it reads lines of {theirs.height_px} px and {theirs.channels} channels, the recipe prepares "
            f"{ours.height_px} px and {ours.channels}"
        )
    return problems


def undownloaded(model: Config) -> Config:
    """Return the same architecture with fresh weights: nothing is downloaded for it."""
    return model.model_copy(update={"pretrained": False} if "pretrained" in type(model).model_fields else {})


def unopened_starts(recipe: Recipe) -> list[str]:
    """Return which files that networks begin with are not there or cannot be opened; no line is needed for that."""
    problems = []
    for part in recipe.networks.values():
        try:
            start_of(part)
        except UserError as error:  # noqa: PERF203 - every network is looked at
            problems.append(str(error))
    return problems


def problems_of_starts(recipe: Recipe, charset: Charset) -> list[str]:
    """Return what keeps the networks of a recipe from beginning with the files they name, in words."""
    found = (_problem_of_start(part, recipe.image, charset) for part in recipe.networks.values())
    return [problem for problem in found if problem]


def _problem_of_start(part: Teacher | Student, image: Preparation, charset: Charset) -> str | None:
    try:
        if start := start_of(part):
            model = undownloaded(part.model).build(charset.n_classes, image.channels, image.height_px)
            fill(model, start, part.model.model_dump(mode="json"), charset, image)
    except UserError as error:
        return str(error)
    except (ValueError, RuntimeError):  # it cannot be built at all, with whatever weights: `fresh` gives the reason
        return None
    return None
