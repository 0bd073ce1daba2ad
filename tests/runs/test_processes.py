"""Two processes: both come up, and together they do what one does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import safetensors.torch

from distill.cli import main
from distill.track import read_metrics

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


def trained(command: str, folder: Path, lines: list[str]) -> list[Path]:
    """The run of one process, this one, and that of two, which have a worker each."""
    one, two = folder / "one", folder / "two"
    assert main(words(command, one, lines)) == 0
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m", "--", "distill"]
    started = [sys.executable, *launcher, *words(command, two, lines), "runtime.workers=1"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    result = subprocess.run(started, capture_output=True, text=True, check=False, env=environment)
    assert result.returncode == 0, result.stderr[-3000:]
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
            assert entry[name] == pytest.approx(other[name], rel=1e-4), name
    weights = [safetensors.torch.load_file(run / role / "model.safetensors") for run in runs]
    assert weights[0].keys() == weights[1].keys()
    assert max((weights[0][name] - weights[1][name]).abs().max() for name in weights[0]) <= 1e-5


def test_two_processes_come_up_learn_cache_distil_and_test_as_one_does(tiny: list[str], tmp_path: Path) -> None:
    runs = trained("run", tmp_path, tiny)
    for role in ("teacher", "student"):
        assert_alike(runs, role)
    caches = [{file.name for file in (tmp_path / name).glob("cache/posteriors-*/*")} for name in ("one", "two")]
    assert caches[0] == caches[1] != set()
    reports = [json.loads((run / "report.json").read_text()) for run in runs]
    for role in ("teacher", "student"):
        alone, together = (report[role] for report in reports)
        assert alone["n"] == together["n"] == 24
        assert alone["exact"] == pytest.approx(together["exact"], abs=1.5 / 24)  # rounding may decide one line
