"""Whole runs on pages, from the command line: teacher, control, student, report; and what refuses them."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from PIL import Image

import distill
import teachers
from distill.cli import main
from distill.data.pages.record import pages_digest
from distill.delivery.export.locator import gate_pages
from distill.recipe.file import load_recipe
from distill.runs.run_of_model import run_of
from students.pages.model_file import read_locator
from tests.page_task import recipe_of_files, write_bars

ALLOWED = "teacher.allow_weak=true"  # sixteen steps teach a network little


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("pages")
    for part, numbers in (("train", 8), ("unmarked", 4), ("validation", 3), ("test", 4)):
        write_bars(folder / part, range(len(part) * 100, len(part) * 100 + numbers))
    path = folder / "bars.yaml"
    path.write_text(recipe_of_files(folder))
    return str(path)


@pytest.fixture(scope="module")
def run(recipe: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "bars"
    assert main(["run", recipe, ALLOWED, "--run", str(folder)]) == 0
    return folder


def test_a_run_leaves_what_a_run_of_lines_leaves(run: Path) -> None:
    for role in ("teacher", "control", "student"):
        for name in ("model.safetensors", "metrics.jsonl", "lines.json", "checkpoints"):
            assert (run / role / name).exists(), (role, name)
    for name in ("recipe.yaml", "environment.json", "data.json", "timing.json", "report.json", "report.md"):
        assert (run / name).is_file(), name
    data = json.loads((run / "data.json").read_text())
    assert data["pages"]["train"] == {
        "train": {"pages": 8, "unmarked": 0, "lines": 24, "ignored": 0},
        "unmarked": {"pages": 4, "unmarked": 4, "lines": 0, "ignored": 0},
    }
    assert load_recipe(str(run)).name == "bars"


def test_the_report_has_three_networks_and_a_verdict(run: Path) -> None:
    report = json.loads((run / "report.json").read_text())
    for role in ("teacher", "control", "student"):
        assert report[role]["pages"] == 4
        assert report[role]["lines"] == 12
        assert 0 <= report[role]["hmean"] <= 1
        assert report[role]["sources"].keys() == {"test"}
    assert report["verdict"] in ("gain", "no_gain", "inconclusive")
    assert report["gain"].keys() == {"value", "low", "high"}
    assert report["seeds"] == [0]
    kinds = {role: read_locator(run / role / "model.safetensors")[0].kind for role in ("teacher", "control", "student")}
    assert kinds == {"teacher": "locator_teacher", "control": "locator", "student": "locator"}


def test_what_is_finished_is_reused(run: Path, recipe: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.stat().st_mtime_ns for path in run.glob("*/model.safetensors")}
    assert main(["student", recipe, ALLOWED, "--run", str(run), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads((run / "report.json").read_text())
    assert {path: path.stat().st_mtime_ns for path in run.glob("*/model.safetensors")} == before


def test_another_setting_is_named_and_refused(run: Path, recipe: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["student", recipe, ALLOWED, "objective.dice.weight=2", "--run", str(run)]) == 2
    said = capsys.readouterr().err
    assert "objective.dice.weight: 1.0 then, 2.0 now" in said
    assert main(["student", "smoke", "--run", str(run)]) == 2
    assert "task" in capsys.readouterr().err


def test_a_finished_teacher_teaches_another_run(run: Path, recipe: str, tmp_path: Path) -> None:
    own = tmp_path / "other"
    words = [recipe, ALLOWED, f"teacher.file={run}", "student.control=false", "--run", str(own)]
    assert main(["student", *words]) == 0
    copied = own / "teacher" / "model.safetensors"
    assert copied.read_bytes() == (run / "teacher" / "model.safetensors").read_bytes()
    report = json.loads((own / "report.json").read_text())
    assert report["control"] is None
    assert report["verdict"] == "unproven"
    [named] = json.loads((own / "environment.json").read_text())["finished_teachers"]
    assert named["key"] == "teacher.file"
    assert (own / "student" / "model.safetensors").read_bytes() == (run / "student" / "model.safetensors").read_bytes()


def test_a_training_may_begin_with_a_files_weights(run: Path, recipe: str, tmp_path: Path) -> None:
    words = [recipe, f"teacher.init={run / 'teacher'}", "teacher.training.steps=1", "--run", str(tmp_path / "own")]
    assert main(["teacher", *words, "teacher.training.learning_rate=1e-9"]) == 0
    ours = read_locator(tmp_path / "own" / "teacher" / "model.safetensors")[1]
    theirs = read_locator(run / "teacher" / "model.safetensors")[1]
    assert abs(ours["head.weight"] - theirs["head.weight"]).max() < 1e-6


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["teacher.file=nowhere"], "teacher.file: nowhere: no locator's file"),
        (["teacher.file={run}", "page.channels=3"], "channels 1 and not 3"),
        (["teacher.file={run}", "student.init={run}/teacher"], "student.init: .* is of another architecture"),
        (["teacher.file={run}", "data.train.0.path=nowhere", "data.test.0.path=elsewhere"], "nowhere(.|\n)*elsewhere"),
        (["teacher.file={run}", "data.validation.0.drop_labels=true"], "validation: 3 of 3 pages without boxes"),
        (["teacher.file={run}", "data.train.0.drop_labels=true"], "not one marked page"),
    ],
)
def test_what_cannot_be_trained_is_refused(
    overrides: list[str], said: str, run: Path, recipe: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [override.format(run=run) for override in overrides]
    assert main(["student", recipe, *words, "--run", str(tmp_path / "own")]) == 2
    captured = capsys.readouterr().err
    assert re.search(said, captured), captured
    assert not (tmp_path / "own" / "student").exists()


def test_all_that_is_missing_is_told_before_a_page_is_drawn(
    recipe: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn = "data.train.1={kind: drawn_pages, name: drawn, pages: 2, fonts: [no-such-family]}"
    words = [recipe, drawn, "data.test.0.path=elsewhere", "teacher.file=nowhere", "--run", str(tmp_path / "own")]
    assert main(["check", *words, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)["findings"]
    assert [finding["kind"] for finding in found] == ["pages", "teacher"]
    assert re.search(r"source drawn: font family no-such-family(.|\n)*elsewhere", found[0]["message"])
    there = drawn.replace("no-such-family", "dejavu-sans")
    assert main(["check", recipe, there, *words[3:], "--json"]) == 1
    found = json.loads(capsys.readouterr().out)["findings"]
    assert [(finding["kind"], finding["severity"]) for finding in found] == [("teacher", "problem"), ("pages", "note")]
    assert found[1]["message"].endswith("looked at when nothing else is missing: drawn")
    assert main(["run", recipe, there, *words[3:]]) == 2
    assert "teacher.file: nowhere" in capsys.readouterr().err
    assert not list((tmp_path / "own").glob("cache/pages-*"))


def test_a_teacher_that_finds_nothing_does_not_teach(
    recipe: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [recipe, "teacher.training.steps=1", "finding.found=0.99", "--run", str(tmp_path / "own")]
    assert main(["run", *words]) == 2
    assert "finds no line on any of the 3 validation pages" in capsys.readouterr().err


def test_pages_of_the_test_are_not_learnt(recipe: str, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    assert main(["teacher", recipe, "data.train.1.path=test", "--run", str(folder)]) == 0
    refused = json.loads((folder / "data.json").read_text())["refused"]["train: leaked"]
    assert len(refused) == 4
    assert all("byte for byte" in page["reason"] for page in refused)


def test_validation_may_be_cut_from_train(recipe: str, tmp_path: Path) -> None:
    cut = ["data.validation=[]", "data.cut={share: 0.25, sources: [train]}"]
    assert main(["teacher", recipe, *cut, "--run", str(tmp_path / "own")]) == 0
    pages = json.loads((tmp_path / "own" / "data.json").read_text())["pages"]
    assert pages["validation"] == {"train": {"pages": 2, "unmarked": 0, "lines": 6, "ignored": 0}}
    assert pages["train"]["train"]["pages"] == 6
    model = tmp_path / "own" / "teacher" / "model.safetensors"
    found, origin = gate_pages(model, ())
    assert (len(found), origin) == (2, "validation")


def test_an_export_is_checked_on_the_validation_pages_of_its_run(run: Path, tmp_path: Path) -> None:
    for role in ("teacher", "student"):
        pages, origin = gate_pages(run / role / "model.safetensors", ())
        assert origin == "validation"
        recorded = json.loads((run / "data.json").read_text())["digest"]["validation"]
        assert pages_digest(pages) == recorded
    moved = tmp_path / "student" / "model.safetensors"
    moved.parent.mkdir()
    shutil.copy(run / "student" / "model.safetensors", moved)
    assert run_of(moved, read_locator(moved)[0]) is None


def test_a_check_reports_and_trains_nothing(recipe: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "own"
    assert main(["check", recipe, "--run", str(folder), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["problems"] == []
    assert any("4 pages: without boxes" in note for note in found["notes"])
    assert json.loads((folder / "check.json").read_text())["findings"] == found["findings"]
    assert not (folder / "teacher").exists()
    assert main(["check", recipe, "teacher.file=nowhere", "page.pixels=10000", "--run", str(folder)]) == 1
    shown = capsys.readouterr().out
    assert "train       unmarked        4         4      0        0" in shown
    assert "teacher.file: nowhere: no locator's file" in shown


def test_crops_are_shown_as_training_sees_them(recipe: str, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    assert main(["render", recipe, "-n", "6", "--run", str(tmp_path / "own"), str(sheet)]) == 0
    with Image.open(sheet) as picture:
        assert picture.size[0] > 4 * 320
        colours = picture.convert("RGB").getcolors(2**24)
    assert colours is not None
    assert any(red > 120 and red > green + 60 for _, (red, green, _) in colours), "no core is painted"


def test_what_is_done_with_lines_alone_refuses_pages(
    recipe: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["cache", recipe, "--run", str(tmp_path / "own")]) == 2
    assert "its task is pages" in capsys.readouterr().err
    assert not (tmp_path / "own").exists()


def test_python_gets_the_same_run(run: Path, recipe: str) -> None:
    found = distill.run(recipe, run, teacher__allow_weak=True)
    assert found.report == json.loads((run / "report.json").read_text())
    assert "H-mean" in str(found)
    assert "<td>student</td>" in found._repr_html_()
    assert found.teacher.description == teachers.load_locator(run / "teacher" / "model.safetensors").description
    assert found.student.description.kind == "locator"
