"""The suite from Python: one call, and a run that shows itself."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import distill
from distill.recipe.sections import RecipeError


def test_a_run_from_python_reuses_what_is_finished_and_reads(finished_run: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(finished_run, tmp_path / "run")
    run = distill.run(copy)
    assert run.folder == copy
    assert run.report == json.loads((finished_run / "report.json").read_text())
    picture = np.full((32, 80), 255, np.uint8)
    assert isinstance(run.student.read(picture).text, str)
    assert run.teacher.description.kind == "teacher"
    shown = run._repr_html_()
    assert all(f"<td>{role}</td>" in shown for role in ("teacher", "control", "student"))
    assert str(run.report["student"]["parameters"]) in shown.replace(",", "")
    assert str(copy) in str(run)


def test_overrides_are_keys_of_the_recipe(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"student\.training\.stepps: no such key; did you mean 'steps'"):
        distill.run("smoke", tmp_path / "run", student__training__stepps=3)
    with pytest.raises(RecipeError, match=r"student\.training\.steps: .*got -1"):
        distill.run("smoke", tmp_path / "run", **{"student.training.steps": -1})
    assert not (tmp_path / "run").exists()
