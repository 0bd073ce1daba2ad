"""Paired experiments: settings of the student against one teacher, resumable, with a page and a chart."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from distill.cli import main
from distill.comparison import equal_seconds
from distill.comparison.equal_seconds import LONGER, begun_before, lengthened
from distill.comparison.line_outcomes import GIVEN, LineOutcome, line_figures
from distill.comparison.lines import run_comparison
from distill.comparison.settings import Comparison, folder_name, settings_of
from distill.evaluation.characters import LineScores
from distill.recipe.file import load_recipe, resolved_yaml
from distill.recipe.objective import TAUGHT
from distill.runs import opening
from distill.runtime import StopFlag, Stopped
from distill.training import train
from students.errors import CheckpointError, UserError
from students.model_file import read_model

BUDGET = [
    f"{role}.training.{key}={value}"
    for role in ("teacher", "student")
    for key, value in {"steps": 2, "validate_every": 2, "log_every": 1, "batch_lines": 4}.items()
]
AXES = ["--over", "objective.term=frame_kl,dist,blank_split", "--over", "objective.trust.policy=drop"]
LONGER_TOO = pytest.param(True, marks=pytest.mark.long)

ROLES = ("teacher", "control", "student")


@pytest.mark.parametrize("equal", [False, LONGER_TOO])
def test_settings_share_the_teacher_and_the_control_and_are_paired(
    equal: bool, tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["compare", "smoke", *tiny, *BUDGET, *AXES, "--seeds", "2", "--run", str(tmp_path / "c"), "--json"]
    words += ["--equal-seconds"] * equal
    ratios = itertools.count(2)
    monkeypatch.setattr(equal_seconds, "distilling_s", lambda outcome: next(ratios) * outcome.seconds["control"])
    assert main(words) == 0
    result = json.loads(capsys.readouterr().out)
    assert set(result["settings"]) == {"frame_kl drop", "dist drop", "blank_split drop"}
    assert result == json.loads((tmp_path / "c" / "compare.json").read_text())
    assert (tmp_path / "c" / "compare.png").stat().st_size > 5000
    page = (tmp_path / "c" / "compare.md").read_text()
    assert "| dist drop |" in page
    _, pairs = page.split("## Every pair")
    assert sum(f"| {a} | {b} |" in pairs for a, b in itertools.permutations(result["settings"], 2)) == 3
    if equal:
        assert "| dist drop |" in page.split("## Over a control given the seconds")[1].split("## Every pair")[0]
    files = sorted((tmp_path / "c").glob("*/seed-*/*/model.safetensors"))
    trained = [(f.parent.name, read_model(f)[0].training) for f in files]
    jobs = {role: {t["job"] for of, t in trained if of == role} for role in ROLES}
    assert {role: len(found) for role, found in jobs.items()} == {"teacher": 1, "control": 2, "student": 6}
    longer = [
        tmp_path / "c" / LONGER / name / f"seed-{n}/control/model.safetensors"
        for name in ("frame_kl_drop", "dist_drop", "blank_split_drop")
        for n in (0, 1)
        if equal
    ]
    assert [read_model(f)[0].training["steps"] for f in longer] == [2 * ratio for ratio in range(2, 2 + len(longer))]
    files += longer
    times = [f.stat().st_mtime_ns for f in files]
    assert main(words) == 0
    assert [f.stat().st_mtime_ns for f in files] == times
    again = json.loads(capsys.readouterr().out)
    for row in (*again["settings"].values(), *result["settings"].values()):
        assert row.pop("seconds")["student"] > 0
    assert again == result


def test_a_comparison_that_is_stopped_goes_on_and_its_folder_takes_another_first_setting(
    tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    enough = "data.validation.0.lines=60"  # fewer are too few to weigh students on
    words = ["compare", "smoke", *tiny, enough, *BUDGET, "--seeds", "1", "--equal-seconds", "--json"]
    one = [*words, "--run", str(tmp_path / "c"), "--over", "objective.term=frame_kl,dist"]
    monkeypatch.setattr(equal_seconds, "distilling_s", lambda outcome: 2 * outcome.seconds["control"])
    trained, jobs = opening.train, []

    def stopped_at_the_third(job, *rest):
        jobs.append(job.role)
        if len(jobs) == 3:
            raise Stopped
        return trained(job, *rest)

    monkeypatch.setattr(opening, "train", stopped_at_the_third)
    assert main(one) == 75
    assert jobs == ["teacher", "control", "student"]
    done = {f: f.stat().st_mtime_ns for f in tmp_path.glob("c/*/seed-0/*/model.safetensors")}
    assert main(one) == 0
    assert all(f.stat().st_mtime_ns == time for f, time in done.items())
    assert set(json.loads(capsys.readouterr().out)["settings"]) == {"frame_kl", "dist"}
    assert "\n| dist | " in (tmp_path / "c" / "compare.md").read_text().split("## Over a control given the seconds")[1]
    other = [*one[:-1], "student.model={kind: recurrent},{kind: digits}"]
    assert main([*other, "--pareto", "--at-least", "0.9", "--lines-a-second", "1"]) == 0
    weighed = json.loads(capsys.readouterr().out)["pareto"]
    assert weighed == json.loads((tmp_path / "c" / "pareto.json").read_text())
    assert set(weighed["candidates"]) == {"recurrent", "digits"}
    assert (weighed["take"], weighed["lines"]) == (None, 60)
    assert weighed["why"].startswith("None of the 2 reads at least 90.0% of the lines at 1 lines/s or more. The most")
    for row in weighed["candidates"].values():
        assert row["bytes"] == Path(row["path"]).stat().st_size
    page = (tmp_path / "c" / "pareto.md").read_text()
    assert page.startswith("# smoke: which student\n\n**None of the 2")
    assert (tmp_path / "c" / "pareto.png").stat().st_size > 5000
    longer = {f.parts[-4] for f in tmp_path.glob(f"c/{LONGER}/*/seed-0/control/model.safetensors")}
    assert longer == {"frame_kl", "dist", "_kind_recurrent_", "_kind_digits_"}


def test_a_student_or_longer_control_that_collapses_counts_as_one_that_reads_nothing(
    tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    validated = train._validation_of_shown

    def silent(job: train.Job) -> bool:
        return job.role == "student" or LONGER in job.folder.parts

    monkeypatch.setattr(equal_seconds, "distilling_s", lambda outcome: 2 * outcome.seconds["control"])
    monkeypatch.setattr(train, "SILENT_STEPS", 1)
    monkeypatch.setattr(
        train, "_validation_of_shown", lambda session: validated(session)._replace(silent=silent(session.job))
    )
    words = ["compare", "smoke", *tiny, *BUDGET, "--over", "objective.term=frame_kl", "--seeds", "1", "--equal-seconds"]
    words += ["--run", str(tmp_path), "--json"]
    for _ in range(2):  # begun again, it goes the same way
        assert main(words) == 0
        printed = capsys.readouterr()
        assert "collapsed to blanks" in printed.err
        row = json.loads(printed.out)["settings"]["frame_kl"]
        assert row["student"] == row[GIVEN]["exact"] == 0
    assert main([*words, "student.control=false"]) == 2
    assert "settings are compared over their controls" in capsys.readouterr().err


def test_a_longer_student_is_longer_in_its_stages_too_and_begins_but_once(tmp_path: Path) -> None:
    student = load_recipe("receipts").student
    longer = lengthened(student, 1.5)
    assert longer.training.steps == round(1.5 * student.training.steps)
    assert longer.stages[0].training.steps == round(1.5 * student.stages[0].training.steps)
    assert longer.model_copy(update={"training": student.training, "stages": student.stages}) == student
    recipe = load_recipe("receipts")
    assert begun_before(tmp_path, student) is None
    for ratio in (1.5, 1.01249):
        longer = lengthened(student, ratio)
        (tmp_path / "recipe.yaml").write_text(resolved_yaml(recipe.model_copy(update={"student": longer})))
        assert begun_before(tmp_path, student) == longer  # no clock is asked again


@pytest.mark.parametrize(
    ("over", "message"),
    [
        ("teacher.training.steps=3,4", "only keys of student and objective"),
        ("objective.term=kl", "no term with a teacher"),
        ("objective.trust.policy", "write KEY=A,B"),
        ("student.training.steps=10,20,10", "10 stands there twice; name each value once"),
        ("student.seed=3,4", "--seeds sets how many"),
        ("objective.dist.weight=1,2", "an earlier --over sets objective.dist.weight too"),
    ],
)
def test_what_cannot_be_compared_is_refused(over: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        settings_of(["objective.term=frame_kl,dist", over], load_recipe("smoke"))


def test_a_model_that_a_setting_lacks_is_told_before_the_teacher_learns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distill.comparison.lines.open_run", None)
    comparison = Comparison("smoke", (), ["student.init=scene,gone.safetensors"], n_seeds=2)
    with pytest.raises(CheckpointError, match=r"^gone\.safetensors: .*gone\.safetensors") as told:
        run_comparison(comparison, tmp_path, StopFlag())
    assert len(str(told.value).splitlines()) == 1


def test_settings_with_long_names_have_folders_of_their_own() -> None:
    names = [folder_name(f"{{probability: 0.5, {'rotation_deg: 1, ' * 40}shear: {shear}}}") for shear in (0.1, 0.2)]
    assert len(set(names)) == 2
    assert max(map(len, names)) < 100
    assert folder_name("frame_kl keep") == "frame_kl_keep"


def test_every_combination_of_the_axes_is_a_setting() -> None:
    axes = ["objective.term=frame_kl,dist", "objective.trust.policy=keep,drop"]
    found = settings_of(axes, load_recipe("smoke"))
    assert [setting.name for setting in found] == ["frame_kl keep", "frame_kl drop", "dist keep", "dist drop"]
    assert "objective.trust.policy=drop" in found[-1].overrides
    assert "objective.dist.weight=1.0" in found[-1].overrides


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("student.sources", ["[a,b]", "[c]"]),
        ("student.model", ["{kind: digits, channels: [8, 16, 32]}", "{kind: recurrent, size: small}"]),
    ],
)
def test_lists_and_sections_are_not_torn_apart(key: str, values: list[str]) -> None:
    for comma in (",", ", ", ",,"):
        found = settings_of([f"{key}={comma.join(values)}"], load_recipe("smoke"))
        assert [s.overrides for s in found] == [(f"{key}={value}",) for value in values]


def test_terms_joined_by_a_plus_teach_together_and_the_others_are_silent() -> None:
    for setting in settings_of(["objective.term=dist,frame_kl+dist"], load_recipe("smoke")):
        objective = load_recipe("smoke", setting.overrides).objective
        taught = {name for name in TAUGHT if getattr(objective, name).weight}
        assert taught == set(setting.name.split("+"))
    with pytest.raises(UserError, match="'kl' is no term"):
        settings_of(["objective.term=dist+kl"], load_recipe("smoke"))


def test_seeds_are_pooled_and_settings_compared_line_by_line() -> None:
    ones, half = np.ones(400), np.tile([1.0, 0.0], 200)

    def outcome(student: np.ndarray) -> LineOutcome:
        roles = {"teacher": ones, "control": half, "student": student}
        return LineOutcome(errors(roles), np.full(400, 10), {"control": 1.0, "student": 2.0})

    def errors(roles: dict[str, np.ndarray]) -> dict[str, LineScores]:
        return {role: LineScores(exact, 4 * (1 - exact)) for role, exact in roles.items()}

    outcomes = {"a": [outcome(half), outcome(half)], "b": [outcome(ones), outcome(half)]}
    longer = {
        name: [LineOutcome(errors({"control": control}), np.full(400, 10), {})] * 2
        for name, control in (("a", ones), ("b", half))
    }
    result = line_figures(outcomes, longer, "validation", 5)
    given = {name: row[GIVEN] for name, row in result["settings"].items()}
    assert {name: one["exact"] for name, one in given.items()} == {"a": 1.0, "b": 0.5}
    assert given["a"]["gain"]["value"] == pytest.approx(-0.5)
    assert given["b"]["gain"]["value"] == pytest.approx(0.25)
    b = result["settings"]["b"]
    assert result["seeds"] == [5, 6]
    assert b["student"] == 0.75
    assert b["each_seed"] == [1.0, 0.5]
    assert b["each_control"] == [0.5, 0.5]
    assert b["gain"]["value"] == pytest.approx(0.25)
    assert b["verdict"] == b["over_the_first"]["verdict"] == "gain"
    assert b["gap_recovered"]["value"] == pytest.approx(0.5)
    assert result["settings"]["a"]["over_the_first"]["gain"]["value"] == 0
    (pair,) = result["pairs"]  # the better first
    assert (pair["of"], pair["over"], pair["verdict"]) == ("b", "a", "gain")
    assert pair["gain"]["value"] == pytest.approx(0.25)
    assert b["cer"] == {"teacher": 0.0, "control": 0.2, "student": pytest.approx(0.1)}
    assert b["cer_change"]["value"] == pair["cer_change"]["value"] == pytest.approx(-0.1)
    assert not b["nothing_reads"]
    silent = outcome(half).reading_nothing("student").scores["student"]
    assert silent.exact_N.sum() == 0
    assert silent.edits_N.sum() == 4000
