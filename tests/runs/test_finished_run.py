"""What a run leaves behind: its folder, the report, the metrics; and that what is finished is reused."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from PIL import Image

import students
import teachers
from distill.cli import main
from distill.track import read_metrics
from docs.website import ROOT
from students.parts import n_parameters


def test_the_run_folder_is_as_documented(tiny_run: Path) -> None:
    names = {p.name for p in tiny_run.iterdir()}
    assert names >= {
        "recipe.yaml",
        "environment.json",
        "data.json",
        "timing.json",
        "teacher",
        "control",
        "student",
        "report.json",
        "report.md",
        "report.html",
        "pictures",
        "predictions.tsv",
    }
    for role in ("teacher", "control", "student"):
        assert {p.name for p in (tiny_run / role).iterdir()} == {
            "model.safetensors",
            "metrics.jsonl",
            "checkpoints",
            "lines.json",
            "answers.json",
        }
        assert len(list((tiny_run / role / "checkpoints").iterdir())) == 1


def test_the_report_holds_what_its_schema_says(tiny_run: Path) -> None:
    report = json.loads((tiny_run / "report.json").read_text())
    for role in ("teacher", "control", "student"):
        assert set(report[role]) >= {"parameters", "protocol", "n", "exact", "cer", "wer", "sources"}
        assert report[role]["n"] == 24
        assert report[role]["sources"]["test"]["n"] == 24
        assert 0 <= report[role]["exact"] <= 1
    assert report["verdict"] in ("gain", "no_gain", "inconclusive")
    assert report["seeds"] == [0]
    assert report["gap_recovered"] is None or {"value", "low", "high"} <= set(report["gap_recovered"])
    page = (tiny_run / "report.md").read_text()
    assert "Verdict" in page
    pictures = list((tiny_run / "pictures").iterdir())
    assert pictures
    for picture in pictures:
        Image.open(picture).verify()
        assert f"pictures/{picture.name}" in page


def test_every_model_is_calibrated_on_validation_and_the_report_says_what_that_gave(tiny_run: Path) -> None:
    confidence = json.loads((tiny_run / "report.json").read_text())["confidence"]
    fitted = {}
    for role in ("teacher", "control", "student"):
        fitted[role] = teachers.load(tiny_run / role / "model.safetensors").description.calibration.temperature
        assert confidence[role]["temperature"] == pytest.approx(fitted[role], abs=1e-3)
        assert 0 <= confidence[role]["ece"] <= 1
        assert 0 <= confidence[role]["ece_before"] <= 1
        accepted = [point["accepted"] for point in confidence[role]["curve"]]
        assert accepted == sorted(accepted)
        assert accepted[-1] == 1
    assert any(temperature != 1 for temperature in fitted.values())


def test_lines_are_counted_by_width_and_character(tiny_run: Path) -> None:
    data = json.loads((tiny_run / "data.json").read_text())
    assert 0 <= data["padding"]["few_widths_share"] < 1
    assert data["padding"]["few_widths"] <= 8
    assert sum(data["characters"]["train"].values()) > 96 * 3


def test_the_report_has_what_was_sampled_of_each_source(tiny_run: Path) -> None:
    sampled = json.loads((tiny_run / "report.json").read_text())["drawn"]
    assert set(sampled) == {"teacher", "control", "student"}
    assert all(part["steps"] == 16 and not part["replaced"] for part in sampled.values())
    assert sampled["teacher"]["drawn"] == {"printed": {"labelled": 16 * 8, "unlabelled": 0}}
    assert sampled["control"]["drawn"] == {"printed": {"labelled": 16 * 8, "unlabelled": 0}}
    of_student = sampled["student"]["drawn"]
    assert of_student["printed"]["labelled"] + of_student["unlabelled"]["unlabelled"] == 16 * 8
    assert of_student["unlabelled"]["unlabelled"] == pytest.approx(16 * 8 / 3, rel=0.15)
    assert "| student | unlabelled | 0 |" in (tiny_run / "report.md").read_text()


def test_a_run_that_ended_on_the_plateau_of_blanks_is_told_to_train_for_longer(tiny_run: Path) -> None:
    report = json.loads((tiny_run / "report.json").read_text())
    assert report["next"][0]["what"] == "steps"
    assert "After 16 steps the student reads nothing" in report["next"][0]["evidence"]
    assert set(report["fit"]) == {"teacher", "control", "student"}
    assert all(set(fit) == {"train", "validation", "test"} for fit in report["fit"].values())
    assert report["fit"]["student"]["train"]["n"] == 96  # those with a label
    assert report["fit"]["teacher"]["validation"]["n"] == 24


def test_control_and_student_are_of_one_size(tiny_run: Path) -> None:
    report = json.loads((tiny_run / "report.json").read_text())
    assert report["control"]["parameters"] == report["student"]["parameters"]
    student = students.load(tiny_run)
    assert n_parameters(student.model) == report["student"]["parameters"]


def test_metrics_explain_the_distillation(tiny_run: Path) -> None:
    entries = read_metrics(tiny_run / "student" / "metrics.jsonl")
    assert "teacher_exact" in entries[0]
    logged = [e for e in entries if "loss" in e]
    assert len(logged) == 4
    for entry in logged:
        assert set(entry) >= {
            "ctc",
            "blank_split",
            "kl_blank",
            "teacher_entropy",
            "blank_share",
            "learning_rate",
            "gradient_norm",
        }
    control = [e for e in read_metrics(tiny_run / "control" / "metrics.jsonl") if "loss" in e]
    assert len(control) == len(logged)
    assert "blank_split" not in control[0]


def test_control_and_student_have_equal_budgets(tiny_run: Path) -> None:
    states = [
        json.loads(next((tiny_run / role / "checkpoints").glob("*/state.json")).read_text())
        for role in ("control", "student")
    ]
    assert states[0]["step"] == states[1]["step"] == 16


def test_clocks_stand_in_timing_json_alone(tiny_run: Path) -> None:
    timing = json.loads((tiny_run / "timing.json").read_text())
    waited = {f"{role}: waiting for data, share" for role in ("teacher", "control", "student")}
    assert set(timing) >= {"lines", "teacher", "control", "student", "report", *waited}
    assert all(seconds > 0 for seconds in timing.values())
    assert all(timing[share] < 1 for share in waited)


def test_the_interfaces_name_every_part_of_a_report(tiny_run: Path) -> None:
    page = (ROOT / "docs" / "interfaces.md").read_text("utf-8")
    section = page.split("\n## report.json\n")[1].split("\n## ")[0]
    report = json.loads((tiny_run / "report.json").read_text())
    parts = {*report, *report["student"], *report["judged"], *report["drawn"]["student"], *report["ceiling"]}
    assert [part for part in sorted(parts) if not re.search(rf"[`, {{]{part}[`,}}]", section)] == []


def test_what_is_finished_is_reused(
    tiny_run: Path, tiny: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = shutil.copytree(tiny_run, tmp_path / "run")
    before = {p: p.stat().st_mtime_ns for p in run.rglob("model.safetensors")}
    report = (run / "report.json").stat().st_mtime_ns
    for command in ("teacher", "student"):
        assert main([command, "smoke", *tiny, "--run", str(run)]) == 0
    assert {p: p.stat().st_mtime_ns for p in run.rglob("model.safetensors")} == before
    assert (run / "report.json").stat().st_mtime_ns == report
    assert "nothing reads" in capsys.readouterr().out  # so few steps end on the plateau of blanks


def test_another_recipe_is_not_laid_over_a_finished_run(
    tiny_run: Path, tiny: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["smoke", *tiny, "--run", str(tiny_run), "seed=7"]
    assert main(["teacher", *arguments]) == 2
    assert "seed: 0 then, 7 now" in capsys.readouterr().err
