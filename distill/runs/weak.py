"""Whether a teacher reads well enough to teach, by what it reads of the validation lines.

One that reads nothing makes a student worse than it is alone, and so may one that makes more errors than the student
alone does. Both are refused before anything is trained against them, unless `teacher.allow_weak` is set.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

import teachers
from distill.data.lines import Lines
from distill.evaluation.characters import LineScores, cer_interval
from distill.evaluation.evaluate import read_here, read_lines, truths_of
from distill.evaluation.metrics import compare
from distill.evaluation.report import line_scores
from distill.pools.lines import Pools
from distill.recipe.sections import Recipe, RecipeError
from distill.runs.opening import LineRun
from distill.runs.teachers import frozen_teacher
from distill.schema import Protocol
from distill.teaching.teacher_files import model_in, teacher_file
from students.errors import UserError
from students.greedy import best_path_text
from students.model_file import MODEL_NAME

SILENT_CER = 0.9
CPU = torch.device("cpu")
ALLOW = "teacher.allow_weak=true lets it teach all the same, for experiments"


class WeakTeacherError(RecipeError):
    """A teacher that reads nothing, or worse than the student alone."""


class ValidationRead(NamedTuple):
    """What one network reads of the validation lines."""

    scores: LineScores
    characters_N: np.ndarray

    @property
    def exact(self) -> float:
        """Return the share of lines that are read exactly."""
        return float(self.scores.exact_N.mean())

    @property
    def cer(self) -> float:
        """Return edits over characters of the truths."""
        return float(self.scores.edits_N.sum() / max(1, self.characters_N.sum()))


def validation_read(run: LineRun, model: nn.Module, role: str) -> ValidationRead:
    """Return what a network reads of the validation lines of a run; every process takes part and gets the same.

    Raises `Stopped` when the run is asked to stop.
    """
    decode = partial(best_path_text, charset=run.pools.charset)
    model = model.to(run.accelerator.device)
    texts = read_lines(
        model,
        run.pools.validation,
        decode,
        run.recipe.image,
        run.accelerator,
        what=f"validating the {role}",
        stop=run.stop,
    )
    return _scored(run.pools.validation, texts, run.recipe.data.protocol)


def refuse_silent(read: ValidationRead) -> None:
    """Raise `WeakTeacherError` for a teacher that reads nothing."""
    if problem := why_silent(read):
        raise WeakTeacherError(problem)


def refuse_worse(teacher: ValidationRead, control: ValidationRead, seed: int) -> None:
    """Raise `WeakTeacherError` for a teacher that surely makes more errors than the student alone."""
    if problem := why_worse(teacher, control, seed):
        raise WeakTeacherError(problem)


def why_silent(read: ValidationRead) -> str | None:
    """Return why a teacher that reads not one line, and hardly a character, cannot teach; None for any other."""
    if read.exact > 0 or read.cer < SILENT_CER:
        return None
    return (
        f"the teacher reads nothing of the validation lines: exact 0.0%, CER {read.cer:.1%}; see how long it was "
        f"trained, which characters it knows, and how its file says that lines are prepared; {ALLOW}"
    )


def why_worse(teacher: ValidationRead, control: ValidationRead, seed: int) -> str | None:
    """Return why a teacher whose interval of CER lies above that of the student alone cannot teach; else None."""
    of_teacher, of_control = (cer_interval(r.scores.edits_N, r.characters_N, seed) for r in (teacher, control))
    if of_teacher["low"] <= of_control["high"]:
        return None
    return (
        f"the teacher reads the validation lines worse than the student alone: CER {_figures(of_teacher)} against "
        f"{_figures(of_control)}; take another teacher, or train it longer; {ALLOW}"
    )


def _figures(interval: Mapping[str, float]) -> str:
    return f"{interval['value']:.1%} ({interval['low']:.1%} to {interval['high']:.1%})"


def weakness(recipe: Recipe, folder: Path, pools: Pools) -> list[str]:
    """Return why the finished teacher of a run cannot teach, for a check; empty without one, or where it is allowed.

    The student alone is asked too, where the run has finished it.
    """
    own, control = model_in(folder / "teacher"), folder / "control" / MODEL_NAME
    if recipe.teacher is None or recipe.teacher.allow_weak or not (recipe.teacher.file or own.is_file()):
        return []
    try:
        path = teacher_file(recipe, folder) if recipe.teacher.file else own
        read = _read_here(recipe, pools, frozen_teacher(recipe, path, pools.charset, CPU))
        alone = _read_here(recipe, pools, teachers.load(control).model) if control.is_file() else None
    except UserError as error:
        return [str(error)]
    problem = why_silent(read) or (why_worse(read, alone, recipe.seed) if alone is not None else None)
    return [problem] if problem else []


def _read_here(recipe: Recipe, pools: Pools, model: nn.Module) -> ValidationRead:
    decode = partial(best_path_text, charset=pools.charset)
    read = read_here(model, pools.validation, decode, recipe.image, CPU)
    return _scored(pools.validation, dict(line for batch in read for line in batch), recipe.data.protocol)


def _scored(lines: Lines, texts: Mapping[str, str], protocol: Protocol) -> ValidationRead:
    compared = compare(truths_of(lines), texts, protocol)
    return ValidationRead(line_scores(compared), np.array([line.characters for line in compared]))
