"""Runs of tests that look at what was trained and not at the report, which takes as long as so short a training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from distill.recipe.file import load_line_recipe
from distill.runs.lines import train_pair
from distill.runs.opening import open_run
from distill.runtime import StopFlag


def trained(settings: Sequence[str], run: Path) -> Path:
    """Train the students of a smoke recipe with these settings as `distill student` does; the student's model file."""
    return train_pair(open_run(load_line_recipe("smoke", settings), run, StopFlag()))
