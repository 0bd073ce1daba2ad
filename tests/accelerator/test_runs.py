"""Whole trainings on an accelerator: killed and resumed, and by two processes."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
import torch

import teachers
from distill.cli import main
from distill.track import read_metrics
from tests.runs.test_interruption import signalled
from tests.runs.test_processes import assert_alike, trained

pytestmark = pytest.mark.accelerator


def test_a_killed_training_goes_on_from_its_checkpoint(device: torch.device, tmp_path: Path) -> None:
    """The bytes may differ from those of a whole run: kernels of an accelerator add in any order."""
    run, cache = tmp_path / "run", tmp_path / "cache"
    words = ["teacher", "smoke", f"runtime.cache_root={cache}", "--run", str(run)]
    assert signalled(signal.SIGKILL, "teacher", 20, words) == -signal.SIGKILL
    begun = len(read_metrics(run / "teacher" / "metrics.jsonl"))
    assert main(words) == 0
    assert json.loads((run / "environment.json").read_text())["device"].startswith(device.type)
    entries = read_metrics(run / "teacher" / "metrics.jsonl")
    assert len(entries) > begun
    assert [entry["step"] for entry in entries if "loss" in entry] == [10, 20, 30, 40, 50, 60]
    losses = [entry["loss"] for entry in entries if "loss" in entry]
    assert losses[-1] < losses[0]
    assert teachers.load(run / "teacher").description.kind == "teacher"


def test_two_processes_learn_what_one_learns(device: torch.device, tmp_path: Path) -> None:
    """With NCCL where there are two devices, else both on one."""
    runs = trained("teacher", tmp_path, [])
    for run in runs:
        assert json.loads((run / "environment.json").read_text())["device"].startswith(device.type)
    assert_alike(runs, "teacher")
