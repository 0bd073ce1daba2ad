"""A model file and the run that wrote it: found where that is certain, and only the validation lines are opened."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import students
from distill.delivery.export.hub import report_on
from distill.delivery.export.recogniser import gate_lines
from distill.pools import lines as pools
from distill.pools.lines import open_pools
from distill.recipe.file import load_recipe
from distill.runs.run_of_model import run_of, validation_lines
from students.model_file import MODEL_NAME, Description, read_model
from tests.samples import png_bytes

LINES = {"train": 24, "validation": 12, "test": 9}


def described(model: Path) -> Description:
    return read_model(model)[0]


@pytest.mark.parametrize("role", ["teacher", "control", "student"])
def test_a_run_is_found_by_each_of_its_model_files(tiny_run: Path, role: str) -> None:
    model = tiny_run / role / MODEL_NAME
    assert run_of(model, described(model)) == tiny_run.resolve()
    assert report_on(model) == json.loads((tiny_run / "report.json").read_text())


def test_a_file_that_no_run_wrote_has_none(tiny_run: Path, tmp_path: Path) -> None:
    loose = tmp_path / "student" / MODEL_NAME
    loose.parent.mkdir()
    shutil.copy(tiny_run / "student" / MODEL_NAME, loose)
    assert run_of(loose, described(loose)) is None
    assert report_on(loose) == {}


def test_a_file_copied_into_another_run_is_not_taken_for_its_own(tiny_run: Path, tmp_path: Path) -> None:
    for name in ("recipe.yaml", "data.json", "report.json"):
        shutil.copy(tiny_run / name, tmp_path / name)
    model = tmp_path / "student" / MODEL_NAME
    model.parent.mkdir()
    shutil.copy(tiny_run / "control" / MODEL_NAME, model)
    assert run_of(model, described(model)) is None  # a control in the student's place
    shutil.copy(tiny_run / "student" / MODEL_NAME, model)
    assert run_of(model, described(model)) == tmp_path
    data = json.loads((tmp_path / "data.json").read_text())
    data["digest"]["validation"] = "of other lines"
    (tmp_path / "data.json").write_text(json.dumps(data))
    assert run_of(model, described(model)) is None
    assert gate_lines(students.load(model), model, ())[0] == "fonts"


def test_a_report_on_another_training_is_not_shown(tiny_run: Path, tmp_path: Path) -> None:
    for name in ("recipe.yaml", "data.json", "report.json", "student"):
        (shutil.copytree if name == "student" else shutil.copy)(tiny_run / name, tmp_path / name)
    report = json.loads((tmp_path / "report.json").read_text())
    report["judged"]["files"]["student"] = "of another training"
    (tmp_path / "report.json").write_text(json.dumps(report))
    assert report_on(tmp_path / "student" / MODEL_NAME) == {}


def test_an_adopted_teacher_is_the_runs_own(tiny_run: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_run / "teacher", tmp_path / "teacher", ignore=shutil.ignore_patterns("checkpoints"))
    data = {"digest": {"validation": "of other lines"}}
    (tmp_path / "data.json").write_text(json.dumps(data))
    model = tmp_path / "teacher" / MODEL_NAME
    for named, found in (("null", None), (str(tiny_run), tmp_path)):
        (tmp_path / "recipe.yaml").write_text(f"extends: smoke\nteacher: {{file: {named}}}\n")
        assert run_of(model, described(model)) == found


def pages(folder: Path, part: str, n: int, seed: int) -> None:
    """Pictures named by their document, three of each."""
    (folder / part).mkdir(parents=True)
    rows = []
    for i in range(n):
        name = f"doc{i // 3:02d}_{i}.png"
        (folder / part / name).write_bytes(png_bytes(width=60 + 40 * (i % 3), seed=seed + i))
        rows += [f"{name}\t{i}\n"]
    (folder / part / "labels.tsv").write_text("".join(rows))


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the sources that are opened, and three folders of lines."""
    for number, (part, n) in enumerate(LINES.items()):
        pages(tmp_path / "lines", part, n, 100 * number)
    pages(tmp_path / "lines", "more", 6, 900)
    names: list[str] = []
    opening = pools.open_source
    monkeypatch.setattr(pools, "open_source", lambda source, *rest: names.append(source.name) or opening(source, *rest))
    return names


def recipe_with(tmp_path: Path, data: str) -> Path:
    path = tmp_path / "own.yaml"
    path.write_text(f"extends: smoke\nname: own\ndata:\n  root: {tmp_path / 'lines'}\n{data}")
    return path


def source(name: str) -> str:
    return f"{{name: {name}, kind: folder, path: {name}}}"


def test_validation_lines_are_those_of_the_run_and_nothing_else_is_opened(tmp_path: Path, opened: list[str]) -> None:
    data = "".join(f"  {part}: [{source(part)}]\n" for part in LINES)
    recipe = load_recipe(str(recipe_with(tmp_path, data)))
    lines = validation_lines(recipe, tmp_path)
    assert opened == ["validation"]
    assert len(lines) == LINES["validation"]
    assert lines.digest == open_pools(recipe, tmp_path).validation.digest


@pytest.mark.parametrize(("of", "looked_at"), [("", ["train", "more"]), (", sources: [train]", ["train"])])
def test_a_cut_opens_the_training_sources_that_it_cuts(
    tmp_path: Path, opened: list[str], of: str, looked_at: list[str]
) -> None:
    cut = f"  cut: {{document: 'doc[0-9]+', share: 0.3{of}}}\n"
    data = f"  train: [{source('train')}, {source('more')}]\n  validation: []\n  test: [{source('test')}]\n{cut}"
    recipe = load_recipe(str(recipe_with(tmp_path, data)))
    lines = validation_lines(recipe, tmp_path)
    assert opened == looked_at
    assert lines.digest == open_pools(recipe, tmp_path).validation.digest
    assert 0 < len(lines) < LINES["train"]
