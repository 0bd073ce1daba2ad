"""Two processes: both come up, and together they do what one does; stopped, one goes on, and the other way round."""

from __future__ import annotations

import atexit
import io
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from functools import partial
from pathlib import Path

import pytest
import safetensors.torch
from torch.optim.optimizer import register_optimizer_step_pre_hook

from distill import checkpoint
from distill.cli import main
from distill.commands import STOPPED
from distill.track import read_metrics
from tests.two_processes import in_two_processes

WATCHED = {"blank_share", "kl_blank", "kl_character", "spike_offset", "teacher_entropy", "teacher_wrong"}


def tiny_at_small_rate(role: str) -> list[str]:
    """At a small rate: AdamW divides by the size of a gradient, and would make differences of rounding large."""
    training = {
        "steps": 6,
        "validate_every": 3,
        "checkpoint_every": 3,
        "log_every": 1,
        "ema_decay": 0,
        "optimiser": "adamw",
        "learning_rate": "1e-5",
    }
    return [*(f"{role}.training.{key}={value}" for key, value in training.items()), f"{role}.model.norm=group"]


def words(command: str, folder: Path, lines: list[str]) -> list[str]:
    """A run in a folder: a teacher that fills a cache of its own, and a student that learns from that."""
    of_roles = [*lines, *tiny_at_small_rate("teacher"), *tiny_at_small_rate("student"), "student.control=false"]
    more = [f"runtime.cache_root={folder / 'cache'}", "runtime.threads=1", "objective.cache.views=1"]
    return [command, "smoke", *of_roles, *more, "--run", str(folder / "run")]


@pytest.fixture(scope="module")
def runs(tiny: list[str], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The run of one process, this one, and that of two, which have a worker each."""
    return trained("run", tmp_path_factory.mktemp("processes"), tiny)


def trained(command: str, folder: Path, lines: list[str]) -> list[Path]:
    one, two = folder / "one", folder / "two"
    assert main(words(command, one, lines)) == 0
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m", "--", "distill"]
    started = [sys.executable, *launcher, *words(command, two, lines), "runtime.workers=1"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    result = subprocess.run(started, capture_output=True, text=True, check=False, env=environment)
    assert result.returncode == 0, result.stderr[-3000:]
    assert [word for word in ("FutureWarning", "reducer.cpp", "Traceback") if word in result.stderr] == []
    runs = [one / "run", two / "run"]
    assert [json.loads((run / "environment.json").read_text())["processes"] for run in runs] == [1, 2]
    return runs


def assert_alike(runs: list[Path], role: str) -> None:
    """Every figure of one process and of two, but for those watched on the first process's share alone; and weights."""
    one, two = (read_metrics(run / role / "metrics.jsonl") for run in runs)
    assert len(one) == len(two) == 1 + 6 + 2
    for entry, other in zip(one, two, strict=True):
        assert entry.keys() == other.keys()
        for name in entry.keys() - WATCHED:
            close = 1e-5 if name == "loss" else 1e-4
            assert entry[name] == pytest.approx(other[name], rel=close), name
    weights = [safetensors.torch.load_file(run / role / "model.safetensors") for run in runs]
    assert weights[0].keys() == weights[1].keys()
    assert max((weights[0][name] - weights[1][name]).abs().max() for name in weights[0]) <= 1e-5


def test_two_processes_come_up_learn_cache_distil_and_test_as_one_does(runs: list[Path]) -> None:
    for role in ("teacher", "student"):
        assert_alike(runs, role)
    caches = [{file.name for file in run.parent.glob("cache/posteriors-*/*")} for run in runs]
    assert caches[0] == caches[1] != set()
    reports = [json.loads((run / "report.json").read_text()) for run in runs]
    for role in ("teacher", "student"):
        alone, together = (report[role] for report in reports)
        assert alone["n"] == together["n"] == 24
        assert alone["exact"] == pytest.approx(together["exact"], abs=1.5 / 24)  # rounding may decide one line


@contextmanager
def asked_to_stop(steps: int | None, by: signal.Signals = signal.SIGTERM) -> Iterator[None]:
    """In its `steps`-th step from here on this process is asked to stop; None: never."""
    taken = itertools.count(1)

    def ask(*_: object) -> None:
        if next(taken) == steps:
            os.kill(os.getpid(), by)

    hook = register_optimizer_step_pre_hook(ask)
    try:
        yield
    finally:
        hook.remove()


def goes_on_with_two(words: list[str], stop: int | None, code: int, rank: int, _: Path) -> None:
    """The command in one of two processes, of which the first is asked to stop: both do, after the same step."""
    with asked_to_stop(stop if rank == 0 else None):
        assert main(words) == code


def test_stopped_with_two_processes_it_goes_on_with_one_and_back(
    runs: list[Path], tiny: list[str], tmp_path: Path
) -> None:
    typed = [*words("teacher", runs[0].parent, tiny)[:-1], str(tmp_path / "run")]
    in_two_processes(partial(goes_on_with_two, typed, 1, STOPPED), tmp_path / "first")
    with asked_to_stop(2):
        assert main(typed) == STOPPED
    in_two_processes(partial(goes_on_with_two, typed, None, 0), tmp_path / "last")
    assert_alike([runs[0], tmp_path / "run"], "teacher")


def outlives_the_other(typed: list[str], rank: int, _: Path) -> None:
    """The command in one of two processes, of which the second is killed in step 5: the first says so, and ends."""
    with asked_to_stop(5 if rank else None, signal.SIGKILL), redirect_stderr(io.StringIO()) as heard:
        assert main(typed) == 2
    assert "another process of this run has ended" in heard.getvalue()
    atexit._run_exitfuncs()  # as at the end of a command; a process that was forked has none


def test_a_killed_process_takes_the_other_with_it_and_no_checkpoint(
    runs: list[Path], tiny: list[str], tmp_path: Path
) -> None:
    typed = [*words("teacher", runs[0].parent, tiny)[:-1], str(tmp_path / "run")]
    in_two_processes(partial(outlives_the_other, typed), tmp_path / "killed", codes=(2, -signal.SIGKILL))
    saved = checkpoint.newest(tmp_path / "run" / "teacher" / "checkpoints")
    assert saved is not None
    assert saved.name == "step-00000003"
    assert main(typed) == 0
    assert_alike([runs[0], tmp_path / "run"], "teacher")


def are_refused(typed: list[str], rank: int, _: Path) -> None:
    """Commands in one of two processes: what each of them says."""
    for changed, said in (
        (f"seed={rank}", "process 1 has another seed than process 0: 1, not 0"),
        ("teacher.training.batch_lines=1", "teacher: batch_lines is 1, which 2 processes cannot share"),
    ):
        with redirect_stderr(io.StringIO()) as heard:
            assert main([*typed, changed]) == 2
        assert said in heard.getvalue()


def test_processes_that_do_not_fit_together_are_refused(runs: list[Path], tiny: list[str], tmp_path: Path) -> None:
    typed = [*words("teacher", runs[0].parent, tiny)[:-1], str(tmp_path / "run")]
    in_two_processes(partial(are_refused, typed), tmp_path / "refused")
    assert not (tmp_path / "run" / "teacher").exists()
