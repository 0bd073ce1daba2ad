"""Killed once in every phase, a run ends with the bytes of one that nobody killed: what `make test` takes of it."""

from __future__ import annotations

from pathlib import Path

from tests.reliability.journeys import Journey, expect_equal, plan_for, struck
from tests.reliability.launcher import Launcher
from tests.reliability.trials import Trials

LEAST = 10


def test_killed_once_in_every_phase_a_run_ends_as_one_that_was_not(
    tiny_run: Path, tiny: list[str], tmp_path: Path
) -> None:
    journey = Journey((("run", "smoke", *tiny, "--run", "{folder}"),))
    launcher = Launcher(tmp_path / "said.txt")
    try:
        trials = Trials("kill-lines", LEAST, long=False)
        kills = struck(launcher, journey, tmp_path, plan_for(tmp_path, what="kill"), trials, (-9, 0))
    finally:
        launcher.close()
    assert kills.total() >= LEAST
    expect_equal(tiny_run, tmp_path / "work")
