"""A long training holds no more memory and no more open files at its end than soon after its beginning.

Collected by `make reliability` alone, which names this file.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from torch.optim.optimizer import register_optimizer_step_post_hook

from distill.cli import main
from tests.benchmarks.memory import processes, resident_mb
from tests.reliability.trials import Trials
from tests.small_run import FEW

SAMPLES = 100
ASKED_TO_STOP = 75
SETTLED = 6  # samples until both checkpoints hold the best weights, too
MOST_OPEN = 16  # more than until then: a worker's batches on their way, one a tensor
MOST_MB = 16.0  # more than after the first fifth: what allocators keep moves by some
TINY = (
    *("teacher.model.channels=[8,8,8,8]", "teacher.model.hidden=16", "teacher.training.batch_lines=4"),
    *("teacher.training.learning_rate=0.005", "teacher.training.ema_decay=0.99", "runtime.workers=1"),
)


class Held(NamedTuple):
    """What all processes of a run hold at a step, and its folder."""

    step: int
    memory_mb: float
    open_files: int
    files: int
    checkpoint_bytes: int


@contextmanager
def watched(run: Path, every: int, trials: Trials) -> Iterator[list[Held]]:
    """What is held after every so many steps of the training; filled while the block runs.

    The run is asked to stop when the time of the trials is over.
    """
    seen: list[Held] = []
    step = 0
    first: object = None

    def after_step(optimiser: object, *_: object) -> None:
        nonlocal step, first
        first = first or optimiser  # a training has several, each of which takes every step
        step += optimiser is first
        if step % every == 0 and optimiser is first:
            seen.append(held(run, step))
            if not trials.in_time:
                os.kill(os.getpid(), signal.SIGTERM)

    hook = register_optimizer_step_post_hook(after_step)
    try:
        yield seen
    finally:
        hook.remove()


def held(run: Path, step: int) -> Held:
    """What is held now."""
    open_files = sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in processes())
    files = [path for path in run.rglob("*") if path.is_file()]
    checkpoints = sum(path.stat().st_size for path in files if "checkpoints" in path.parts)
    return Held(step, resident_mb(), open_files, len(files), checkpoints)


def test_memory_files_and_folder_stay_level(tmp_path: Path, trials_of: Callable[[str], Trials]) -> None:
    trials, run = trials_of("long-haul"), tmp_path / "run"
    every = max(1, trials.n // SAMPLES)
    settings = {"steps": trials.n, "validate_every": every * 2, "checkpoint_every": every * 2, "log_every": every}
    words = [f"teacher.training.{key}={value}" for key, value in settings.items()]
    with watched(run, every, trials) as seen:
        code = main(["teacher", "smoke", *FEW, *TINY, *words, "--run", str(run)])
    assert code in (0, ASKED_TO_STOP)  # the note says how many steps were taken
    assert len(seen) == trials.n // every or code
    settled = max(len(seen) // 5, SETTLED)
    early, late = seen[:settled], seen[settled:]
    assert late, f"{len(seen)} samples are too few to compare"
    most = Held(*(max(column) for column in zip(*early, strict=True)))
    for now in late:
        with trials.one("memory"):
            assert now.memory_mb <= most.memory_mb + MOST_MB, f"{now} against {most}"
        with trials.one("open files"):
            assert now.open_files <= most.open_files + MOST_OPEN, f"{now} against {most}"
        with trials.one("files of the run folder"):
            assert now.files <= most.files, f"{now} against {most}"
        with trials.one("bytes of checkpoints"):
            assert now.checkpoint_bytes <= most.checkpoint_bytes * 1.01, f"{now} against {most}"
    slope = np.polyfit([now.step for now in late], [now.memory_mb for now in late], 1)[0] * 1000
    trials.note(
        f"{seen[-1].step:,} steps of 4 lines, with a worker: {late[0].memory_mb:,.1f} MB in all processes after step "
        f"{late[0].step:,}, {late[-1].memory_mb:,.1f} MB at the end, {slope:+.2f} MB a thousand steps; "
        f"{late[-1].open_files} open files, {late[-1].files} files in the run folder, of checkpoints "
        f"{late[-1].checkpoint_bytes / 1e6:.2f} MB."
    )
