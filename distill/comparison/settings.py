"""The settings of a comparison: which points of the recipe it varies, and what each of them is called."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from distill.digests import digest_of
from distill.recipe.file import AnyRecipe
from students.errors import CheckpointError, UserError

TERM = "objective.term"
On = Literal["validation", "test"]


@dataclass(frozen=True)
class Comparison:
    """What is compared: a recipe with its overrides, varied over keys, each setting under `n_seeds` seeds.

    `over` holds axes such as `student.model=A,B`. All settings are scored on the lines `on`. `equal_seconds` adds
    controls that are given the seconds of the students.
    """

    recipe: str
    overrides: Sequence[str]
    over: Sequence[str]
    n_seeds: int = 3
    on: On = "validation"
    equal_seconds: bool = False


@dataclass(frozen=True)
class Setting:
    """One point of the comparison: what it is called, and the overrides that make it."""

    name: str
    overrides: tuple[str, ...]


def settings_of(over: Sequence[str], recipe: AnyRecipe) -> list[Setting]:
    """Return all combinations of the axes `KEY=A,B,...`.

    With `objective.term=A,A+B` only the terms named teach, each by its weight, or by 1 where the recipe gives it none.
    Raises `UserError` for a key that cannot vary, or that two axes set.
    """
    axes = []
    taken: set[str] = set()
    for axis in over:
        key, equals, values = axis.partition("=")
        names = _values(values)
        if not equals or not names:
            raise UserError(f"--over {axis}: write KEY=A,B,...")
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise UserError(f"--over {axis}: {twice} stands there twice; name each value once")
        if not key.startswith(("objective.", "student.")):
            raise UserError(f"--over {key}: only keys of student and objective can vary; the teacher is one for all")
        axis_settings = [Setting(value, _overrides(key, value, recipe)) for value in names]
        sets = {override.partition("=")[0] for setting in axis_settings for override in setting.overrides}
        if "student.seed" in sets:
            raise UserError("--over student.seed: every setting is trained under the same seeds; --seeds sets how many")
        if both := sorted(sets & taken):
            raise UserError(f"--over {key}: an earlier --over sets {both[0]} too; one of the two would say nothing")
        taken |= sets
        axes.append(axis_settings)
    return [
        Setting(" ".join(part.name for part in parts), tuple(itertools.chain.from_iterable(p.overrides for p in parts)))
        for parts in itertools.product(*axes)
    ]


def _values(text: str) -> list[str]:
    """The values of an axis, parted by the commas that stand in no brackets; empty ones are left out."""
    depth, values = 0, [""]
    for character in text:
        depth += (character in "[{") - (character in "]}")
        if character == "," and depth == 0:
            values.append("")
        else:
            values[-1] += character
    return [value.strip() for value in values if value.strip()]


def _overrides(key: str, value: str, recipe: AnyRecipe) -> tuple[str, ...]:
    if key != TERM:
        return (f"{key}={value}",)
    terms = value.split("+")
    weights = {name: term.weight for name, term in recipe.objective.terms.items() if term.needs_teacher}
    if unknown := [term for term in terms if term not in weights]:
        raise UserError(f"--over {TERM}: {unknown[0]!r} is no term with a teacher; there are {', '.join(weights)}")
    return tuple(
        f"objective.{name}.weight={(weight or 1.0) if name in terms else 0}" for name, weight in weights.items()
    )


def expect_models(problems: Iterable[tuple[str, Iterable[str]]]) -> None:
    """Raise `CheckpointError` with what is wrong with the models that settings name, each once.

    `problems` holds the name of a setting and what was found under one seed.
    """
    if told := dict.fromkeys(f"{name}: {problem}" for name, of_setting in problems for problem in of_setting):
        raise CheckpointError("\n".join(told))


def folder_name(name: str) -> str:
    """Return the folder of a setting; long names are cut, and a digest keeps them distinct."""
    plain = re.sub(r"[^\w.-]+", "_", name)
    return plain if len(plain) <= 80 else f"{plain[:64]}-{digest_of(name)[:12]}"
