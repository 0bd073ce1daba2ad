"""A teacher that cannot teach is refused before anything is trained against it, and a check says so."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from distill.cli import main
from distill.digests import digest_of
from distill.evaluation.characters import LineScores
from distill.recipe.file import load_recipe, resolved_yaml
from distill.recipe.sections import RecipeError
from distill.runs.weak import ValidationRead, refuse_worse, why_silent, why_worse
from tests.samples import write_student

BUDGET = {"steps": 2, "validate_every": 2, "batch_lines": 8}
STRICT = [*(f"student.training.{key}={value}" for key, value in BUDGET.items()), "teacher.allow_weak=false"]


def read_with(errors: float, n: int = 100, exact: int = 0) -> ValidationRead:
    edits = np.random.default_rng(0).binomial(20, errors, n).astype(float)
    edits[:exact] = 0
    return ValidationRead(LineScores((edits == 0).astype(float), edits), np.full(n, 20))


def test_one_that_reads_nothing_is_refused_by_both_figures() -> None:
    assert "reads nothing" in str(why_silent(read_with(1.0)))
    assert "exact 0.0%, CER 100.0%" in str(why_silent(read_with(1.0)))
    assert why_silent(read_with(0.5)) is None
    assert why_silent(read_with(1.0, exact=1)) is None


def test_one_that_surely_reads_worse_than_the_student_alone_is_refused_with_both_figures() -> None:
    message = str(why_worse(read_with(0.6), read_with(0.3), 0))
    assert all(
        f"CER {read.cer:.1%}" in message.replace("against ", "CER ") for read in (read_with(0.6), read_with(0.3))
    )
    assert "allow_weak" in message
    assert why_worse(read_with(0.3), read_with(0.6), 0) is None
    assert why_worse(read_with(0.32), read_with(0.3), 0) is None  # not surely
    with pytest.raises(RecipeError, match="worse than the student alone"):
        refuse_worse(read_with(0.6), read_with(0.3), 0)


def test_nothing_is_trained_against_it_and_a_check_says_it(
    tiny_run: Path, few_lines: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A teacher of sixteen steps has learnt nothing."""
    run = tmp_path / "run"
    words = ["smoke", *few_lines, f"teacher.file={tiny_run / 'teacher'}", "--run", str(run)]
    assert main(["student", *words, *STRICT]) == 2
    assert "the teacher reads nothing of the validation lines: exact 0.0%" in capsys.readouterr().err
    assert not (run / "control").exists()
    assert not (run / "student").exists()
    assert main(["check", *words, *STRICT]) == 1
    assert "the teacher reads nothing" in " ".join(capsys.readouterr().out.split())
    assert main(["check", *words]) == 0  # smoke allows it


def test_a_worse_one_is_refused_between_control_and_student(
    tiny_run: Path,
    few_lines: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("distill.runs.lines.refuse_silent", lambda _: None)
    monkeypatch.setattr(
        "distill.runs.weak.why_worse", lambda *_: "the teacher reads worse than the student alone: 1, 2"
    )
    run = tmp_path / "run"
    words = ["smoke", *few_lines, f"teacher.file={tiny_run / 'teacher'}", "--run", str(run)]
    assert main(["student", *words, *STRICT]) == 2
    assert "worse than the student alone" in capsys.readouterr().err
    assert (run / "control" / "model.safetensors").is_file()
    assert not (run / "student").exists()


def test_a_comparison_leaves_out_settings_whose_teacher_is_weak_and_names_them(
    tiny: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = f"teacher.file={write_student(tmp_path / 'untrained.safetensors')}"
    words = ["compare", "smoke", *tiny, file, *STRICT, "--over", "objective.term=dist,frame_kl"]
    words += ["--seeds", "1", "--json"]
    assert main([*words, "--run", str(tmp_path / "c")]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "not one setting is left to compare. dist: seed" in error
    assert error.count("the teacher reads nothing of the validation lines") == 2
    verdicts = itertools.chain(["it reads nothing"], itertools.repeat(None))  # the first setting alone has a weak one
    monkeypatch.setattr("distill.runs.weak.why_silent", lambda _: next(verdicts))
    assert main([*words, "--run", str(tmp_path / "c")]) == 0
    result = json.loads(capsys.readouterr().out)
    assert set(result["settings"]) == {"frame_kl"}
    assert list(result["refused"]) == ["dist"]
    assert result["refused"]["dist"].endswith("it reads nothing")
    assert "Left out: dist, seed" in (tmp_path / "c" / "compare.md").read_text()


def test_a_recipe_that_allows_nothing_keeps_its_digest() -> None:
    recipe = load_recipe("quick")
    assert "allow_weak" not in resolved_yaml(recipe)
    assert digest_of(recipe) == digest_of(load_recipe("quick", ["teacher.allow_weak=false"]))
    assert load_recipe("quick", ["teacher.allow_weak=true"]).teacher.allow_weak
