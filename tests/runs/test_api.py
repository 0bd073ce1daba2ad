"""The suite from Python: one call, and a run that shows itself."""

from __future__ import annotations

import html
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import distill
from distill.recipe.sections import RecipeError
from students.errors import UserError
from tests.samples import png_bytes


def test_a_run_from_python_reuses_what_is_finished_and_reads(tiny_run: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(tiny_run, tmp_path / "run")
    run = distill.run(copy)
    assert isinstance(run, distill.Run)
    assert run.folder == copy
    assert run.report == json.loads((tiny_run / "report.json").read_text())
    picture = np.full((32, 80), 255, np.uint8)
    assert isinstance(run.student.read(picture).text, str)
    assert run.teacher.description.kind == "teacher"
    shown = run._repr_html_()
    assert all(f"<td>{role}</td>" in shown for role in ("teacher", "control", "student"))
    assert str(run.report["student"]["parameters"]) in shown.replace(",", "")
    assert str(copy) in str(run)


def test_a_notebook_shows_report_and_lines(tiny_run: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(tiny_run, tmp_path / "run")
    report = distill.run(copy).report
    assert report == json.loads((copy / "report.json").read_text())
    page = (copy / "report.html").read_text()
    shown = report._repr_html_()
    assert shown.startswith("<iframe sandbox srcdoc=")
    assert html.unescape(shown.split('srcdoc="', 1)[1].split('" style=', 1)[0]) == page
    (copy / "report.html").unlink()
    assert report._repr_html_().startswith("<pre>{")
    folder = tmp_path / "crops"
    folder.mkdir()
    for i in range(5):
        (folder / f"{i}.png").write_bytes(png_bytes(seed=i))
    (folder / "labels.tsv").write_text("".join(f"{i}.png\t<b>{i}</b>\n" for i in range(4)))
    lines = distill.lines(folder, n=3)
    assert lines == distill.lines(folder, n=3)
    assert lines.n_lines == 4  # the label file names so many
    shown = lines._repr_html_()
    assert shown.count("<img ") == 3
    assert "<b>" not in shown
    assert "3 of 4 lines" in shown
    with pytest.raises(UserError, match="no such file or folder"):
        distill.lines(tmp_path / "none")


def test_overrides_are_keys_of_the_recipe(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"student\.training\.stepps: no such key; did you mean 'steps'"):
        distill.run("smoke", tmp_path / "run", student__training__stepps=3)
    with pytest.raises(RecipeError, match=r"student\.training\.steps: .*got -1"):
        distill.run("smoke", tmp_path / "run", **{"student.training.steps": -1})
    assert not (tmp_path / "run").exists()
