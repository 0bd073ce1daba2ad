"""The step of a run that was not finite, found in its folder and run again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from distill.evaluation.roles import SECTIONS, Role
from distill.runs.jobs import jobs_of
from distill.runs.pages import PageRun, finished_locator, page_job
from distill.runs.tasks import AnyRun
from distill.runs.teachers import finished_teacher
from distill.training.job import Job
from distill.training.nonfinite import KEPT, Replay, replay_step
from students.errors import CheckpointError


def replay(run: AnyRun) -> tuple[str, Replay]:
    """Return the name of the training whose step was kept, and that step as it goes now; the latest of several.

    Raises `CheckpointError` where the run keeps none.
    """
    role, kept = kept_step(run.folder)
    for job in _jobs(run, role):
        if job.folder / KEPT == kept:
            return job.name, replay_step(job, run.accelerator, run.stop.raise_if_set)
    raise CheckpointError(f"{kept}: is of a stage that the recipe no longer has")


def kept_step(folder: Path) -> tuple[Role, Path]:
    """Return whose step a run folder keeps, the latest of several, and its file; raises `CheckpointError` for none."""
    kept = {role: newest for role in SECTIONS if (newest := _newest(folder / role)) is not None}
    if not kept:
        raise CheckpointError(f"{folder}: keeps no step that was not finite, so there is none to replay")
    role = max(kept, key=lambda each: kept[each].stat().st_mtime_ns)
    return role, kept[role]


def _newest(folder: Path) -> Path | None:
    found = [*folder.glob(KEPT), *folder.glob(f"stages/*/{KEPT}")]
    return max(found, key=lambda path: path.stat().st_mtime_ns, default=None)


def _jobs(run: AnyRun, role: Role) -> list[Job[Any]]:
    taught = role == "student" and run.recipe.teacher is not None
    if isinstance(run, PageRun):
        return [page_job(run, role, finished_locator(run) if taught else None)]
    return [*jobs_of(run, role, finished_teacher(run) if taught else None)]
