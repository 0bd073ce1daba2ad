"""A limited time, and more steps, of runs on pages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from distill.cli import main
from students.pages.model_file import read_locator
from tests.page_task import recipe_of_files, write_bars
from tests.runs.test_stop_after import Counting

ROLES = ("teacher", "control", "student")


def test_a_run_on_pages_ends_early_goes_on_and_is_extended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for part, numbers in (("train", 8), ("unmarked", 4), ("validation", 3), ("test", 4)):
        write_bars(tmp_path / part, range(len(part) * 100, len(part) * 100 + numbers))
    (tmp_path / "bars.yaml").write_text(recipe_of_files(tmp_path))
    run = tmp_path / "run"
    words = ["run", str(tmp_path / "bars.yaml"), "teacher.allow_weak=true", "--run", str(run)]

    def record(role: str) -> dict[str, Any]:
        return dict(read_locator(run / role / "model.safetensors")[0].training)

    with monkeypatch.context() as counted:
        counted.setattr("distill.runs.limited.Early", Counting)
        assert main([*words, "--stop-after", "1h"]) == 0
    report = json.loads((run / "report.json").read_text())
    whole = report["stopped"]["student"]["of"]
    assert report["stopped"] == {role: {"steps": 8, "of": whole} for role in ROLES}
    assert "Stopped early" in (run / "report.md").read_text()
    assert record("student")["provisional"]

    assert main(words) == 0
    assert [record(role)["steps"] for role in ROLES] == [whole] * 3
    assert "stopped" not in json.loads((run / "report.json").read_text())

    assert main([*words, f"student.training.steps={whole + 2}"]) == 0
    assert [record(role)["steps"] for role in ROLES] == [whole, whole + 2, whole + 2]
    assert set(json.loads((run / "report.json").read_text())["extended"]) == {"control", "student"}
    assert (run / "earlier" / "1" / "report.json").is_file()
