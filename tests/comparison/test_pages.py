"""Comparisons of settings on pages: one teacher, shared controls, gains over (seed, page) pairs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from distill.cli import main
from distill.comparison.pages import PageOutcome, page_figures, run_page_comparison
from distill.comparison.settings import Comparison
from distill.recipe.file import load_recipe
from distill.runtime import StopFlag
from students.errors import CheckpointError
from tests.page_task import recipe_of_files, write_bars


def test_settings_share_teacher_and_control(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for part, numbers in (("train", 4), ("unmarked", 2), ("validation", 2), ("test", 2)):
        write_bars(tmp_path / part, range(len(part) * 100, len(part) * 100 + numbers))
    recipe, folder = tmp_path / "bars.yaml", tmp_path / "compare"
    recipe.write_text(recipe_of_files(tmp_path))
    short = [f"{role}.training.{key}=4" for role in ("teacher", "student") for key in ("steps", "validate_every")]
    words = ["compare", str(recipe), "teacher.allow_weak=true", *short, "--over", "objective.term=core_kl,feature_hint"]
    record = tmp_path / "record.json"
    assert main([*words, "--seeds", "1", "--json", "--run", str(folder), "--record", str(record)]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result == json.loads((folder / "compare.json").read_text())
    assert list(result["settings"]) == ["core_kl", "feature_hint"]
    files = [(folder / name / "seed-0" / "control" / "model.safetensors").read_bytes() for name in result["settings"]]
    assert files[0] == files[1]
    taught = {name: load_recipe(str(folder / name / "seed-0")).objective for name in result["settings"]}
    assert [taught[name].core_kl.weight for name in taught] == [1, 0]
    assert [taught[name].feature_hint.weight for name in taught] == [0, 0.1]
    assert (folder / "compare.png").is_file()
    assert "| core_kl |" in (folder / "compare.md").read_text()
    assert any("H-mean" in each["what"] for each in json.loads(record.read_text())["records"])
    assert main([*words, "--equal-seconds", "--run", str(folder)]) == 2


def test_a_model_that_a_setting_lacks_is_told_before_the_teacher_learns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = tmp_path / "bars.yaml"
    recipe.write_text(recipe_of_files(tmp_path))
    monkeypatch.setattr("distill.comparison.pages.open_page_run", None)
    comparison = Comparison(str(recipe), (), ["student.init=null,gone.safetensors"], n_seeds=2)
    with pytest.raises(CheckpointError, match=r"^gone\.safetensors: student\.init: gone\.safetensors: no") as told:
        run_page_comparison(comparison, tmp_path, StopFlag())
    assert len(str(told.value).splitlines()) == 1


def test_gains_are_means_over_seeds_and_pages() -> None:
    generator = np.random.default_rng(0)
    teacher = np.full(40, 0.9)

    def outcome(gain: float) -> PageOutcome:
        control = generator.uniform(0.3, 0.6, 40)
        scores = {"teacher": teacher, "control": control, "student": np.clip(control + gain, 0, 1)}
        return PageOutcome(scores, {"student": 2.0})

    outcomes = {"none": [outcome(0.0) for _ in range(3)], "some": [outcome(0.2) for _ in range(3)]}
    result = page_figures(outcomes, "test", 5)
    assert result["seeds"] == [5, 6, 7]
    none, some = result["settings"]["none"], result["settings"]["some"]
    assert some["gain"]["value"] == pytest.approx(0.2)
    assert some["verdict"] == "gain"
    assert none["verdict"] == "inconclusive", "120 pages alike do not rule out half a point"
    assert none["over_the_first"]["gain"]["value"] == 0
    assert some["seconds"]["student"] == 2
    assert some["student"] == pytest.approx(np.mean(some["each_seed"]))
    assert [(pair["of"], pair["over"]) for pair in result["pairs"]] == [("some", "none")]
