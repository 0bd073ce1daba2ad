"""Two processes under torchrun, one of which is killed: the other ends, and the run goes on as if nothing had been.

Collected by `make reliability` alone, which names this file.
"""

from __future__ import annotations

import math
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from distill import checkpoint
from tests.reliability.journeys import Journey, expect_equal
from tests.reliability.killed_rank import KILLED_AT
from tests.reliability.launcher import ROOT
from tests.reliability.trials import Trials

OfFigure = Callable[[str], Trials]
WITHIN_S = 60
STEPS = 2 * 18  # of two optimisers; of teacher, control and student together, as the journey has them


class Ended(NamedTuple):
    """How `torchrun` with two processes ended: its exit code, its words, and how long after the kill; NaN: none."""

    code: int
    said: str
    after_s: float


def launched(words: list[str], killed_at: str = "", restarts: int = 0) -> Ended:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    command += ["--max-restarts", str(restarts), "-m", "--", "tests.reliability.killed_rank", *words]
    more = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)} | ({KILLED_AT: killed_at} if killed_at else {})
    done = subprocess.run(command, cwd=ROOT, env=os.environ | more, capture_output=True, text=True, check=False)
    ended_s = time.time()
    struck = re.search(r"killed at ([\d.]+)", done.stderr)
    return Ended(done.returncode, done.stderr, ended_s - float(struck[1]) if struck else math.nan)


def run_in(journey: Journey, folder: Path) -> list[str]:
    """The first command of a journey, which trains."""
    return journey.words(folder)[0]


@pytest.fixture(scope="module")
def whole_of_two(journey: Journey, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of two processes that nobody killed."""
    folder = tmp_path_factory.mktemp("two")
    ended = launched(run_in(journey, folder))
    assert ended.code == 0, ended.said[-3000:]
    return folder


def moments(n: int) -> list[str]:
    """Random ranks, and steps at which they are killed."""
    rng = random.Random(0)
    return [f"{rng.randrange(2)}:{rng.randint(1, STEPS)}" for _ in range(n)]


def expect_intact(folder: Path) -> None:
    """The newest checkpoint of every network verifies, and no process works on the folder any more."""
    roots = list(folder.rglob("checkpoints"))
    assert roots
    for root in roots:
        assert checkpoint.newest(root) == max(root.glob("step-*")), root
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # a process may end meanwhile
            assert str(folder) not in entry.read_text(errors="replace"), f"{entry} is left"


def test_a_killed_process_ends_the_run_and_nothing_is_lost(
    journey: Journey, whole_of_two: Path, tmp_path: Path, trials_of: OfFigure
) -> None:
    trials = trials_of("killed-process")
    for number, moment in enumerate(moments(trials.n)):
        if not trials.in_time:
            break
        folder = tmp_path / str(number)
        words = run_in(journey, folder)
        with trials.one(f"process {moment[0]} of two"):
            ended = launched(words, moment)
            assert ended.code != 0
            assert ended.after_s <= WITHIN_S, moment
            expect_intact(folder)
            again = launched(words)
            assert again.code == 0, again.said[-2000:]
            expect_equal(whole_of_two, folder)


def test_the_launcher_starts_both_again_and_the_run_goes_on(
    journey: Journey, whole_of_two: Path, tmp_path: Path, trials_of: OfFigure
) -> None:
    trials = trials_of("restarted")
    for number, moment in enumerate(moments(trials.n)):
        if not trials.in_time:
            break
        folder = tmp_path / str(number)
        with trials.one(f"process {moment[0]} of two"):
            ended = launched(run_in(journey, folder), moment, restarts=1)
            assert ended.code == 0, ended.said[-2000:]
            assert not math.isnan(ended.after_s), f"{moment}: nothing was killed"
            expect_equal(whole_of_two, folder)
