"""Paired experiments on pages: one teacher, several settings of the student, the same seeds and budgets for each.

Every page scores its H-mean at IoU 0.5. What is finished is reused, and settings that leave the control as it is share
it, as in comparisons of lines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import teachers
from distill.comparison.figures import comparison_figures, phase_seconds
from distill.comparison.settings import Comparison, On, expect_models, folder_name, settings_of
from distill.comparison.sharing import SHARED, reuse, reuse_control
from distill.comparison.summary import page_summary, write_comparison
from distill.evaluation.pages.locating import PreparedPages, outlines_found
from distill.evaluation.pages.matching import count_page
from distill.evaluation.pages.scores import hmeans
from distill.evaluation.roles import ROLES
from distill.evaluation.verdict import verdict
from distill.recipe.file import load_recipe
from distill.recipe.pages import PageRecipe
from distill.runs.pages import (
    PageRun,
    open_page_run,
    page_job,
    problems_of_locators,
    train_page_pair,
    train_page_teacher,
)
from distill.runtime import StopFlag
from distill.track import say
from students.errors import UserError
from students.model_file import MODEL_NAME


@dataclass(frozen=True)
class PageOutcome:
    """What one setting gave under one seed, or under several: an `Outcome` (`figures.py`).

    `scores` holds the H-mean of every page, (N,), by role; `seconds` those of its trainings.
    """

    scores: Mapping[str, np.ndarray]
    seconds: Mapping[str, float]

    @property
    def rates(self) -> dict[str, Any]:
        """Return the mean H-mean of each role."""
        return {role: float(scores_N.mean()) for role, scores_N in self.scores.items()}

    def joined(self, others: Sequence[PageOutcome]) -> PageOutcome:
        """Return the pages of this one and of others, one behind the other."""
        every = (self, *others)
        return PageOutcome({role: np.concatenate([o.scores[role] for o in every]) for role in self.scores}, {})

    def verdict(self, seed: int) -> dict[str, Any]:
        """Return the verdict on the student over its control."""
        return verdict(self.scores["teacher"], self.scores["control"], self.scores["student"], seed)

    def gain_over(self, other: PageOutcome, seed: int) -> dict[str, Any]:
        """Return what the student gains over that of another setting, and the verdict."""
        found = verdict(other.scores["teacher"], other.scores["student"], self.scores["student"], seed)
        return {"gain": found["gain"], "verdict": found["verdict"]}


def run_page_comparison(comparison: Comparison, folder: Path, stop: StopFlag) -> dict[str, Any]:
    """Train every setting under every seed and return `compare.json`, which is written with a page and a chart.

    Raises `UserError` for settings that cannot be compared. What is finished in `folder` is reused.
    """
    if comparison.equal_seconds:
        raise UserError("--equal-seconds: comparisons of pages have no such controls")
    name_or_path, overrides = comparison.recipe, list(comparison.overrides)
    base = _recipe(name_or_path, overrides)
    overrides.append(f"runtime.cache_root={base.runtime.cache_root or folder / 'cache'}")
    seeds = range(base.seed, base.seed + comparison.n_seeds)
    recipes = {
        (setting.name, seed): _recipe(name_or_path, [*overrides, *setting.overrides, f"student.seed={seed}"])
        for setting in settings_of(comparison.over, base)
        for seed in seeds
    }
    if not all(recipe.student.control for recipe in recipes.values()):
        raise UserError("student.control: settings are compared over their controls; leave it true")
    folders = {(name, seed): folder / folder_name(name) / f"seed-{seed}" for name, seed in recipes}
    expect_models((key[0], problems_of_locators(recipe, folders[key])) for key, recipe in recipes.items())
    shared = open_page_run(_recipe(name_or_path, overrides), folder / SHARED, stop)
    train_page_teacher(shared)
    outcomes: dict[str, list[PageOutcome]] = {}
    for (name, seed), recipe in recipes.items():
        say(f"--- {name}, seed {seed}")
        outcomes.setdefault(name, []).append(_one(recipe, folders[name, seed], shared, comparison.on, stop))
    result = page_figures(outcomes, comparison.on, base.seed)
    if shared.accelerator.is_main_process:
        write_comparison(folder, result, page_summary(base, comparison.over, result))
    return result


def page_figures(outcomes: Mapping[str, Sequence[PageOutcome]], on: On, first_seed: int) -> dict[str, Any]:
    """Return `compare.json` on pages."""
    return {"task": "pages", **comparison_figures(outcomes, on, first_seed)}


def _recipe(name_or_path: str, overrides: Sequence[str]) -> PageRecipe:
    recipe = load_recipe(name_or_path, overrides)
    assert isinstance(recipe, PageRecipe)
    return recipe


def _one(recipe: PageRecipe, own: Path, shared: PageRun, on: On, stop: StopFlag) -> PageOutcome:
    """Train one setting under one seed in the folder `own`, and score its networks page by page."""
    with shared.accelerator.main_process_first():
        reuse(shared.folder / "teacher", own / "teacher")
    run = open_page_run(recipe, own, stop)
    with run.accelerator.main_process_first():
        reuse_control(run, page_job(run, "control").task, shared.folder.parent)
    train_page_pair(run)
    pages = run.pools.validation if on == "validation" else run.pools.test
    scores = {}
    for role in ROLES:
        reader = teachers.load_locator(own / role / MODEL_NAME)
        prepared = PreparedPages(pages, reader.description.preparation)
        model, finding = reader.model.to(run.accelerator.device), reader.description.finding
        found = outlines_found(model, prepared, finding, run.accelerator, stop)
        scores[role] = hmeans([count_page(p.lines or (), o) for p, o in zip(pages, found, strict=True)])
    return PageOutcome(scores, phase_seconds(own))
