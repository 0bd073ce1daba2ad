"""Where runs stand, from their folders alone: finished, going on, interrupted, half written."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest

from distill.delivery.watching.state import MOST_RUNS, QUIET_S, runs_in, state_of
from distill.delivery.watching.terminal import duration, in_terminal, sparkline
from students.errors import UserError

RECIPE = "extends: smoke\nname: little\nabout: a little run\n"


def begun(folder: Path, name: str = "student", steps: int = 30) -> Path:
    """A run that has taken some steps of one network, its last row half written."""
    place = folder / name
    place.mkdir(parents=True)
    (folder / "recipe.yaml").write_text(RECIPE)
    rows = [{"step": 0, "parameters": 9}, {"step": 10, "loss": 2.0}, {"step": steps, "loss": 1.0}]
    rows.append({"step": steps, "validation_exact": 0.5, "validation_cer": 0.25})
    (place / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"step": 4')
    answers = [{"key": "a", "right": "one", "given": "one"}, {"key": "b", "right": "two", "given": "tw"}]
    (place / "answers.json").write_text(json.dumps({"step": steps, "answers": answers}))
    timing = {f"{name}: steps": 12.0, f"{name}: waiting for data, share": 0.25}
    (folder / "timing.json").write_text(json.dumps(timing))
    (folder / "data.json").write_text(json.dumps({"refused": {"train": [{"key": "x", "reason": "y"}], "test": []}}))
    return folder


def test_a_run_that_goes_on(tmp_path: Path) -> None:
    state = state_of(begun(tmp_path / "run"))
    (network,) = state.networks
    assert (network.name, network.step, network.steps) == ("student", 30, 60)
    assert network.going
    assert not network.finished
    assert network.curves["loss"] == [(10, 2.0), (30, 1.0)]
    assert network.a_second == pytest.approx(30 * network.a_step / 12)
    assert network.left_s == pytest.approx(12)
    assert (state.recipe, state.about, state.verdict) == ("little", "a little run", None)
    assert state.refused == {"train": 1}
    json.dumps(state.as_dict())


def test_a_run_that_was_interrupted_is_not_going_on(tmp_path: Path) -> None:
    run = begun(tmp_path / "run")
    long_ago = time.time() - 2 * QUIET_S
    for path in (run / "student" / "metrics.jsonl", run / "student"):
        os.utime(path, (long_ago, long_ago))
    assert not state_of(run).networks[0].going
    assert "not going on" in in_terminal([state_of(run)], 100)


@pytest.mark.parametrize("name", ["data.json", "timing.json", "student/answers.json"])
def test_a_damaged_file_is_named(name: str, tmp_path: Path) -> None:
    run = begun(tmp_path / "run")
    (run / name).write_bytes((run / name).read_bytes()[:-3])
    with pytest.raises(UserError, match=f"{name}: cannot be read, or was damaged"):
        state_of(run)


@pytest.mark.parametrize("row", ["xx", "5", '{"loss": 1}', '{"step": "a"}', "\udcff"])
def test_a_damaged_row_among_whole_ones_is_named(row: str, tmp_path: Path) -> None:
    metrics = begun(tmp_path / "run") / "student" / "metrics.jsonl"
    rows = metrics.read_text().split("\n")
    metrics.write_bytes("\n".join([*rows[:2], row, *rows[2:]]).encode(errors="surrogateescape"))
    with pytest.raises(UserError, match=r"metrics\.jsonl: row 3 was damaged"):
        state_of(tmp_path / "run")
    metrics.write_bytes(b"\n".join([*map(str.encode, rows[:2]), bytes(40)]))  # as a cut of power leaves the end
    assert state_of(tmp_path / "run").networks[0].step == 10


def test_runs_of_a_comparison_are_found(tmp_path: Path) -> None:
    for setting in ("a", "b"):
        begun(tmp_path / "compared" / setting / "seed-0")
    assert [run.parent.name for run in runs_in([tmp_path / "compared"])] == ["a", "b"]
    begun(tmp_path / "one")
    assert runs_in([tmp_path / "one"]) == [tmp_path / "one"]
    with pytest.raises(UserError, match="neither a run folder nor a comparison"):
        runs_in([tmp_path / "none"])
    for i in range(MOST_RUNS):
        begun(tmp_path / "many" / str(i) / "seed-0")
    with pytest.raises(UserError, match="too many to look at"):
        runs_in([tmp_path / "many", tmp_path / "one"])


def test_the_terminal_shows_it_within_its_width(tmp_path: Path) -> None:
    state = state_of(begun(tmp_path / "run"))
    text = in_terminal([state], 90)
    assert max(map(len, text.splitlines())) <= 90
    assert "30 of 60 steps, 12 s left" in text
    assert "exact 50.0% (best 50.0%)" in text
    assert "25% waiting for data" in text
    assert "=  'one'" in text
    assert "≠  'tw'  should be 'two'" in text
    in_terminal([state], 90, plain=True).encode("ascii")
    nothing = tmp_path / "new"
    nothing.mkdir()
    (nothing / "recipe.yaml").write_text(RECIPE)
    assert "nothing is trained yet" in in_terminal([state_of(nothing)], 90)
    shutil.rmtree(nothing)


def test_curves_and_times_in_words() -> None:
    assert sparkline([0, 1]) == "▁█"
    assert sparkline([3, 3, 3]) == "▁▁▁"
    assert len(sparkline(list(range(100)), 24)) == 24
    assert [duration(s) for s in (12, 600, 7500)] == ["12 s", "10 min", "2 h 05 min"]
