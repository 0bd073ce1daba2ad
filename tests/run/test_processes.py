"""Two processes: both come up, and together they do what one does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import safetensors.torch
import torch

from distill.track import read_metrics

TINY = [
    "teacher.training.steps=6", "teacher.training.validate_every=3", "teacher.training.checkpoint_every=3",
    "teacher.training.log_every=1", "teacher.model.norm=group", "teacher.training.ema_decay=0",
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
    for n in (1, 2):
        train(n, cache, tmp_path / str(n))
        assert json.loads((tmp_path / str(n) / "environment.json").read_text())["processes"] == n
    one, two = (read_metrics(tmp_path / n / "teacher" / "metrics.jsonl") for n in "12")
    assert len(one) == len(two) == 1 + 6 + 2
    losses = [[entry["loss"] for entry in entries if "loss" in entry] for entries in (one, two)]
    assert torch.allclose(*map(torch.tensor, losses), rtol=1e-3), losses
    first = torch.tensor([entries[1]["gradient_norm"] for entries in (one, two)])
    assert torch.allclose(first[0], first[1], rtol=1e-4)
    weights = [safetensors.torch.load_file(tmp_path / n / "teacher" / "model.safetensors") for n in "12"]
    assert weights[0].keys() == weights[1].keys()
