"""Interruptions that take long: pages, adopted teachers, random moments, half-written files, signals, a full disk.

Collected by `make reliability` alone, which names this file.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.adopted import write_adopted
from tests.reliability.journeys import (
    LONGER,
    Journey,
    all_over,
    expect_equal,
    killed_at_random,
    on_lines,
    on_pages,
    phases_of,
    struck,
    undisturbed,
)
from tests.reliability.launcher import Launcher
from tests.reliability.trials import Trials

KILLED = (-9, 0)
ROLES = ("teacher", "control", "student")
PHASES_OF_PAGES = {  # that a run on pages goes through
    *("rendering", "evaluation", "report", "run folder"),
    *(f"{what} of the {role}" for role in ROLES for what in ("training", "checkpoint", "validation", "model file")),
}
OfFigure = Callable[[str], Trials]


def at_every_barrier(
    launcher: Launcher, journey: Journey, folder: Path, trials: Trials, phases: set[str] | None = None
) -> None:
    whole = undisturbed(launcher, journey, folder / "whole")
    assert phases is None or phases_of(whole) == phases
    plan = all_over(whole, folder / "struck", "kill", trials.n)
    seen = struck(launcher, journey, folder / "struck", plan, trials, KILLED)
    assert seen.keys() == phases_of(whole)
    expect_equal(whole, folder / "struck" / "work")


def test_killed_at_every_barrier_of_a_run_on_pages(launcher: Launcher, tmp_path: Path, trials_of: OfFigure) -> None:
    at_every_barrier(launcher, on_pages(tmp_path / "inputs"), tmp_path, trials_of("kill-pages"), PHASES_OF_PAGES)


def test_killed_at_every_barrier_of_a_run_with_an_adopted_teacher(
    launcher: Launcher, tmp_path: Path, trials_of: OfFigure
) -> None:
    adopted = write_adopted(tmp_path / "adopted.onnx")
    on_adopted = on_lines(tmp_path / "inputs", f"teacher.file={adopted}", "student.control=false")
    at_every_barrier(launcher, on_adopted, tmp_path, trials_of("kill-adopted"))


def test_killed_at_random_moments(launcher: Launcher, tmp_path: Path, trials_of: OfFigure) -> None:
    trials, rng = trials_of("kill-random"), random.Random(0)
    fed = on_lines(tmp_path / "inputs", *LONGER, "runtime.workers=1")
    whole = undisturbed(launcher, fed, tmp_path / "whole", isolated=False)  # a worker unpickles what it is sent
    for number in range(trials.n):
        killed_at_random(launcher, fed, whole, tmp_path / str(number), trials, rng)
        expect_equal(whole, tmp_path / str(number) / "work")
        if trials.total >= trials.n or not trials.in_time:
            break


def test_killed_where_a_file_is_half_written(
    launcher: Launcher, journey: Journey, whole: Path, tmp_path: Path, trials_of: OfFigure
) -> None:
    trials = trials_of("torn")
    struck(launcher, journey, tmp_path, all_over(whole, tmp_path, "torn", trials.n), trials, KILLED)
    expect_equal(whole, tmp_path / "work")


@pytest.mark.parametrize("signal", ["SIGTERM", "SIGINT"])
def test_asked_to_stop(
    signal: str, launcher: Launcher, journey: Journey, whole: Path, tmp_path: Path, trials_of: OfFigure
) -> None:
    trials = trials_of("signals")
    run = Journey(journey.commands[:1])  # an export and an import end at once, as other commands do
    struck(launcher, run, tmp_path, all_over(whole, tmp_path, signal, trials.n), trials, (75, 0))
    expect_equal(whole / "run", tmp_path / "work" / "run")


@pytest.mark.parametrize("how", ["full", "readonly"])
def test_a_disk_that_refuses(
    how: str, launcher: Launcher, journey: Journey, whole: Path, tmp_path: Path, trials_of: OfFigure
) -> None:
    trials = trials_of("full-disk")
    struck(launcher, journey, tmp_path, all_over(whole, tmp_path, how, trials.n), trials, (2,))
    expect_equal(whole, tmp_path / "work")
