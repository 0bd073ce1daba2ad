"""How the trainings of a run share a limited time (`--stop-after`), and how each of them ends in it.

A tenth of the time that is left is kept for what is not training. The teacher may take half of the rest, the student
half of what then remains; the control takes as many steps as the student took, with equal learning rates. What one
does not need is left to the next. Stages share the time of their network by their items.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from distill.digests import digest_of
from distill.runs.opening import Workplace, train_all
from distill.runtime import StopFlag
from distill.training.early import Early, Ending
from distill.training.initial import Start
from distill.training.job import Job, finished, steps_saved
from distill.training.train import train
from students.errors import UserError

JobT = TypeVar("JobT", bound=Job[Any])

KEPT = 0.1
HALF = 0.5


def is_limited(stop: StopFlag) -> bool:
    """Return whether trainings are to end at a time."""
    return stop.ends_at_s < math.inf


def seconds_for(stop: StopFlag, share: float, what: str) -> float:
    """Return the seconds that a part of a run may take; raises `UserError` where none are left."""
    if stop.left_s <= 0:
        raise UserError(
            f"--stop-after: the time was over {-stop.left_s:.0f} s before {what} could begin; give twice as much more, "
            "at least; what is finished is kept"
        )
    return stop.left_s * (1 - KEPT) * share


def train_network(work: Workplace, jobs: Sequence[Job[Any]], alone: bool) -> Path:
    """Train a teacher through its stages, in a limited time as far as that goes, and return the model file."""
    if not is_limited(work.stop):
        return train_all(work, jobs)
    train_within(work, jobs, seconds_for(work.stop, 1.0 if alone else HALF, "the teacher"))
    return jobs[-1].target


def as_provisional(jobs: Sequence[JobT], teacher: Job[Any] | None) -> list[JobT]:
    """Return the trainings of a student, provisional where its teacher has not taken all of its steps."""
    whole = teacher is None or finished(teacher)
    return list(jobs) if whole else [replace(job, provisional=True) for job in jobs]


def train_within(
    work: Workplace, jobs: Sequence[Job[Any]], seconds: float, floors: Sequence[int] = ()
) -> list[Ending | None]:
    """Train one network through its stages in so many seconds; return how each training ended, None: as a whole.

    None of them ends early before its step in `floors`.
    """
    left = [0 if finished(job) else _items(job) for job in jobs]
    endings: list[Ending | None] = []
    before = None
    for i, planned in enumerate(jobs):
        job = planned if before is None else _behind(planned, jobs[i - 1], before, endings[-1])
        early = Early(seconds * left[i] / max(1, sum(left[i:])), floors[i] if floors else 0)
        begun_s = time.monotonic()
        train(job, work.accelerator, work.stop, work.stopwatch, early)
        seconds = max(0.0, seconds - (time.monotonic() - begun_s))
        endings.append(early.ending)
        before = job
    return endings


def train_pair_within(work: Workplace, student: Sequence[Job[Any]], control: Sequence[Job[Any]]) -> Path:
    """Train the student, and the control for as many steps; return the student's model file.

    A control that has gone further already sets the least steps of the student. One that is finished stays as it is.
    """
    open_control = [job for job in control if not finished(job)]
    with work.stopwatch.measure("student"):
        seconds = seconds_for(work.stop, HALF if open_control else 1.0, "the student")
        endings = train_within(work, student, seconds, _floors(control) if control else ())
    with work.stopwatch.measure("control"):
        before = None
        for i, planned in enumerate(control):
            job = planned if before is None else _behind(planned, control[i - 1], before, endings[i - 1])
            if not finished(job):
                train(job, work.accelerator, work.stop, work.stopwatch, Early(ending=endings[i]))
            before = job
    return student[-1].target


def _items(job: Job[Any]) -> int:
    """The items that a training has still to learn from."""
    return (job.training.steps - steps_saved(job)) * int(job.task.items_a_step)


def _floors(control: Sequence[Job[Any]]) -> list[int]:
    """The steps that the control has taken of each training: a student with fewer could not be compared with it."""
    floors = []
    whole = True
    for job in control:
        ships = job is control[-1]
        done = whole and finished(job)
        floors.append(0 if not whole or (done and ships) else job.training.steps if done else steps_saved(job))
        whole = done
    return floors


def _behind(job: Job[Any], planned: Job[Any], before: Job[Any], ending: Ending | None) -> Job[Any]:
    """The training behind `before`; provisional where that is not as planned, or ended early."""
    if before is planned and ending is None:
        return job
    start = Start(before.target, digest_of(before.digest, "stopped", *(ending or ())))
    return replace(job, task=replace(job.task, start=start), provisional=True)
