"""Paired experiments on pages: one teacher, several settings of the student, the same seeds and budgets for each.

Every page scores its H-mean at IoU 0.5. What is finished is reused, and settings that leave the control as it is share
it, as in comparisons of lines.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import teachers
from distill.comparison.outcomes import seconds_of
from distill.comparison.settings import Comparison, On, folder_name, settings_of
from distill.comparison.sharing import SHARED, reuse, reuse_control
from distill.comparison.summary import page_summary, write_comparison
from distill.evaluation.pages.locating import PreparedPages, outlines_found
from distill.evaluation.pages.matching import count_page
from distill.evaluation.pages.scores import hmeans
from distill.evaluation.roles import ROLES
from distill.evaluation.verdict import verdict
from distill.recipe.file import load_recipe
from distill.recipe.pages import PageRecipe
from distill.runs.pages import PageRun, open_page_run, page_job, train_page_pair, train_page_teacher
from distill.runtime import StopFlag
from distill.track import say
from students.errors import UserError
from students.model_file import MODEL_NAME


class PageOutcome(NamedTuple):
    """What one setting gave under one seed: the H-mean of every page, (N,), by role; seconds of its trainings."""

    scores: Mapping[str, np.ndarray]
    seconds: Mapping[str, float]


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
    shared = open_page_run(_recipe(name_or_path, overrides), folder / SHARED, stop)
    train_page_teacher(shared)
    outcomes: dict[str, list[PageOutcome]] = {}
    for (name, seed), recipe in recipes.items():
        say(f"--- {name}, seed {seed}")
        own = folder / folder_name(name) / f"seed-{seed}"
        outcomes.setdefault(name, []).append(_one(recipe, own, shared, comparison.on, stop))
    result = page_figures(outcomes, comparison.on, base.seed)
    if shared.accelerator.is_main_process:
        write_comparison(folder, result, page_summary(base, comparison.over, result))
    return result


def page_figures(outcomes: Mapping[str, Sequence[PageOutcome]], on: On, first_seed: int) -> dict[str, Any]:
    """Return `compare.json`: means over seeds and pages, gains over the control, over the first setting, of every pair.

    Intervals are over (seed, page) pairs.
    """
    pooled = {
        name: {role: np.concatenate([outcome.scores[role] for outcome in of_name]) for role in ROLES}
        for name, of_name in outcomes.items()
    }
    first = pooled[next(iter(pooled))]
    rows = {}
    for name, of_name in outcomes.items():
        own = pooled[name]
        rows[name] = {
            **{role: float(own[role].mean()) for role in ROLES},
            "each_seed": [float(outcome.scores["student"].mean()) for outcome in of_name],
            "each_control": [float(outcome.scores["control"].mean()) for outcome in of_name],
            **verdict(own["teacher"], own["control"], own["student"], first_seed),
            "over_the_first": _gained(first, own, first_seed),
            "seconds": {
                part: float(np.mean([outcome.seconds.get(part, 0.0) for outcome in of_name]))
                for part in ("control", "student", "cache")
            },
        }
    best_first = sorted(rows, key=lambda name: -rows[name]["student"])
    return {
        "task": "pages",
        "on": on,
        "seeds": list(range(first_seed, first_seed + len(next(iter(outcomes.values()))))),
        "settings": rows,
        "pairs": [
            {"of": better, "over": other, **_gained(pooled[other], pooled[better], first_seed)}
            for better, other in itertools.combinations(best_first, 2)
        ],
    }


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
    return PageOutcome(scores, seconds_of(own))


def _gained(one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray], seed: int) -> dict[str, Any]:
    """What the student of the second of two settings gains over that of the first."""
    found = verdict(one["teacher"], one["student"], other["student"], seed)
    return {"gain": found["gain"], "verdict": found["verdict"]}
