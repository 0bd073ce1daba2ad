"""Two processes: both come up, and together they do what one does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import safetensors.torch

from distill.track import read_metrics

WATCHED = {"blank_share", "kl_blank", "kl_character", "spike_offset", "teacher_entropy", "teacher_wrong"}


def tiny(role: str) -> list[str]:
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


def train(role: str, n_processes: int, cache: Path, run: Path, *more: str) -> None:
    launcher = (
        ["-m", "torch.distributed.run", "--nproc_per_node", str(n_processes), "-m", "--"] if n_processes > 1 else ["-m"]
    )
    words = [
        sys.executable,
        *launcher,
        "distill",
        role,
        "smoke",
        f"runtime.cache_root={cache}",
        *tiny(role),
        *more,
        "runtime.threads=1",
        "--run",
        str(run),
    ]
    result = subprocess.run(
        words, capture_output=True, text=True, check=False, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    assert result.returncode == 0, result.stderr[-3000:]


def assert_alike(runs: Path, role: str) -> None:
    """Every figure of one process and of two, but for those watched on the first process's share alone; and weights."""
    one, two = (read_metrics(runs / n / role / "metrics.jsonl") for n in "12")
    assert len(one) == len(two) == 1 + 6 + 2
    for entry, other in zip(one, two, strict=True):
        assert entry.keys() == other.keys()
        for name in entry.keys() - WATCHED:
            assert entry[name] == pytest.approx(other[name], rel=1e-4), name
    weights = [safetensors.torch.load_file(runs / n / role / "model.safetensors") for n in "12"]
    assert weights[0].keys() == weights[1].keys()
    assert max((weights[0][name] - weights[1][name]).abs().max() for name in weights[0]) <= 1e-5


def test_two_processes_come_up_and_learn_what_one_learns(cache: Path, tmp_path: Path) -> None:
    for n in (1, 2):
        train("teacher", n, cache, tmp_path / str(n))
        assert json.loads((tmp_path / str(n) / "environment.json").read_text())["processes"] == n
    assert_alike(tmp_path, "teacher")


def test_two_processes_fill_a_cache_distil_from_it_and_test_as_one_does(finished_run: Path, tmp_path: Path) -> None:
    finished = [f"teacher.file={finished_run / 'teacher' / 'model.safetensors'}", "student.control=false"]
    for n in (1, 2):
        train("student", n, tmp_path / f"cache-{n}", tmp_path / str(n), *finished, "objective.cache.views=1")
    assert_alike(tmp_path, "student")
    caches = [{file.name for file in tmp_path.glob(f"cache-{n}/posteriors-*/*")} for n in "12"]
    assert caches[0] == caches[1] != set()
    reports = [json.loads((tmp_path / n / "report.json").read_text()) for n in "12"]
    for role in ("teacher", "student"):
        one, two = (report[role] for report in reports)
        assert one["n"] == two["n"] == 150
        assert one["exact"] == pytest.approx(two["exact"], abs=1.5 / 150)  # rounding may decide one line
