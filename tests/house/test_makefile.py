"""What is given to `make` reaches the commands as it was given."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ODD = [
    "plain",
    "lot #3",
    "two  spaces",
    "a$b",
    "$(shell false)",
    "it's",
    'a "b"',
    "back\\slash",
    "semi;colon",
    "star*",
    "a&b",
    "~/x",
    "ü",
    "-x",
]
PROGRAM = "#!/bin/sh\nprintf '%s\\037' \"$@\"\nprintf '\\036'\n"  # separators that no argument holds


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the Makefile, with programs that print their arguments."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    for name in ("python", "torchrun"):
        program = tmp_path / ".venv" / "bin" / name
        program.write_text(PROGRAM)
        program.chmod(0o755)
    (tmp_path / ".venv" / "ready").touch()
    return tmp_path


def made(project: Path, *words: str, **environment: str) -> list[list[str]]:
    """The arguments of every program that a target starts."""
    command = ["make", "--silent", "-C", str(project), "--no-print-directory", *words]
    clean = {
        key: value
        for key, value in os.environ.items()
        if key not in ("DATA", "RUN", "RECIPE", "ARGS", "MODEL", "MAKEFLAGS")
    }
    done = subprocess.run(command, env=clean | environment, capture_output=True, text=True, check=True)
    return [program.split("\x1f")[:-1] for program in done.stdout.split("\x1e")[:-1]]


@pytest.mark.parametrize("odd", ODD)
def test_every_variable_is_one_word_as_it_stands(project: Path, odd: str) -> None:
    (teacher,) = made(project, "teacher", f"RECIPE={odd}.yaml", f"DATA={odd}", f"RUN=runs/{odd}")
    assert teacher == ["-m", "distill", "teacher", f"{odd}.yaml", f"data.root={odd}", "--run", f"runs/{odd}"]
    (of_environment,) = made(project, "teacher", DATA=odd, RECIPE=odd)
    assert of_environment == ["-m", "distill", "teacher", odd, f"data.root={odd}"]
    (evaluate,) = made(project, "evaluate", f"MODEL={odd}", f"DATA={odd}")
    assert evaluate == ["-m", "distill", "evaluate", odd, odd]
    (of_run,) = made(project, "evaluate", f"RUN={odd}", f"DATA={odd}")
    assert of_run[3] == odd
    (of_recipe,) = made(project, "evaluate", f"RECIPE=some where/{odd}.yaml", "DATA=x")
    assert of_recipe[3] == f"runs/{Path(odd).name}"


def test_words_of_args_stand_as_they_are_or_are_quoted_as_in_a_shell(project: Path) -> None:
    plain = "seed=3 about=a#b objective.x=[1,2] data.root=a$b name=*"
    assert made(project, "teacher", f"ARGS={plain}")[0][4:] == plain.split()
    quoted = """data.root='lot #3' about="it's $" seed=3"""
    assert made(project, "teacher", f"ARGS={quoted}")[0][4:] == ["data.root=lot #3", "about=it's $", "seed=3"]


def test_without_variables_the_defaults_hold(project: Path) -> None:
    assert made(project, "distill") == [["-m", "distill", what, "quick"] for what in ("teacher", "student")]
    assert made(project, "evaluate", "DATA=x") == [["-m", "distill", "evaluate", "runs/quick", "x"]]
    (several,) = made(project, "teacher", "NPROC=2")
    assert several == ["--nproc_per_node", "2", "-m", "--", "distill", "teacher", "quick"]
