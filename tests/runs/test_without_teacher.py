"""A student that is trained further on labels alone, and lines without labels that a teacher alone makes use of."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import distill
import students
from distill.cli import main
from distill.delivery.watching.state import state_of
from distill.evaluation.characters import LineScores
from distill.evaluation.report import change
from distill.recipe.file import load_line_recipe
from distill.recipe.sections import RecipeError
from students.model_file import read_model
from tests.line_files import parquet, row
from tests.samples import png_bytes, write_student

BUDGET = {"steps": 4, "log_every": 2, "validate_every": 4, "batch_lines": 8}


def lines(root: Path, *more: str) -> list[str]:
    """Overrides that give `smoke` a few digits, four of them without a label, and a tiny student to begin with."""
    for name, seed in (("train", 0), ("validation", 20), ("test", 40)):
        texts = [str(i) for i in range(8)] + ([None] * 4 if name == "train" else [])
        parquet(root / f"{name}.parquet", [row(t, f"{i}.png", png_bytes(seed=seed + i)) for i, t in enumerate(texts)])
    parts = ("train", "validation", "test")
    return [
        *(f"data.{name}=[{{kind: parquet, name: {name}, path: {name}.parquet}}]" for name in parts),
        f"data.root={root}",
        *(f"student.training.{key}={value}" for key, value in BUDGET.items()),
        "student.model={kind: digits, channels: [4, 6, 8], hidden: 16}",
        "runtime.workers=0",
        *more,
    ]


@pytest.fixture
def begun(tmp_path: Path) -> list[str]:
    """Overrides of a run without a teacher, whose student begins with finished weights."""
    return lines(tmp_path, "teacher=null", f"student.init={write_student(tmp_path / 'first.safetensors')}")


def test_a_finished_student_is_trained_further_and_reported_before_and_after(
    begun: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    figures = tmp_path / "figures.json"
    assert main(["run", "smoke", *begun, "--run", str(folder), "--record", str(figures)]) == 0
    printed = capsys.readouterr()
    assert "4 of 12 lines left out, without a label" in printed.err
    assert "before: " in printed.out
    assert "points of exact lines over the student it began with (95 % interval" in printed.out
    report = json.loads((folder / "report.json").read_text())
    assert report["teacher"] is report["control"] is report["verdict"] is report["gain"] is None
    assert report["before"]["n"] == report["student"]["n"] == 8
    assert report["change"]["value"] == pytest.approx(report["student"]["exact"] - report["before"]["exact"])
    page = (folder / "report.md").read_text()
    assert "| before: " in page
    assert "| after: " in page
    assert "Verdict" not in page
    assert not (folder / "teacher").exists()
    assert not (folder / "control").exists()
    after, weights = read_model(folder / "student" / "model.safetensors")
    first = read_model(tmp_path / "first.safetensors")[1]
    same_shape = [name for name, array in first.items() if weights[name].shape == array.shape]  # all but the head
    assert any((weights[name] != first[name]).any() for name in same_shape)
    assert after.training["lines"]["train"]
    assert any("change" in each["what"] for each in json.loads(figures.read_text())["records"])
    again = distill.run(folder)  # what is finished is reused
    assert again.report == report
    assert state_of(folder).verdict in str(again)
    assert "<td>before</td>" in again._repr_html_()
    assert main(["student", str(folder), "student.training.clip_norm=2", "--run", str(folder)]) == 2
    assert isinstance(students.load(folder).read(png_bytes()).text, str)


def test_a_folder_that_began_without_a_teacher_takes_none_later(
    begun: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor is one that lies there from before shown as a network of the run."""
    folder = tmp_path / "run"
    (folder / "teacher").mkdir(parents=True)
    (folder / "teacher" / "metrics.jsonl").write_text('{"step": 1}\n')
    assert main(["run", "smoke", *begun, "--run", str(folder)]) == 0
    assert [network.name for network in state_of(folder).networks] == ["student"]
    capsys.readouterr()
    with_teacher = [each for each in begun if not each.startswith(("teacher=", "student.init="))]
    for command in ("teacher", "run"):
        assert main([command, "smoke", *with_teacher, "--run", str(folder)]) == 2
        told = capsys.readouterr().err
        assert f"{folder / 'student'}: began with other settings" in told


def test_check_and_render_know_that_there_is_no_teacher(begun: list[str], tmp_path: Path) -> None:
    assert main(["render", "smoke", *begun, "--run", str(tmp_path / "run"), str(tmp_path / "sheet.png")]) == 0
    assert main(["check", "smoke", *begun, "--run", str(tmp_path / "run"), "--json"]) in (0, 1)
    assert (tmp_path / "sheet.png").stat().st_size > 1000


@pytest.mark.parametrize("command", ["teacher", "cache", "cluster cache --here"])
def test_what_needs_a_teacher_says_so_before_lines_are_opened(
    command: str, begun: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ["objective.cache.views=1", "data.train.0.path=gone.parquet"]
    assert main([*command.split(), "smoke", *begun, *more, "--run", str(tmp_path / "run")]) == 2
    told = capsys.readouterr().err
    assert "teacher is null, and this needs one; `distill run` trains its student further" in told
    assert "gone.parquet" not in told
    assert not (tmp_path / "run").exists()


def test_settings_without_a_teacher_are_not_compared(begun: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "smoke", *begun, "--over", "student.training.clip_norm=1,2"]) == 2
    assert "and give a teacher" in capsys.readouterr().err


def test_a_recipe_without_a_teacher_needs_first_weights(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"teacher: null needs student\.init"):
        load_line_recipe("smoke", ["teacher=null"])
    with pytest.raises(RecipeError, match=r"name the first of them as teacher\.file"):
        load_line_recipe("smoke", ["teacher=null", "student.init=scene", "objective.more_teachers=[scene]"])
    own = tmp_path / "mine.yaml"
    own.write_text(
        "extends: scene\nteacher: null\nstudent: {init: scene-small}\n"
        "data:\n  train: [{kind: folder, name: mine, path: crops}]\n  test: [{kind: folder, name: apart, path: test}]\n"
    )
    recipe = load_line_recipe(str(own))
    assert recipe.teacher is None
    assert list(recipe.networks) == ["student"]
    assert not recipe.has_control
    assert recipe.needs_labels("student")


def test_a_change_is_student_after_minus_student_before() -> None:
    before, after = np.array([1.0, 0, 0, 0] * 50), np.array([1.0, 1, 1, 0] * 50)
    found = change(LineScores(before, 2 * (1 - before)), LineScores(after, 2 * (1 - after)), np.full(200, 4), seed=0)
    assert found["change"]["value"] == 0.5
    assert 0.4 < found["change"]["low"] < 0.5 < found["change"]["high"] < 0.6
    assert found["cer_change"]["value"] == -0.25


def unlabelled(root: Path, *more: str) -> list[str]:
    """Overrides of a run whose training lines have no labels at all, and which a finished teacher teaches."""
    teacher = write_student(root / "teacher.safetensors")
    of_teacher = [f"teacher.file={teacher}", "teacher.allow_weak=true", "student.control=false"]
    return lines(root, "data.train.0.drop_labels=true", *of_teacher, *more)


def test_lines_without_labels_teach_through_a_finished_teacher(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    assert main(["run", "smoke", *unlabelled(tmp_path), "--run", str(folder)]) == 0
    report = json.loads((folder / "report.json").read_text())
    assert report["verdict"] == "unproven"
    assert report["drawn"]["student"]["drawn"] == {"train": {"labelled": 0, "unlabelled": 32}}
    rows = [json.loads(entry) for entry in (folder / "student" / "metrics.jsonl").read_text().splitlines()]
    assert min(entry["blank_split"] for entry in rows if "loss" in entry) > 0


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            ["data.validation=[]", "data.cut={}"],
            "no training line has a label, so none can be cut; give labelled",
        ),
        (["data.validation.0.drop_labels=true"], "8 of them without a label; the best weights are chosen on these"),
        (["data.test.0.drop_labels=true"], "8 of them without a label; the report is made on these lines"),
        (["student.control=true"], "student.control=false the student learns from the teacher alone"),
        (["teacher=null", "student.init=first.safetensors"], "without a teacher nothing else teaches the student"),
    ],
)
def test_what_cannot_do_without_labels_is_said(
    more: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_student(tmp_path / "first.safetensors")
    assert main(["run", "smoke", *unlabelled(tmp_path, *more), "--run", "run"]) == 2
    assert said in " ".join(capsys.readouterr().err.split())
