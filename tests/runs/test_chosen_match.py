"""How a teacher is matched where the recipe leaves it to the suite: measured, said, written down, and kept."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from distill.cli import main
from distill.digests import digest_of
from distill.evaluation.doctor.scatter import Scatter
from distill.recipe.file import load_recipe
from distill.recipe.objective import FrameMatch, Objective
from distill.recipe.sections import RecipeError
from distill.runs import chosen_match
from distill.runs.chosen_match import MATCH_NAME, FrameRates, choice, objective_of_student
from distill.runs.opening import open_run
from distill.runs.teachers import finished_teacher
from distill.runtime import StopFlag

AUTO = FrameMatch(how="auto", temperature=2)


def test_it_goes_by_frames_and_by_scatter() -> None:
    near, far = Scatter(0.038, 3330, 345), Scatter(0.057, 3330, 345)
    equal = FrameRates(8.0, 8.0)
    for scatter, always, words in (
        (near, False, r"frame by frame, since .* 0\.30 frames .* at most 0\.38"),
        (far, True, r"symbol by symbol on equal frames, since .* 0\.46 frames .* more than 0\.38"),
        (None, False, "frame by frame, as by default: too few .*"),
    ):
        match, why = choice(AUTO, scatter, equal, adopted=True)
        assert match == FrameMatch(how="symbols", always=always, temperature=2)
        assert re.fullmatch(words, why)
    match, why = choice(AUTO, far, equal, adopted=False)
    assert match == FrameMatch(how="symbols", temperature=2)
    assert why == "frame by frame, since the teacher is a network of this suite with frames as the student's"
    match, why = choice(AUTO, None, FrameRates(8.0, 6.0), adopted=True)
    assert match == FrameMatch(how="symbols", temperature=2)
    assert why == "symbol by symbol, since the teacher has 6 frames a line height, the student 8"
    assert digest_of(choice(FrameMatch(how="auto"), near, equal, adopted=True)[0]) == digest_of(
        FrameMatch()
    )  # the default


def test_always_is_not_set_beside_auto() -> None:
    with pytest.raises(RecipeError, match="auto decides whether symbols are matched always"):
        load_recipe("smoke", ["objective.match={how: auto, always: true}"])


def rendered(name: str, lines: int) -> dict[str, object]:
    return {"kind": "rendered", "name": name, "lines": lines, "fonts": ["arimo"], "text": {"max_characters": 8}}


@pytest.fixture
def choices(cache: Path) -> list[str]:
    """Settings of a student of two steps, taught by `receipts` on few lines, that has its match chosen."""
    data = {"train": [rendered("some", 80)], "validation": [rendered("few", 4)], "test": [rendered("more", 4)]}
    return [
        f"runtime.cache_root={cache}",
        "teacher.file=receipts",
        "runtime.workers=0",
        "teacher.allow_weak=true",
        "objective.match.how=auto",
        "student.control=false",
        *(f"student.training.{key}={value}" for key, value in {"steps": 2, "batch_lines": 4}.items()),
        *(f"data.{part}={json.dumps(sources)}" for part, sources in data.items()),
        "data.charset={characters: null, outside: drop}",
    ]


def test_a_run_measures_once_says_it_and_writes_it_down(
    choices: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    of_this_suite = tmp_path / "of-this-suite"
    assert main(["student", "smoke", *choices, "--run", str(of_this_suite)]) == 0
    unmeasured = json.loads((of_this_suite / MATCH_NAME).read_text())
    assert (unmeasured["scatter"], unmeasured.get("always", False)) == (None, False)

    monkeypatch.setattr(chosen_match, "provenance_of", lambda _: {"licence": "Apache-2.0"})  # as if others had made it
    run = tmp_path / "run"
    assert main(["student", "smoke", *choices, "--run", str(run)]) == 0
    found = json.loads((run / MATCH_NAME).read_text())
    assert len(found.pop("sha256")) == 64  # of the rest
    assert f"match: {found['why']}" in capsys.readouterr().err
    assert "frames of the student about their ink" in found["why"]
    assert found["scatter"]["n_symbols"] >= 200
    assert json.loads((run / "report.json").read_text())["match"] == found
    assert found["why"] in (run / "report.md").read_text()

    words = ["compare", "smoke", *choices, "student.control=true", "--over", "objective.match.how=auto", "--seeds", "1"]
    assert main([*words, "--run", str(tmp_path / "compared")]) == 0
    compared = json.loads((tmp_path / "compared" / "compare.json").read_text())
    assert compared["match"] == {"auto, seed 0": found["why"]}
    assert found["why"] in (tmp_path / "compared" / "compare.md").read_text()

    def objective(*more: str) -> Objective:
        opened = open_run(load_recipe("smoke", [*choices, *more]), run, StopFlag())
        return objective_of_student(opened, finished_teacher(opened))

    settled, written = objective(), (run / MATCH_NAME).read_bytes()
    assert settled.match == FrameMatch(how="symbols", always=found["scatter"]["heights"] * 8 > 0.38)
    (run / MATCH_NAME).unlink()
    assert objective() == settled  # measured again
    assert (run / MATCH_NAME).read_bytes() == written
    with monkeypatch.context() as patched:
        patched.setattr(chosen_match, "scatter_of", lambda *_: None)
        assert objective() == settled  # taken from what was written down
        shutil.rmtree(run / "student")  # which began with another seed
        objective("seed=5")
    assert "too few" in json.loads((run / MATCH_NAME).read_text())["why"]
