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

TINY = [
    "teacher.training.steps=6", "teacher.training.validate_every=3", "teacher.training.checkpoint_every=3",
    "teacher.training.log_every=1", "teacher.training.ema_decay=0", "teacher.training.optimiser=adamw",
    "teacher.training.learning_rate=1e-5", "teacher.model.norm=group",
]  # fmt: skip


def train(n_processes: int, cache: Path, run: Path) -> None:
    launcher = (
        ["-m", "torch.distributed.run", "--nproc_per_node", str(n_processes), "-m", "--"] if n_processes > 1 else ["-m"]
    )
    words = [sys.executable, *launcher, "distill", "teacher", "smoke", f"runtime.cache_root={cache}", *TINY,
             "runtime.threads=1", "--run", str(run)]  # fmt: skip
    result = subprocess.run(
        words, capture_output=True, text=True, check=False, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    assert result.returncode == 0, result.stderr[-3000:]


def test_two_processes_come_up_and_learn_what_one_learns(cache: Path, tmp_path: Path) -> None:
    """At a small rate: AdamW divides by the size of a gradient, and would make differences of rounding large."""
    for n in (1, 2):
        train(n, cache, tmp_path / str(n))
        assert json.loads((tmp_path / str(n) / "environment.json").read_text())["processes"] == n
    one, two = (read_metrics(tmp_path / n / "teacher" / "metrics.jsonl") for n in "12")
    assert len(one) == len(two) == 1 + 6 + 2
    for entry, other in zip(one, two, strict=True):
        assert entry.keys() == other.keys()
        for name in entry.keys() - {"blank_share"}:  # watched on the first process's share alone
            assert entry[name] == pytest.approx(other[name], rel=1e-4), name
    weights = [safetensors.torch.load_file(tmp_path / n / "teacher" / "model.safetensors") for n in "12"]
    assert weights[0].keys() == weights[1].keys()
    assert max((weights[0][name] - weights[1][name]).abs().max() for name in weights[0]) <= 1e-5
