"""A run whose teachers are named: they are found, copied, and stand in its record with their digests."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from distill.cli import main
from distill.recipe.file import load_recipe
from distill.runs.opening import open_run, write_down
from distill.runs.teachers import finished_teacher
from distill.runtime import StopFlag
from teachers.shipped import IN_CHECKOUT

NAMED = ("teacher.file=receipts", "objective.more_teachers=[scene]")


def test_named_teachers_teach_and_stand_in_the_record(few_lines: list[str], tmp_path: Path) -> None:
    run = open_run(load_recipe("smoke", [*NAMED, *few_lines]), tmp_path, StopFlag())
    assert len(finished_teacher(run).members) == 2
    write_down(run, [])
    copied = (tmp_path / "teacher" / "model.safetensors").read_bytes()
    digests = {}
    for name in ("receipts", "scene"):
        digests[name] = hashlib.sha256((IN_CHECKOUT / f"{name}.safetensors").read_bytes()).hexdigest()
    assert hashlib.sha256(copied).hexdigest() == digests["receipts"]
    assert json.loads((tmp_path / "environment.json").read_text())["finished_teachers"] == [
        {"key": "teacher.file", "file": "receipts", "sha256": digests["receipts"]},
        {"key": "objective.more_teachers", "file": "scene", "sha256": digests["scene"]},
    ]


def test_a_check_names_the_teachers_there_are(
    few_lines: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [*few_lines, "teacher.file=receipt", "--run", str(tmp_path), "--suspicious", "0"]
    assert main(["check", "smoke", *asked]) == 1
    assert "no shipped teacher; there are receipts, scene, students/NAME" in " ".join(capsys.readouterr().out.split())
