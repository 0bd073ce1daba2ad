"""Controls that are trained for as many seconds as the student and its cache took, for a comparison at equal cost."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from distill.comparison.line_outcomes import LineOutcome, outcome_of
from distill.comparison.settings import On, folder_name
from distill.recipe.file import RECIPE_NAME, load_line_recipe
from distill.recipe.sections import Recipe, Stage, Student
from distill.runs.lines import train_control
from distill.runs.opening import open_run
from distill.runtime import StopFlag
from distill.track import say
from distill.training.train import CollapseError

LONGER = "control-given-the-seconds"
Trained = TypeVar("Trained", Stage, Student)


def given_the_seconds(
    recipes: Mapping[tuple[str, int], Recipe],
    outcomes: Mapping[str, list[LineOutcome]],
    folder: Path,
    on: On,
    stop: StopFlag,
) -> dict[str, list[LineOutcome]]:
    """Train the controls of all settings with as many more steps as distilling, the cache included, took longer."""
    longer: dict[str, list[LineOutcome]] = {name: [] for name in outcomes}
    paired = itertools.chain.from_iterable(outcomes.values())
    for ((name, seed), recipe), outcome in zip(recipes.items(), paired, strict=True):
        say(f"--- {name}, seed {seed}: the control given the student's seconds")
        own = folder / LONGER / folder_name(name) / f"seed-{seed}"
        ratio = max(1.0, distilling_s(outcome) / outcome.seconds["control"])
        student = begun_before(own, recipe.student) or lengthened(recipe.student, ratio)
        run = open_run(recipe.model_copy(update={"student": student}), own, stop)
        try:
            train_control(run)
        except CollapseError as error:
            say(f"{error}\nThe comparison goes on: this control counts as one that reads nothing.")
            longer[name].append(outcome.reading_nothing("control"))
        else:
            longer[name].append(outcome_of(run, on, ("control",)))
    return longer


def distilling_s(outcome: LineOutcome) -> float:
    """Return the seconds that distilling takes, those of the cache included, whichever run filled it."""
    return outcome.seconds["student"] + outcome.seconds["cache"]


def begun_before(own: Path, student: Student) -> Student | None:
    """Return `student` with the steps of the run in `own`, finished or interrupted; None where there is no run.

    So the seconds that the clock measured decide once and not again when a comparison goes on.
    """
    written = own / RECIPE_NAME
    if not written.is_file():
        return None
    begun = load_line_recipe(str(written)).student
    stages = zip(student.stages, begun.stages, strict=True)
    with_stages = student.model_copy(update={"stages": tuple(_of_steps(s, b.training.steps) for s, b in stages)})
    return _of_steps(with_stages, begun.training.steps)


def lengthened(student: Student, ratio: float) -> Student:
    """Return the student with `ratio` times the steps in every training, those of its stages too."""

    def stretched(part: Trained) -> Trained:
        return _of_steps(part, round(part.training.steps * ratio))

    return stretched(student.model_copy(update={"stages": tuple(map(stretched, student.stages))}))


def _of_steps(part: Trained, steps: int) -> Trained:
    return part.model_copy(update={"training": part.training.model_copy(update={"steps": steps})})
