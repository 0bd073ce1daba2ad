"""One run: a recipe in its folder with its lines opened, and what is written down of it before anything is trained.

The folder and what is written into it are the same for every task (`Workplace`, `record`).
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

import students
from distill.data.feed import ready_workers
from distill.data.formats.contents import counted
from distill.data.lines import Lines, Refusal
from distill.digests import digest_of
from distill.durable import remove_abandoned
from distill.launch import expect_alike, expect_shared
from distill.paths import expanded
from distill.pools.lines import Pools, open_pools
from distill.pools.usable import usable_lines
from distill.recipe.file import RECIPE_NAME, AnyRecipe, resolved_yaml
from distill.recipe.sections import Recipe
from distill.recipe.training import Learner
from distill.runs.changed import finished_here, refuse_changed
from distill.runs.extending import Extensions, extensions_of, keep_earlier, written_extensions
from distill.runtime import ENVIRONMENT_NAME, StopFlag, commit, environment, start
from distill.signed_json import write_json
from distill.teaching.teacher_files import (
    finished_teachers,
    problems_of_teachers,
    too_wide_for_teachers,
    unopened_teachers,
)
from distill.track import Stopwatch, say
from distill.training.initial import problems_of_starts, unopened_starts
from distill.training.job import Job
from distill.training.train import train
from students.errors import CheckpointError, DataError
from students.model_file import write_whole


@dataclass(frozen=True)
class Workplace:
    """The folder of a run, and what works in it."""

    folder: Path
    accelerator: Accelerator
    stopwatch: Stopwatch
    stop: StopFlag
    extensions: Extensions


@dataclass(frozen=True)
class LineRun(Workplace):
    """A recipe in its folder, with its lines opened. `usable`: the training lines whose labels fit each network."""

    recipe: Recipe
    pools: Pools
    usable: dict[Learner, Lines]


def open_run(recipe: Recipe, folder: Path, stop: StopFlag, may_extend: bool = False) -> LineRun:
    """Open the lines of a recipe, before anything is trained or written down in the folder.

    With `may_extend` more steps of what is finished there are taken as a wish to go on.
    Raises `CheckpointError` for a folder that began with other settings, and for initial weights and teachers that
    cannot be used; `DataError` for lines, `RecipeError` for networks; `Stopped` after a signal.
    """
    work = open_workplace(recipe, folder, stop, may_extend)
    if missing := unopened_starts(recipe) + unopened_teachers(recipe, folder):  # told before lines are rendered
        raise CheckpointError("\n".join(missing))
    with work.accelerator.main_process_first(), work.stopwatch.measure("lines"):
        pools = open_pools(recipe, folder, stop.raise_if_set)
    problems = problems_of_starts(recipe, pools.charset) + problems_of_teachers(recipe, pools.charset, folder)
    if problems := problems or too_wide_for_teachers(recipe, pools.parts, folder):
        raise CheckpointError("\n".join(problems))
    usable, too_long = usable_lines(recipe, pools, folder)
    pools = replace(pools, refused={**pools.refused, **too_long})
    return LineRun(folder, work.accelerator, work.stopwatch, stop, work.extensions, recipe, pools, usable)


def open_workplace(recipe: AnyRecipe, folder: Path, stop: StopFlag, may_extend: bool = False) -> Workplace:
    """Start what works in a run folder; raises as `open_run` does for one that cannot be written or began otherwise.

    With several processes `UserError` where they differ in recipe or versions, or do not share the folder.
    """
    make_writable(folder)
    extensions = extensions_of(recipe, folder) if may_extend else written_extensions(folder)
    if extensions.kept is None:
        refuse_changed(recipe, folder)
    accelerator = start(recipe.runtime, folder)
    if accelerator.num_processes > 1:
        versions = {"commit": commit() or students.__version__, "torch": torch.__version__}
        expect_alike({**recipe.model_dump(mode="json", exclude={"runtime"}), "version": versions}, accelerator)
        cache = recipe.runtime.cache_root
        expect_shared([folder, *([expanded(cache)] if cache else [])], accelerator)
    if recipe.runtime.workers:
        ready_workers()
    if accelerator.is_main_process:
        remove_abandoned(folder)
    stopwatch = Stopwatch(folder / "timing.json", writes=accelerator.is_main_process)
    return Workplace(folder, accelerator, stopwatch, stop, extensions)


def make_writable(folder: Path, option: str = "--run") -> None:
    """Make a folder where it is missing; raises `DataError` that says which option names another where it cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, "no permission")
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"folder {folder}: cannot be written: {reason}; choose another {option}") from error


def write_down(run: LineRun, jobs: Sequence[Job[Any]]) -> None:
    """Write down what this run is made of, once it is certain that the folder holds nothing else."""
    finished_files = finished_teachers(run.recipe, run.folder)
    record(run, run.recipe, jobs, run.pools.summary(), finished_files)
    if run.accelerator.is_main_process:
        say_refused(run.pools.refused, "line", run.folder)
        _say_read_back_otherwise(run.pools, run.folder)


def record(
    work: Workplace,
    recipe: AnyRecipe,
    jobs: Sequence[Job[Any]],
    summary: Mapping[str, Any],
    finished_files: Sequence[Mapping[str, str]],
) -> None:
    """Write recipe, environment and the `summary` of the data, once no job finds its folder to be another's.

    `finished_files` are the models of other runs that teach. Raises `CheckpointError`, with the keys that differ, where
    one does.
    """
    for job in jobs:
        finished_here(job, recipe, work.folder)
    work.accelerator.wait_for_everyone()
    if work.accelerator.is_main_process:
        keep_earlier(work.folder, work.extensions)
        write_whole(work.folder / RECIPE_NAME, resolved_yaml(recipe).encode())
        known = environment(work.accelerator) | {"recipe": digest_of(recipe)}
        if finished_files:
            known["finished_teachers"] = list(finished_files)
        write_json(work.folder / ENVIRONMENT_NAME, known)
        write_json(work.folder / "data.json", summary)
    work.accelerator.wait_for_everyone()
    if recipe.runtime.tracker != "none":
        work.accelerator.init_trackers(recipe.name)


def train_all(work: Workplace, jobs: Sequence[Job[Any]]) -> Path:
    """Train one network through its stages and return the last model file."""
    for job in jobs:
        path = train(job, work.accelerator, work.stop, work.stopwatch)
    return path


def say_refused(refused: Mapping[str, Sequence[Refusal]], what: str, folder: Path) -> None:
    """Say of each part how many of `what`, lines or pages, cannot be used, and why the first."""
    for part, refusals in refused.items():
        if refusals:
            say(
                f"{part}: {counted(len(refusals), what)} cannot be used, the first: {refusals[0].reason}; "
                f"all stand in {folder / 'data.json'}"
            )


def _say_read_back_otherwise(pools: Pools, folder: Path) -> None:
    if pools.charset.order == "visual":
        for part, lines in pools.read_back_otherwise.items():
            if lines:
                key, text = next(iter(lines.items()))
                say(
                    f"{part}: {counted(len(lines), 'label')} will be read as another "
                    f"text that is drawn alike, such as {key} as "
                    f"{text!r}; all stand in {folder / 'data.json'}"
                )
