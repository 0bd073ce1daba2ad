"""A run folder that an earlier suite worked in: what it cannot go on with is refused, and says which suite can."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from distill.cli import main
from distill.runtime import ENVIRONMENT_NAME, commit, of_another_suite
from students import __version__
from tests.samples import write_student
from tests.small_run import FEW

STORED = Path(__file__).parents[1] / "reliability" / "files" / "0.1.0"
FIRST = "commit df70f21a4240"


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """A training of smoke that version 0.1.0 was stopped in."""
    run = shutil.copytree(STORED / "begun", tmp_path / "run")
    shutil.copytree(STORED / "checkpoints", run / "teacher" / "checkpoints")
    return run


def contents(run: Path) -> dict[Path, bytes]:
    """All files but rendered lines and seconds, which come to those of any run."""
    files = [path for path in run.rglob("*") if path.is_file() and "cache" not in path.parts]
    return {path: path.read_bytes() for path in files if path.name != "timing.json"}


@pytest.mark.parametrize("words", [["run"], ["student"], ["replay"], ["watch", "--terminal", "--once"]])
def test_a_recipe_with_keys_of_an_earlier_suite_names_that(
    begun: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(begun)
    assert main([*words, str(begun)]) == 2
    said = capsys.readouterr().err
    assert "objective.frame_kl.fade: no such key" in said
    assert f"{begun}: {FIRST} of the suite worked there last" in said
    assert contents(begun) == before


@pytest.mark.parametrize("command", ["teacher", "student"])
def test_a_training_of_an_earlier_suite_is_left_as_it_is_and_named(
    begun: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if command == "student":
        write_student(begun / "teacher" / "model.safetensors", "teacher")
    before = contents(begun)
    assert main([command, "smoke", *FEW, "runtime.workers=0", "--run", str(begun)]) == 2
    said = capsys.readouterr().err
    assert f"{begun / 'teacher'}: was trained from another recipe" in said
    assert f"{begun}: {FIRST} of the suite worked there last" in said
    assert contents(begun) == before


def test_an_override_that_is_wrong_has_nothing_to_do_with_the_suite(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = shutil.copytree(STORED / "run", tmp_path / "run")
    (run / ENVIRONMENT_NAME).write_text(json.dumps({"commit": "another"}))
    assert main(["run", str(run), "student.training.steps=many"]) == 2
    said = capsys.readouterr().err
    assert "student.training.steps" in said
    assert "of the suite" not in said


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ('{"commit": "", "version": "0.0.1"}', "version 0.0.1"),
        ('{"commit": "another"}', "commit another"),
        (json.dumps({"commit": commit(), "version": __version__}), ""),
        ('{"packages": {}}', ""),
        ("[]", ""),
        ("no JSON", ""),
    ],
)
def test_another_suite_is_known_by_commit_or_version(tmp_path: Path, written: str, named: str) -> None:
    (tmp_path / ENVIRONMENT_NAME).write_text(written)
    said = of_another_suite(tmp_path)
    assert named in said
    assert bool(named) == bool(said)
