"""A run of whatever task its recipe has: opened, its teacher, its students."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from distill.evaluation.endings import endings_in_words
from distill.evaluation.next_steps_page import in_a_line
from distill.evaluation.pages.report import MEASURE
from distill.evaluation.verdict import in_words
from distill.recipe.file import AnyRecipe
from distill.recipe.pages import PageRecipe
from distill.runs import lines, pages
from distill.runs.line_report import sizes_and_speeds, speeds_of
from distill.runs.opening import LineRun, open_run
from distill.runs.page_report import FINDS
from distill.runs.teachers import untrained
from distill.runtime import StopFlag
from students.model_file import MODEL_NAME

AnyRun: TypeAlias = LineRun | pages.PageRun


def open_any_run(recipe: AnyRecipe, folder: Path, stop: StopFlag) -> AnyRun:
    """Open the lines or the pages of a recipe; raises as `open_run` and `open_page_run` do."""
    if isinstance(recipe, PageRecipe):
        return pages.open_page_run(recipe, folder, stop, may_extend=True)
    return open_run(recipe, folder, stop, may_extend=True)


def expect_teacher(recipe: AnyRecipe, folder: Path) -> None:
    """Raise `CheckpointError`, before anything is opened or rendered, where a run has yet to train its teacher."""
    place = folder / "teacher"
    if recipe.teacher is not None and recipe.teacher.file is None and not (place / MODEL_NAME).is_file():
        raise untrained(place)


def train_teacher(opened: AnyRun, alone: bool = True) -> Path:
    """Train the teacher of a run, or take the finished one, and return its model file; not `alone`: students follow."""
    if isinstance(opened, pages.PageRun):
        return pages.train_page_teacher(opened, alone)
    return lines.train_teacher(opened, alone)


def train_whole(opened: AnyRun) -> dict[str, Any]:
    """Train teacher, control and student, those that the recipe has, evaluate them, and return the report."""
    if opened.recipe.teacher is not None:
        train_teacher(opened, alone=False)
    return train_students(opened)


def train_students(opened: AnyRun) -> dict[str, Any]:
    """Train control and student against the finished teacher, evaluate all three, and return the report."""
    return pages.train_page_students(opened) if isinstance(opened, pages.PageRun) else lines.train_students(opened)


def outcome_in_words(folder: Path, report: Mapping[str, Any]) -> str:
    """Return sizes and speeds of the networks of a report, how they ended, the verdict, and what to try next."""
    if report.get("task") == "pages":
        rows = [speeds_of(folder, report, FINDS, "pages", lambda part: part["pages"])]
        words = [in_words(report, MEASURE)]
    else:
        rows, words = [sizes_and_speeds(folder, report)], [in_words(report), in_a_line(report)]
    return "\n".join([*rows, *endings_in_words(report), *words])
