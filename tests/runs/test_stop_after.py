"""`--stop-after`: trainings end early and are reported; without it the same folder ends as if nothing had been."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from distill.cli import main
from distill.runs.limited import KEPT, seconds_for
from distill.runtime import StopFlag
from distill.training.early import Early
from students.errors import UserError
from students.model_file import read_description
from tests.runs.test_interruption import contents


class Counting(Early):
    """Takes six calls for its time, whatever the clock says."""

    calls = 0

    def _is_time(self, accelerator: Any) -> bool:
        del accelerator
        self.calls += 1
        return self.seconds < math.inf and self.calls >= 6


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distill.runs.limited.Early", Counting)


def test_a_run_that_ended_early_is_reported_and_goes_on_to_equal_bytes(
    tiny_run: Path, tiny: list[str], tmp_path: Path, counted: None, capsys: pytest.CaptureFixture[str]
) -> None:
    del counted
    run = tmp_path / "run"
    assert main(["run", "smoke", *tiny, "--run", str(run), "--stop-after", "1h"]) == 0
    assert "Stopped early: the teacher took 8 of its 16 steps" in capsys.readouterr().out
    report = json.loads((run / "report.json").read_text())
    assert report["stopped"] == {role: {"steps": 8, "of": 16} for role in ("teacher", "control", "student")}
    assert report["gain"] is not None
    assert "Stopped early: the distilled student took 8 of its 16 steps" in (run / "report.md").read_text()
    records = {role: read_description(run / role / "model.safetensors").training for role in report["stopped"]}
    assert {role: record["steps"] for role, record in records.items()} == dict.fromkeys(records, 8)
    assert "provisional" in records["student"]
    assert "provisional" not in records["control"]  # no teacher stands behind it

    assert main(["student", "smoke", *tiny, "--run", str(run)]) == 2
    assert "the teacher ended early, after 8 of 16 steps" in capsys.readouterr().err
    assert main(["run", "smoke", *tiny, "--run", str(run)]) == 0
    whole, gone_on = contents(tiny_run), contents(run)
    assert whole.keys() == gone_on.keys()
    assert [name for name in whole if whole[name] != gone_on[name]] == []


def test_a_finished_control_is_not_compared_with_a_student_of_fewer_steps(
    tiny_run: Path, tiny: list[str], tmp_path: Path, counted: None
) -> None:
    del counted
    run = tmp_path / "run"
    for name in ("recipe.yaml", "teacher", "control"):
        (run / name).parent.mkdir(exist_ok=True)
        (run / name).symlink_to(tiny_run / name)
    (run / "recipe.yaml").unlink()
    assert main(["student", "smoke", *tiny, "--run", str(run), "--stop-after", "1h"]) == 0
    report = json.loads((run / "report.json").read_text())
    assert (report["control"], report["verdict"]) == (None, "unproven")
    assert "the control took 16 steps and the student 8" in (run / "report.md").read_text()


def test_no_time_at_all_is_refused_with_what_would_do(tiny: list[str], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the time was over 5 s before the teacher could begin"):
        seconds_for(SimpleNamespace(left_s=-5.0), 0.5, "the teacher")
    assert seconds_for(SimpleNamespace(left_s=100.0), 0.5, "the teacher") == pytest.approx(50 * (1 - KEPT))
    assert 0 < StopFlag(1e6).left_s <= 1e6
    for words, problem in (("soon", "write a time such as 90s, 30m or 2h"), ("0.01s", "the time was over")):
        run = tmp_path / words
        assert main(["teacher", "smoke", *tiny, "--run", str(run), "--stop-after", words]) == 2
        assert not (run / "teacher").exists(), problem
