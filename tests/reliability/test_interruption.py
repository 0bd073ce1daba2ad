"""Killed in every phase, a piece of work ends with the bytes of one that nobody killed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.reliability.durability import renamed_before_flushed
from tests.reliability.journeys import SHORT, Journey, all_over, expect_equal, plan_for, struck
from tests.reliability.launcher import Launcher
from tests.reliability.test_isolation import REFUSED
from tests.reliability.traced import traced
from tests.reliability.trials import Trials
from tests.small_run import FEW, TINY

pytestmark = pytest.mark.long  # twenty starts; in `make test`, tests/runs/test_killed.py stands for it
KILLED = (-9, 0)
PHASES = {  # that a run on lines, with export and import, goes through
    *("rendering", "posterior cache", "evaluation", "report", "export", "import", "run folder"),
    *(f"training of the {role}" for role in ("teacher", "control", "student")),
    *(f"checkpoint of the {role}" for role in ("teacher", "control", "student")),
    *(f"validation of the {role}" for role in ("teacher", "control", "student")),
    *(f"model file of the {role}" for role in ("teacher", "control", "student")),
}


def test_killed_in_every_phase(
    launcher: Launcher, journey: Journey, whole: Path, tmp_path: Path, trials_of: Callable[[str], Trials]
) -> None:
    trials = trials_of("kill-lines")
    plan = all_over(whole, tmp_path, "kill", trials.n)
    seen = struck(launcher, journey, tmp_path, plan, trials, KILLED)
    assert seen.keys() == PHASES
    expect_equal(whole, tmp_path / "work")


def test_every_file_is_on_disk_before_it_has_its_name(whole: Path, trials_of: Callable[[str], Trials]) -> None:
    trials = trials_of("fsync")
    log = (whole.parent / "log.txt").read_text().splitlines()
    found = renamed_before_flushed(log)
    assert len(found) > 20
    for what, problem in found:
        with trials.one(what):
            assert not problem, problem


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_the_kernel_saw_every_file_on_disk_before_it_had_its_name(
    journey: Journey, tmp_path: Path, trials_of: Callable[[str], Trials]
) -> None:
    """The same by strace, which sees what other libraries write, too."""
    trials, work = trials_of("fsync"), tmp_path / "work"
    log = traced(journey.words(work), work, tmp_path / "traces")
    found = renamed_before_flushed(log)
    names = {name for line in log for name in ("model.onnx", "lines.parquet", "weights.safetensors") if name in line}
    assert len(found) > 20
    assert len(names) == 3
    for what, problem in found:
        with trials.one(what):
            assert not problem, problem


def test_nothing_is_unpickled_and_nothing_leaves_the_machine(
    launcher: Launcher, whole: Path, tmp_path: Path, trials_of: Callable[[str], Trials]
) -> None:
    """The undisturbed run was made so."""
    trials = trials_of("isolation")
    with trials.one("run, export and import of lines"):
        assert (whole / "run" / "report.json").is_file()
        assert (whole / "export" / "model.onnx").is_file()
    runs = {
        "smoke as it is shipped": ("smoke",),
        "quick with few lines and steps": ("quick", "teacher.allow_weak=true", *TINY, *SHORT, *FEW),
    }
    for name, settings in runs.items():
        with trials.one(name):
            run = tmp_path / settings[0]
            words = ["run", *settings, "runtime.workers=0", "--run", str(run / "work")]
            ended = launcher.run(words, plan_for(run, isolated=True))
            assert ended.code == 0, ended.said[-2000:]
            assert (run / "work" / "report.json").is_file()
    for code in REFUSED:
        with trials.one("what it refuses"):
            ended = launcher.run(["-c", code], plan_for(tmp_path / "refused", isolated=True))
            assert "RuntimeError" in ended.said
