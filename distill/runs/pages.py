"""From a recipe of pages to a shipped locator: what is finished is reused, what was interrupted goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import teachers
from distill.data.formats.contents import counted
from distill.digests import file_digest
from distill.evaluation.pages.locating import PreparedPages
from distill.evaluation.roles import SECTIONS, Role
from distill.evaluation.verdict import verdict
from distill.paths import expanded
from distill.pools.pages import PagePools, open_page_pools, pages_of
from distill.recipe.pages import PageRecipe, PageStudent, PageTeacher
from distill.runs.limited import as_provisional, is_limited, train_network, train_pair_within
from distill.runs.opening import Workplace, open_workplace, record, say_refused, train_all
from distill.runs.page_report import make_page_report
from distill.runs.teachers import copied, usable_teacher
from distill.runs.weak import ALLOW, WeakTeacherError
from distill.runtime import StopFlag
from distill.teaching.pages.teacher import FrozenLocator
from distill.teaching.teacher_files import OWN, copy_or_original
from distill.track import say
from distill.training.initial import undownloaded
from distill.training.job import Job, finished
from distill.training.pages import PageTask
from students.errors import CheckpointError, DataError
from students.model_file import MODEL_NAME
from students.pages.model_file import read_locator

PageJob = Job[PageTask]


@dataclass(frozen=True)
class PageRun(Workplace):
    """A recipe in its folder, with its pages opened."""

    recipe: PageRecipe
    pools: PagePools
    validation: PreparedPages


def open_page_run(recipe: PageRecipe, folder: Path, stop: StopFlag, may_extend: bool = False) -> PageRun:
    """Open the pages of a recipe, before anything is trained or written down in the folder.

    With `may_extend` more steps of what is finished there are taken as a wish to go on.
    Raises `CheckpointError` for a folder that began with other settings, and for initial weights and teachers that
    cannot be used; `DataError` for pages; `Stopped` after a signal.
    """
    work = open_workplace(recipe, folder, stop, may_extend)
    if problems := problems_of_locators(recipe, folder):  # told before pages are drawn
        raise CheckpointError("\n".join(problems))
    with work.accelerator.main_process_first(), work.stopwatch.measure("pages"):
        pools = open_page_pools(recipe, folder, stop.raise_if_set)
    validation = PreparedPages(pools.validation, recipe.page)
    return PageRun(folder, work.accelerator, work.stopwatch, stop, work.extensions, recipe, pools, validation)


def train_page_teacher(run: PageRun, alone: bool = True) -> Path:
    """Train the teacher on the marked pages, or take the finished one, and return its model file.

    Of a limited time it takes all if it is trained `alone`; else what students follow it with is left to them.
    """
    if run.recipe.teacher.file is not None:
        path = copied(run, copy_or_original(run.recipe.teacher.file, run.folder, locator_of))
        say(f"teacher: {path}, as it is")
        return path
    with run.stopwatch.measure("teacher"):
        job = page_job(run, "teacher")
        _write_down(run, [job, page_job(run, "control")])
        path = train_network(run, [job], alone)
    say(f"teacher: {path}")
    return path


def train_page_students(run: PageRun) -> dict[str, Any]:
    """Train control and student against the finished teacher, evaluate all three, and return the report."""
    path = train_page_pair(run)
    with run.stopwatch.measure("report"):
        result = make_page_report(run, run.recipe, run.pools.test)
    say(f"student: {path}")
    return result


def train_page_pair(run: PageRun) -> Path:
    """Train control and student against the finished teacher and return the student's model file.

    Raises `WeakTeacherError` for a teacher that finds no line on any validation page.
    """
    frozen = finished_locator(run)
    control = [page_job(run, "control")] if run.recipe.student.control else []
    own = page_job(run, "teacher") if run.recipe.teacher.file is None else None
    (student,) = as_provisional([page_job(run, "student", frozen)], own)
    _write_down(run, [*control, student])
    asked = not (run.recipe.teacher.allow_weak or finished(student))
    found = student.task.validate(frozen, run.accelerator) if asked else None
    if found is not None and found.silent:
        raise WeakTeacherError(
            f"the teacher finds no line on any of the {counted(len(run.validation), 'validation page')}; {ALLOW}"
        )
    if is_limited(run.stop):
        return train_pair_within(run, [student], control)
    if control:
        with run.stopwatch.measure("control"):
            path = train_all(run, control)
        if found is not None:
            alone = control[0].task.validate(teachers.load_locator(path).model, run.accelerator)
            _refuse_worse(found.scores, alone.scores, run.recipe.seed)
    with run.stopwatch.measure("student"):
        return train_all(run, [student])


def page_job(run: PageRun, role: Role, teacher: FrozenLocator | None = None) -> PageJob:
    """Return the training of one network. The teacher learns from the marked pages of its sources, the others from all.

    Raises `DataError` where it has no marked page to learn from.
    """
    recipe = run.recipe
    part = recipe.networks[SECTIONS[role]]
    pages = pages_of(part.sources, run.pools.train)
    if role == "teacher":
        pages = tuple(page for page in pages if page.lines is not None)
    if role != "student" and not any(page.lines for page in pages):
        raise DataError(f"{role}: its sources have no page with a marked line")
    task = PageTask(
        role=role,
        recipe=recipe,
        model=part.model,
        training=part.training,
        objective=recipe.objective if role == "student" else recipe.objective.without_teacher,
        pages=pages,
        validation=run.validation,
        teacher=teacher,
        start=None if part.init is None else _weights(locator_of(part.init)),
    )
    return run.extensions.applied(Job(role, task, part.training, task.seed, run.folder / role))


def finished_locator(run: PageRun) -> FrozenLocator:
    """Return the run's teacher; raises `CheckpointError` where it is not finished or its file cannot be used."""
    if run.recipe.teacher.file is not None:
        path = copied(run, copy_or_original(run.recipe.teacher.file, run.folder, locator_of))
    else:
        path = usable_teacher(page_job(run, "teacher"), run.recipe, run)
    return FrozenLocator(
        teachers.load_locator(path).model, run.accelerator.device, run.recipe.teacher.training.precision
    )


def locator_of(file: str) -> Path:
    """Return the model file that a recipe names: it, its folder, or a run folder (its teacher, then its student).

    Raises `CheckpointError` where there is none.
    """
    path = expanded(file)
    places = (path, path / "teacher" / MODEL_NAME, path / "student" / MODEL_NAME, path / MODEL_NAME)
    for place in places:
        if place.is_file():
            return place
    raise CheckpointError(f"{file}: no locator's file, nor a run folder with a finished one")


def problems_of_locators(recipe: PageRecipe, folder: Path) -> list[str]:
    """Return why the model files that a recipe names cannot teach, or begin a training, in the run `folder`."""
    problems = []
    if recipe.teacher.file is not None:
        try:
            path = copy_or_original(recipe.teacher.file, folder, locator_of)
            theirs, ours = read_locator(path)[0].preparation, recipe.page
            unlike = [
                f"{key} {getattr(theirs, key)} and not {getattr(ours, key)}"
                for key in ("channels", "mean", "std")
                if getattr(theirs, key) != getattr(ours, key)
            ]
            if unlike:
                problems.append(f"{OWN}: {path} wants other pages than the recipe's page section: {', '.join(unlike)}")
        except CheckpointError as error:
            problems.append(f"{OWN}: {error}")
    for name, part in recipe.networks.items():
        if part.init is not None and not (isinstance(part, PageTeacher) and part.file):
            problems += _problems_of_start(f"{name}.init", part.init, part, recipe.page.channels)
    return problems


def _problems_of_start(key: str, file: str, part: PageTeacher | PageStudent, channels: int) -> list[str]:
    try:
        undownloaded(part.model).build(channels).load_state_dict(_weights(locator_of(file)))
    except CheckpointError as error:
        return [f"{key}: {error}"]
    except RuntimeError as error:
        return [f"{key}: {file} is of another architecture: {str(error).splitlines()[0]}"]
    return []


def _weights(path: Path) -> dict[str, Tensor]:
    return {name: torch.from_numpy(array.copy()) for name, array in read_locator(path)[1].items()}


def _refuse_worse(teacher_N: np.ndarray, control_N: np.ndarray, seed: int) -> None:
    """Raises `WeakTeacherError` for a teacher that surely finds less than the student alone."""
    gap = verdict(teacher_N, control_N, control_N, seed)["teacher_gap"]
    if gap["high"] < 0:
        raise WeakTeacherError(
            f"the teacher finds less on the validation pages than the student alone: H-mean {teacher_N.mean():.1%} "
            f"against {control_N.mean():.1%}; take another teacher, or train it longer; {ALLOW}"
        )


def _write_down(run: PageRun, jobs: Sequence[PageJob]) -> None:
    """Write down what this run is made of, once it is certain that the folder holds nothing else."""
    file = run.recipe.teacher.file
    files = []
    if file is not None:
        path = copy_or_original(file, run.folder, locator_of)
        files.append({"key": OWN, "file": file, "sha256": file_digest(path)})
    record(run, run.recipe, jobs, run.pools.summary(), files)
    say_refused(run.pools.refused, "page or line", run.folder)
