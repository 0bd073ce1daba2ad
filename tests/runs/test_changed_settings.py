"""A run folder remembers its settings: it is continued by its own name, and what differs is refused by key."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from distill.cli import main
from distill.recipe.file import load_recipe, run_folder
from distill.runs.changed import SHOWN, differences, listed, refuse_changed
from students.errors import CheckpointError


def test_a_run_folder_stands_for_its_recipe(tiny_run: Path) -> None:
    recipe = load_recipe(str(tiny_run))
    assert recipe.name == "smoke"
    assert run_folder(str(tiny_run), recipe) == tiny_run
    assert run_folder("smoke", recipe) == Path("runs/smoke")


@pytest.mark.parametrize(
    ("override", "networks", "change"),
    [
        ("teacher.training.steps=7", ["teacher"], "teacher.training.steps: "),
        ("student.training.learning_rate=0.5", ["control", "student"], "student.training.learning_rate: "),
        ("objective.frame_kl.weight=3", ["student"], "objective.frame_kl.weight: 0.0 then, 3.0 now"),
        ("seed=9", ["teacher", "control", "student"], "seed: 0 then, 9 now"),
    ],
)
def test_a_setting_that_weights_depend_on_is_refused_by_name(
    tiny_run: Path, override: str, networks: list[str], change: str
) -> None:
    with pytest.raises(CheckpointError) as refused:
        refuse_changed(load_recipe(str(tiny_run), [override]), tiny_run)
    message = str(refused.value)
    assert change in message
    named = [role for role in ("teacher", "control", "student") if f"{tiny_run / role}: began" in message]
    assert named == networks


@pytest.mark.parametrize("override", ["runtime.workers=1", "about=another", "data.root=elsewhere"])
def test_a_setting_that_weights_do_not_depend_on_is_taken(tiny_run: Path, override: str) -> None:
    refuse_changed(load_recipe(str(tiny_run), [override]), tiny_run)


def test_nothing_is_opened_or_written_before_the_refusal(tiny_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (tiny_run / "recipe.yaml").read_bytes()
    assert main(["student", str(tiny_run), "student.training.steps=9", "data.root=/nowhere/at/all"]) == 2
    message = capsys.readouterr().err
    assert "student.training.steps" in message
    assert "nowhere" not in message
    assert (tiny_run / "recipe.yaml").read_bytes() == before


def test_other_lines_are_refused_with_the_keys_that_differ(
    tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = shutil.copytree(tiny_run, tmp_path / "run")
    assert main(["teacher", str(run), "data.train.0.lines=200"]) == 2
    message = capsys.readouterr().err
    assert f"{run / 'teacher'}: was trained from another recipe" in message
    assert "data.train.0.lines: " in message
    assert "then, 200 now" in message


def test_many_changes_are_counted() -> None:
    changes = list(differences({str(i): 0 for i in range(20)}, {str(i): 1 for i in range(20)}))
    assert listed(changes).splitlines()[-1] == f"  and {20 - SHOWN} more"
    assert list(differences({"a": [1, 2]}, {"a": [1]})) == ["a: [1, 2] then, [1] now"]
