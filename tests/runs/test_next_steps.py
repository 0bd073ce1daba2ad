"""A fault planted in a real run: a teacher that reads nothing beside a student that began with finished weights."""

from __future__ import annotations

import json
from pathlib import Path

from distill.cli import main

STUDENT = ["student.model={kind: recurrent, size: medium}", "student.init=scene-small"]
STEPS = {"steps": 2, "learning_rate": 1e-6, "ema_decay": 0.01, "validate_every": 2, "log_every": 2, "batch_lines": 8}
LINES = [
    f"data.{part}.lines={n}" for part, n in {"train.0": 40, "train.1": 8, "validation.0": 40, "test.0": 40}.items()
]


def test_a_teacher_that_reads_nothing_is_what_to_try_first(
    tiny_run: Path, few_lines: list[str], tmp_path: Path
) -> None:
    training = [f"student.training.{key}={value}" for key, value in STEPS.items()]
    teacher = f"teacher.file={tiny_run / 'teacher' / 'model.safetensors'}"
    words = ["student", "smoke", teacher, *STUDENT, *training, *few_lines, *LINES]
    assert main([*words, "--run", str(tmp_path)]) == 0
    report = json.loads((tmp_path / "report.json").read_text())
    first = report["next"][0]
    assert first["what"] == "teacher"
    assert first["points"] > 0.5
    assert "The teacher reads 0.0% of the test lines and the student alone" in first["evidence"]
    assert report["fit"]["teacher"]["validation"] == {"exact": 0.0, "n": 40}
    assert "1. **Get a better teacher (up to " in (tmp_path / "report.md").read_text()
