"""The finished teacher of a run, and its posteriors computed once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

import teachers
from distill.data.posteriors import Cached
from distill.recipe.file import AnyRecipe
from distill.recipe.sections import Recipe, RecipeError
from distill.runs.changed import finished_here
from distill.runs.jobs import LineJob, final_job, jobs_of
from distill.runs.limited import is_limited
from distill.runs.opening import LineRun, Workplace
from distill.teaching.cache_error import cache_error
from distill.teaching.teacher import FrozenTeacher, member_of
from distill.teaching.teacher_files import copy_in, foreign_teachers, model_of, teacher_file, unknown_characters
from distill.track import say
from distill.training.job import Job, recorded
from distill.training.lines import LineTask
from students.charset import Charset
from students.errors import CheckpointError
from students.model_file import write_whole

FILLED = ", filled"  # behind the name of a shared cache: the seconds that it took to fill, in this run or before


def finished_teacher(run: LineRun) -> FrozenTeacher:
    """Return the run's teacher, with those that the objective adds.

    Raises `CheckpointError` where it is not finished or its file cannot be used.
    """
    return frozen_teacher(run.recipe, own_teacher_file(run), run.pools.charset, run.accelerator.device)


def own_teacher_file(run: LineRun) -> Path:
    """Return the model file of the run's own teacher; raises `CheckpointError` where it is not finished."""
    job = teacher_job(run)
    return own_copy(run) if job is None else usable_teacher(job, run.recipe, run)


def teacher_job(run: LineRun) -> LineJob | None:
    """Return the training of the run's own teacher; None where a finished one was given."""
    return None if run.recipe.own_teacher.file is not None else final_job(run, "teacher")


def usable_teacher(job: Job[Any], recipe: AnyRecipe, work: Workplace) -> Path:
    """Return the model file of a teacher that may teach: a finished one, or in a limited time one that ended early.

    Raises `CheckpointError` for any other.
    """
    if not finished_here(job, recipe, work.folder):
        if not job.target.is_file():
            raise untrained(job.folder)
        if not is_limited(work.stop):
            taken = recorded(job)["steps"]
            raise CheckpointError(
                f"{job.folder}: the teacher ended early, after {taken:,} of {job.training.steps:,} steps; let it go on "
                "first (distill teacher ..., or distill run ...), or let it teach as it is with --stop-after"
            )
    return job.target


def untrained(folder: Path) -> CheckpointError:
    """Return the error for the folder of a teacher that is not trained yet."""
    return CheckpointError(f"{folder}: no finished teacher; train it first: distill teacher ...")


def frozen_teacher(recipe: Recipe, own: Path, charset: Charset, device: torch.device) -> FrozenTeacher:
    """Return the teacher in the file `own` with those that the objective adds, on lines of a charset."""
    files = [(own, 1.0), *((model_of(further.file), further.weight) for further in recipe.objective.more_teachers)]
    members = [
        member_of(teachers.load(path), weight, recipe.objective.calibrated, charset, recipe.image)
        for path, weight in files
    ]
    return FrozenTeacher(members, device, recipe.own_teacher.training.precision, recipe.objective.ensemble)


def own_copy(run: LineRun) -> Path:
    """Return the copy of the finished teacher in the run folder, made where it is missing."""
    target = copied(run, teacher_file(run.recipe, run.folder))
    of_others = foreign_teachers(run.recipe, run.folder)
    for note in [*unknown_characters(run.recipe, run.pools.charset, run.folder), *of_others]:
        say(note)
    return target


def copied(work: Workplace, source: Path) -> Path:
    """Return a run's own copy of a finished teacher's file, made where it is missing."""
    target = copy_in(work.folder, source)
    if work.accelerator.is_main_process and not target.is_file():
        target.parent.mkdir(exist_ok=True)
        write_whole(target, source.read_bytes())
    work.accelerator.wait_for_everyone()
    return target


def cache_teacher(run: LineRun) -> dict[str, Any]:
    """Compute the teacher's posteriors for the student's trainings, and return what the cache leaves out of them.

    Raises `RecipeError` for a recipe without a cache. Errors are relative; `bytes_a_line` is of one view.
    """
    expect_cache(run.recipe)
    frozen = finished_teacher(run)
    jobs = jobs_of(run, "student", frozen)
    found = {}
    for job, cached in zip(jobs, fill_caches(run, [job.task for job in jobs]), strict=True):
        task = job.task
        views = task.objective.cache.views
        found[str(job.folder.relative_to(run.folder))] = {
            "lines": len(task.lines),
            "views": views,
            "bytes_a_line": round(cached.n_bytes / (len(task.lines) * views), 1),
            "error": cache_error(
                task.taught(frozen),
                cached,
                task.build().to(run.accelerator.device),
                task.objective.match,
                run.accelerator,
            ),
        }
    return found


def expect_cache(recipe: Recipe) -> None:
    """Raise `RecipeError` for a recipe without a cache, or without a teacher to fill it."""
    _ = recipe.own_teacher
    if not recipe.objective.cache.views:
        raise RecipeError("objective.cache.views is 0: nothing is cached; set it to the views of a line to keep")


def fill_caches(run: LineRun, tasks: Sequence[LineTask]) -> list[Cached]:
    """Open the caches of the trainings that want one, computing what is missing, and return them."""
    if not run.recipe.objective.cache.views:
        return []
    with run.stopwatch.measure("cache"):
        opened = (task.posteriors(run.accelerator, run.stop.raise_if_set) for task in tasks)
        caches = [cached for cached in opened if cached is not None]
    if run.recipe.runtime.cache_root is not None:
        for cached in caches:
            run.stopwatch.put(cached.name + FILLED, cached.filled_s)
    return caches
