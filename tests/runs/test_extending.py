"""More steps of a finished run: it goes on, what was there is kept, and what rests on a longer teacher is done anew."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from distill.cli import main
from distill.runs import opening
from students.model_file import read_description
from tests.runs.test_interruption import contents


def steps_of(run: Path) -> dict[str, int]:
    roles = ("teacher", "control", "student")
    return {role: read_description(run / role / "model.safetensors").training["steps"] for role in roles}


def extended(run: Path, *overrides: str) -> int:
    return main(["run", str(run), *overrides])


def test_a_tiny_run_goes_on_and_then_its_teacher(
    tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run, before = shutil.copytree(tiny_run, tmp_path / "run"), contents(tiny_run)
    assert extended(run, "student.training.steps=20", "student.training.learning_rate=0.01") == 0
    assert contents(run / "earlier" / "1") == before
    assert steps_of(run) == {"teacher": 16, "control": 20, "student": 20}
    report = json.loads((run / "report.json").read_text())
    assert report["extended"] == {r: {"at": 16, "from": "earlier/1", "steps": 20} for r in ("control", "student")}
    assert report["gain"] is not None
    assert "went on from its 16 steps to 20" in (run / "report.md").read_text()
    once = contents(run)
    assert extended(run) == 0
    assert contents(run) == once

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    other = shutil.copytree(tiny_run, tmp_path / "other")
    monkeypatch.setattr(opening, "write_whole", dies)
    assert extended(other, "student.training.steps=20", "student.training.learning_rate=0.01") == 130
    monkeypatch.undo()
    assert extended(other, "student.training.steps=20", "student.training.learning_rate=0.01") == 0
    assert contents(other) == once

    monkeypatch.setattr(opening, "write_whole", dies)
    assert extended(run, "teacher.training.steps=18") == 130  # what goes on is written down, and the recipe is not yet
    monkeypatch.undo()
    assert set(json.loads((run / "extended.json").read_text())["anew"]) == {"control", "student"}
    assert extended(run, "teacher.training.steps=18") == 0
    assert steps_of(run) == {"teacher": 18, "control": 20, "student": 20}
    assert contents(run / "earlier" / "2").keys() >= {"report.json", "extended.json", "student/model.safetensors"}
    assert contents(run / "earlier" / "1") == before
    assert list(json.loads((run / "report.json").read_text())["extended"]) == ["teacher"]
    assert "extended" not in read_description(run / "control" / "model.safetensors").training  # it keeps to the student
    assert "teacher goes on" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("spoil", "override", "problem"),
    [
        ("control/model.safetensors", "student.training.steps=20", "has not taken all of its steps yet"),
        ("student/checkpoints", "student.training.steps=20", "its last checkpoint is gone"),
        (None, "student.training.steps=9", "student.training.steps: 16 then, 9 now"),
        (None, "student.training.ema_decay=0.5", "student.training.ema_decay: 0.9 then, 0.5 now"),
    ],
)
def test_what_cannot_go_on_is_said_and_nothing_is_changed(
    tiny_run: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    spoil: str | None,
    override: str,
    problem: str,
) -> None:
    run = shutil.copytree(tiny_run, tmp_path / "run")
    if spoil:
        shutil.rmtree(run / spoil) if (run / spoil).is_dir() else (run / spoil).unlink()
    before = contents(run)
    assert extended(run, override) == 2
    assert problem in capsys.readouterr().err
    assert contents(run) == before


def test_other_lines_do_not_go_on(tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = shutil.copytree(tiny_run, tmp_path / "run")
    assert extended(run, "student.training.steps=20", "data.train.0.lines=80") == 2
    assert "data.train.0.lines: 96 then, 80 now" in capsys.readouterr().err
    assert not (run / "earlier").exists()
