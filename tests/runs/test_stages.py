"""A network that begins with a file, goes through a stage and sees every line in two views."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import students
import teachers
from distill.cli import main
from distill.track import read_metrics

BUDGET = "{{steps: 4, batch_lines: 16, learning_rate: {rate}, validate_every: 2, checkpoint_every: 2, log_every: 1}}"
MOVING, STILL = BUDGET.format(rate="1.0e-3"), BUDGET.format(rate="1.0e-12")
RECIPE = """
extends: smoke
about: stages
data: {{charset: {{characters: {characters}}}}}
teacher:
  consistency: {{weight: 0.2, warmup: 0}}
  stages: [{{name: first, sources: [printed], training: {moving}}}]
  sources: [printed]
  training: {still}
student:
  init: {init}
  sources: [printed]
  stages: [{{name: first, training: {moving}}}]
  training: {still}
"""


@pytest.fixture(scope="module")
def staged(tiny_run: Path, few_lines: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("staged")
    known = students.load(tiny_run).description.charset.characters
    text = RECIPE.format(characters=json.dumps(known + "ß"), moving=MOVING, still=STILL, init=tiny_run)
    (folder / "stages.yaml").write_text(text)
    for command in ("teacher", "student"):
        words = [command, str(folder / "stages.yaml"), *few_lines, "--run", str(folder / "run")]
        assert main(words) == 0
    return folder / "run"


def distance(one: Path, other: Path) -> float:
    """Largest difference of a weight outside the head, whose rows depend on the charset."""
    weights = [dict(teachers.load(path).model.named_parameters()) for path in (one, other)]
    names = [name for name in weights[0] if not name.startswith("head.")]
    return max((weights[0][name] - weights[1][name]).abs().max().item() for name in names)


def test_every_stage_begins_with_the_weights_of_the_one_before(staged: Path, tiny_run: Path) -> None:
    """The last training stands still; fresh weights would be as far from the first stage's as its four steps went."""
    for role in ("teacher", "control", "student"):
        first, last = staged / role / "stages" / "first" / "model.safetensors", staged / role / "model.safetensors"
        assert distance(first, last) < 1e-6, role
    file = tiny_run / "student" / "model.safetensors"
    for role in ("control", "student"):
        assert 1e-4 < distance(file, staged / role / "stages" / "first" / "model.safetensors") < 0.02, role


def test_two_views_are_trained_and_logged_for_the_teacher_alone(staged: Path) -> None:
    of_teacher = [e for e in read_metrics(staged / "teacher" / "metrics.jsonl") if "loss" in e]
    assert len(of_teacher) == 4
    assert all(entry["consistency"] > 0 for entry in of_teacher)
    assert not any("consistency" in entry for entry in read_metrics(staged / "student" / "metrics.jsonl"))


def test_a_student_that_begins_with_a_file_reads_its_characters_and_new_ones(staged: Path, tiny_run: Path) -> None:
    before, after = students.load(tiny_run), students.load(staged)
    assert set(after.description.charset.characters) == {*before.description.charset.characters, "ß"}
    report = json.loads((staged / "report.json").read_text())
    assert report["control"]["n"] == 24


def test_a_teacher_that_no_longer_improves_stops_early(few_lines: list[str], tmp_path: Path) -> None:
    rigid = ["teacher.training.learning_rate=1e-12", "teacher.training.validate_every=2", "teacher.training.patience=1"]
    assert main(["teacher", "smoke", *few_lines, *rigid, "--run", str(tmp_path)]) == 0
    validated = [e["step"] for e in read_metrics(tmp_path / "teacher" / "metrics.jsonl") if "validation_exact" in e]
    assert validated == [2, 4]
    assert teachers.load(tmp_path / "teacher" / "model.safetensors").description.training["chosen"]["step"] == 2


def test_finished_stages_are_reused(staged: Path, few_lines: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    stamps = {path: path.stat().st_mtime_ns for path in staged.rglob("model.safetensors")}
    assert len(stamps) == 6
    recipe = str(staged.parent / "stages.yaml")
    assert main(["student", recipe, *few_lines, "--run", str(staged)]) == 0
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps
    assert "validation exact" not in capsys.readouterr().err  # which every training says
