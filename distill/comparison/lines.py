"""Paired experiments: one teacher, several settings of the student, the same seeds and budgets for each.

Everything is scored on validation unless the test is asked for, and what is finished is reused. Two settings that
leave the control as it is share it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distill.comparison.equal_seconds import given_the_seconds
from distill.comparison.line_outcomes import LineOutcome, line_figures, outcome_of
from distill.comparison.settings import Comparison, On, expect_models, folder_name, settings_of
from distill.comparison.sharing import SHARED, reuse, reuse_control
from distill.comparison.summary import line_summary, write_comparison
from distill.recipe.file import load_line_recipe
from distill.recipe.sections import Recipe, RecipeError
from distill.runs.chosen_match import chosen_before
from distill.runs.jobs import final_job
from distill.runs.lines import train_pair, train_teacher
from distill.runs.opening import LineRun, open_run
from distill.runs.weak import WeakTeacherError
from distill.runtime import StopFlag
from distill.teaching.teacher_files import foreign_teachers, unopened_teachers
from distill.track import say
from distill.training.initial import unopened_starts
from distill.training.train import CollapseError
from students.errors import CheckpointError, UserError
from students.model_file import MODEL_NAME


def run_comparison(comparison: Comparison, folder: Path, stop: StopFlag) -> dict[str, Any]:
    """Train every setting under every seed and return `compare.json`, which is written with a page and a chart.

    A setting whose teacher is too weak is left out by name. Raises `UserError` for settings that cannot be compared, or
    where none is left. What is finished in `folder` is reused.
    """
    name_or_path, overrides, on = comparison.recipe, comparison.overrides, comparison.on
    base = load_line_recipe(name_or_path, overrides)
    settings = settings_of(comparison.over, base)
    cache = base.runtime.cache_root or str(folder / "cache")
    recipes = {
        (setting.name, seed): load_line_recipe(
            name_or_path, [*overrides, *setting.overrides, f"student.seed={seed}", f"runtime.cache_root={cache}"]
        )
        for setting in settings
        for seed in range(base.seed, base.seed + comparison.n_seeds)
    }
    if not all(recipe.has_control for recipe in recipes.values()):
        raise UserError("settings are compared over their controls: leave student.control true, and give a teacher")
    expect_models(
        (name, unopened_starts(recipe) + unopened_teachers(recipe, _folder_of(folder, name, seed)))
        for (name, seed), recipe in recipes.items()
    )
    shared = open_run(
        load_line_recipe(name_or_path, [*overrides, f"runtime.cache_root={cache}"]), folder / SHARED, stop
    )
    train_teacher(shared)
    outcomes, refused = _trained(recipes, shared, folder, on, stop)
    recipes = {(name, seed): recipe for (name, seed), recipe in recipes.items() if name in outcomes}
    longer = given_the_seconds(recipes, outcomes, folder, on, stop) if comparison.equal_seconds else {}
    result = line_figures(outcomes, longer, on, base.seed)
    for (name, seed), recipe in recipes.items():
        if recipe.objective.match.how == "auto" and (chosen := chosen_before(_folder_of(folder, name, seed))):
            result.setdefault("match", {})[f"{name}, seed {seed}"] = chosen["why"]
    if refused:
        result["refused"] = refused
    if foreign := foreign_teachers(base, shared.folder):
        result["foreign_teachers"] = foreign
    if shared.accelerator.is_main_process:
        write_comparison(folder, result, line_summary(base, comparison.over, result))
    return result


def _trained(
    recipes: Mapping[tuple[str, int], Recipe], shared: LineRun, folder: Path, on: On, stop: StopFlag
) -> tuple[dict[str, list[LineOutcome]], dict[str, str]]:
    """The outcomes of each setting, seed by seed, and why the teacher of others may not teach.

    Raises `RecipeError` where no setting is left.
    """
    outcomes: dict[str, list[LineOutcome]] = {name: [] for name, _ in recipes}
    refused: dict[str, str] = {}
    for (name, seed), recipe in recipes.items():
        if name in refused:
            continue
        say(f"--- {name}, seed {seed}")
        try:
            outcomes[name].append(_one(recipe, _folder_of(folder, name, seed), shared, on, stop))
        except WeakTeacherError as error:
            refused[name] = f"seed {seed}: {error}"
            del outcomes[name]
            say(f"{name} is left out, {refused[name]}")
    if not outcomes:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in refused.items())
        raise RecipeError(f"not one setting is left to compare. {reasons}")
    return outcomes, refused


def _folder_of(folder: Path, name: str, seed: int) -> Path:
    return folder / folder_name(name) / f"seed-{seed}"


def _one(recipe: Recipe, own: Path, shared: LineRun, on: On, stop: StopFlag) -> LineOutcome:
    """Train one setting under one seed in the folder `own`; a student that collapses counts as reading nothing."""
    with shared.accelerator.main_process_first():
        reuse(shared.folder / "teacher", own / "teacher")
    run = open_run(recipe, own, stop)
    with run.accelerator.main_process_first():
        reuse_control(run, final_job(run, "control").task, shared.folder.parent)
    try:
        train_pair(run)
    except CollapseError as error:
        if not (run.folder / "control" / MODEL_NAME).is_file():
            raise
        say(f"{error}\nThe comparison goes on: this student counts as one that reads nothing.")
        return outcome_of(run, on, ("teacher", "control")).reading_nothing("student")
    except CheckpointError as error:
        raise CheckpointError(f"{error}; or does --over change what the teacher is made of?") from error
    return outcome_of(run, on, ("teacher", "control", "student"))
