"""One run: a recipe in its folder with its lines opened, and what is written down of it before anything is trained."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from accelerate import Accelerator

from distill.data.feed import ready_workers
from distill.data.lines import Lines
from distill.digests import digest_of
from distill.recipe.file import RECIPE_NAME, resolved_yaml
from distill.recipe.sections import Recipe
from distill.runs.changed import changed_keys, listed, refuse_changed
from distill.runs.pools import Pools, open_pools
from distill.runs.usable import Learner, usable_lines
from distill.runtime import StopFlag, environment, start
from distill.teaching.teacher_files import finished_teachers, problems_of_teachers, too_wide_for_teachers
from distill.track import Stopwatch, say, write_json
from distill.training.initial import problems_of_starts
from distill.training.train import Job, finished
from students.errors import CheckpointError, DataError
from students.model_file import write_whole


@dataclass(frozen=True)
class Run:
    """A recipe in its folder, with its lines opened. `usable`: the training lines whose labels fit each network."""

    recipe: Recipe
    folder: Path
    accelerator: Accelerator
    pools: Pools
    usable: dict[Learner, Lines]
    stopwatch: Stopwatch
    stop: StopFlag


def open_run(recipe: Recipe, folder: Path, stop: StopFlag) -> Run:
    """Open the lines of a recipe, before anything is trained or written down in the folder.

    Raises `CheckpointError` for a folder that began with other settings, and for initial weights and teachers that
    cannot be used; `DataError` for lines, `RecipeError` for networks; `Stopped` after a signal.
    """
    make_writable(folder)
    refuse_changed(recipe, folder)
    accelerator = start(recipe.runtime, folder)
    if recipe.runtime.workers:
        ready_workers()
    stopwatch = Stopwatch(folder / "timing.json", writes=accelerator.is_main_process)
    with accelerator.main_process_first(), stopwatch.measure("lines"):
        pools = open_pools(recipe, folder, stop.raise_if_set)
    if problems := problems_of_starts(recipe, pools.charset) + problems_of_teachers(recipe, pools.charset, folder):
        raise CheckpointError("\n".join(problems))
    if problems := too_wide_for_teachers(recipe, pools.parts, folder):
        raise CheckpointError("\n".join(problems))
    usable, too_long = usable_lines(recipe, pools, folder)
    pools = replace(pools, refused={**pools.refused, **too_long})
    return Run(recipe, folder, accelerator, pools, usable, stopwatch, stop)


def make_writable(folder: Path) -> None:
    """Make the run folder where it is missing; raises `DataError` where it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, "no permission")
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"run folder {folder}: cannot be written: {reason}; choose another --run") from error


def write_down(run: Run, jobs: Sequence[Job[Any]]) -> None:
    """Write down what this run is made of, once it is certain that the folder holds nothing else."""
    try:
        for job in jobs:
            finished(job)
    except CheckpointError as error:
        changes = changed_keys(run.recipe, run.folder)
        raise CheckpointError(f"{error}\nkeys that differ:\n{listed(changes)}" if changes else str(error)) from error
    run.accelerator.wait_for_everyone()
    if run.accelerator.is_main_process:
        write_whole(run.folder / RECIPE_NAME, resolved_yaml(run.recipe).encode())
        known = environment(run.accelerator) | {"recipe": digest_of(run.recipe)}
        if finished_files := finished_teachers(run.recipe, run.folder):
            known["finished_teachers"] = finished_files
        write_json(run.folder / "environment.json", known)
        write_json(run.folder / "data.json", run.pools.summary())
        _say_what_was_refused(run.pools, run.folder)
    if run.recipe.runtime.tracker != "none":
        run.accelerator.init_trackers(run.recipe.name)


def _say_what_was_refused(pools: Pools, folder: Path) -> None:
    for part, refusals in pools.refused.items():
        if refusals:
            say(
                f"{part}: {len(refusals)} lines cannot be used, the first: {refusals[0].reason}; "
                f"all stand in {folder / 'data.json'}"
            )
    if pools.charset.order == "visual":
        for part, lines in pools.read_back_otherwise.items():
            if lines:
                key, text = next(iter(lines.items()))
                say(
                    f"{part}: {len(lines)} labels will be read as another text that is drawn alike, such as {key} as "
                    f"{text!r}; all stand in {folder / 'data.json'}"
                )
