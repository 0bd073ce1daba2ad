"""From a recipe to a shipped student: what is finished is reused, what was interrupted goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import teachers
from distill.runs.jobs import jobs_of
from distill.runs.limited import as_provisional, is_limited, train_network, train_pair_within
from distill.runs.line_report import make_report
from distill.runs.opening import LineRun, train_all, write_down
from distill.runs.teachers import fill_caches, finished_teacher, own_copy, teacher_job
from distill.runs.weak import refuse_silent, refuse_worse, validation_read
from distill.track import say
from distill.training.job import finished


def train_teacher(run: LineRun, alone: bool = True) -> Path:
    """Train the teacher on the labelled lines, or take the finished one, and return its model file.

    Of a limited time it takes all if it is trained `alone`; else what students follow it with is left to them.
    """
    if run.recipe.own_teacher.file is not None:
        path = own_copy(run)
        say(f"teacher: {path}, as it is")
        return path
    with run.stopwatch.measure("teacher"):
        jobs = jobs_of(run, "teacher")
        write_down(run, [*jobs, *jobs_of(run, "control")])
        path = train_network(run, jobs, alone)
    say(f"teacher: {path}")
    return path


def train_students(run: LineRun) -> dict[str, Any]:
    """Train control and student against the finished teacher, evaluate all three, and return the report."""
    path = train_pair(run)
    with run.stopwatch.measure("report"):
        result = make_report(run)
    say(f"student: {path}")
    return result


def train_pair(run: LineRun) -> Path:
    """Train control and student against the finished teacher and return the student's model file.

    Without a teacher the student is trained further on the labels alone. In a limited time the student goes first, and
    the control takes as many steps as it.
    """
    if run.recipe.teacher is None:
        return fine_tune(run)
    frozen = finished_teacher(run)
    control = jobs_of(run, "control") if run.recipe.student.control else []
    student = as_provisional(jobs_of(run, "student", frozen), teacher_job(run))
    write_down(run, [*control, *student])
    asked = not (run.recipe.teacher.allow_weak or all(map(finished, student)))
    read = validation_read(run, frozen, "teacher") if asked else None
    if read is not None:
        refuse_silent(read)
    if is_limited(run.stop):
        fill_caches(run, [job.task for job in student if not finished(job)])
        return train_pair_within(run, student, control)
    if control:
        with run.stopwatch.measure("control"):
            path = train_all(run, control)
        if read is not None:
            refuse_worse(read, validation_read(run, teachers.load(path).model, "control"), run.recipe.seed)
    fill_caches(run, [job.task for job in student if not finished(job)])
    with run.stopwatch.measure("student"):
        return train_all(run, student)


def fine_tune(run: LineRun) -> Path:
    """Train a finished student further on the labelled lines, without a teacher, and return its model file."""
    jobs = jobs_of(run, "student")
    write_down(run, jobs)
    lines = run.usable["student"]
    if unlabelled := sum(text is None for text in lines.texts):
        say(f"student: {unlabelled:,} of {len(lines):,} lines left out, without a label: no teacher reads them")
    with run.stopwatch.measure("student"):
        return train_network(run, jobs, alone=True)


def train_control(run: LineRun) -> Path:
    """Train the control alone and return its model file."""
    jobs = jobs_of(run, "control")
    write_down(run, jobs)
    with run.stopwatch.measure("control"):
        return train_all(run, jobs)
