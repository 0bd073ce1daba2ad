"""`--record`: each command that measures puts its figures, with their origin, into the file that is named."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest
from PIL import Image

from distill.cli import main
from distill.commands.recording import of_comparison, of_reading_speed, of_renderer_speed, of_report, setting_of
from distill.records import Record, read_question

NETWORK = {
    "lines_a_second": 1000.04,
    "exact": 0.875,
    "cer": 0.02,
    "over_the_network_alone": 1.5,
    "cold": {"seconds": 0.275, "mib": 84.4},
    "processes": {"n": 2, "times_one": 1.9},
}


def labelled_folder(folder: Path) -> Path:
    folder.mkdir()
    Image.new("L", (64, 32), 255).save(folder / "a.png")
    (folder / "labels.tsv").write_text("a.png\tab\n")
    return folder


def by_key(records: tuple[Record, ...], *names: str) -> dict[tuple[str, ...], Record]:
    return {(r.what, *(r.columns[name] for name in names)): r for r in records}


def test_evaluate_puts_its_figures_into_the_file(
    tmp_path: Path, student_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, target = labelled_folder(tmp_path / "lines"), tmp_path / "r.json"
    words = ["evaluate", str(student_file), str(data), "--json", "--record", str(target)]
    assert main(words) == 0
    result = json.loads(capsys.readouterr().out)
    records = read_question(target).records
    found = by_key(records, "model", "lines")
    for what, key in (("exact lines", "exact"), ("CER", "cer"), ("WER", "wer")):
        record = found[what, student_file.name, "all"]
        assert (record.value, record.unit) == (round(100 * result[key], 2), "%")
        assert record.seconds is not None
        assert record.command == f"distill evaluate {student_file} {data} --json"
    assert found["lines", student_file.name, "all"].value == 1
    assert main(words) == 0
    assert len(read_question(target).records) == len(records)


def test_what_cannot_hold_records_is_refused_before_anything_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (["student", "smoke"], ["compare", "smoke", "--over", "objective.dist.weight=1"], ["speed", "scene"]):
        assert main([*words, "--record", str(tmp_path / "no" / "r.json")]) == 2
        assert "there is no folder" in capsys.readouterr().err
    assert main(["evaluate", "scene", "lines", "--record", "r.tsv"]) == 2


def test_figures_of_a_report_have_the_seconds_of_their_phase(tmp_path: Path) -> None:
    (tmp_path / "timing.json").write_text(
        '{"lines": 1.0, "teacher": 20.0, "control": 3.0, "student": 4.0, "report": 0.5}'
    )
    part = {"parameters": 143_033, "exact": 0.957, "cer": 0.0044, "wer": 0.01}
    interval = {"value": 0.0421, "low": 0.031, "high": 0.054}
    report = {
        "teacher": {**part, "exact": 0.978},
        "control": {**part, "exact": 0.915},
        "student": part,
        "seeds": [3],
        "gain": interval,
        "gap_recovered": None,
        "verdict": "no_gain",
    }
    options = argparse.Namespace(recipe="recipes/own.yaml", overrides=["data.root=x", "student.model.size=small"])
    figures = {(f.what, f.columns["network"]): f for f in of_report(options, tmp_path, report).figures}
    assert figures["exact lines", "teacher"][1] == 97.8
    assert figures["exact lines", "teacher"].seconds == 20.0
    gain = figures["gain", "student distilled"]
    assert (gain.value, gain.unit, gain.interval, gain.seeds, gain.seconds) == (4.21, "points", (3.1, 5.4), (3,), 28.5)
    assert figures["verdict", "student distilled"].value == "no gain"
    assert ("gap recovered", "student distilled") not in figures
    assert gain.columns == {"recipe": "own", "setting": "student.model.size=small", "network": "student distilled"}


def test_figures_of_a_comparison_are_means_of_its_seeds() -> None:
    gain = {"gain": {"value": 0.03, "low": 0.015, "high": 0.045}}
    row = {"control": 0.759, "student": 0.79, "seconds": {"control": 40.0, "student": 50.0, "cache": 25.0}, **gain}
    result = {"seeds": [0, 1], "on": "validation", "settings": {n: {**row, "over_the_first": gain} for n in "ab"}}
    options = argparse.Namespace(recipe="receipts", over=["objective.term=a,b"])
    figures = {(f.what, f.columns["setting"]): f for f in of_comparison(options, result).figures}
    assert figures["exact lines, student alone", "a"].value == 75.9
    assert figures["gain over the student alone", "b"].seconds == 75.0
    assert figures["gain over the first setting", "b"].interval == (1.5, 4.5)
    assert ("gain over the first setting", "a") not in figures
    assert all(f.seeds == (0, 1) for f in figures.values())
    weighed = {"a onnx": {"setting": "a", "lines_a_second": 831.4, "bytes": 943_210}}
    of_files = [
        f for f in of_comparison(options, {**result, "pareto": {"candidates": weighed}}).figures if "file" in f.columns
    ]
    assert [(f.what, f.value, f.columns["file"]) for f in of_files] == [
        ("lines/s", 831.0, "a onnx"),
        ("size of the model file", 0.94, "a onnx"),
    ]


def test_figures_of_speed_name_the_ratio_to_every_peer() -> None:
    peer = {"lines_a_second": 50.0, "exact": 0.839, "cer": 0.022}
    result = {"models": {"model.onnx": NETWORK}, "peers": {"peer": peer}, "lines": 10}
    figures = {(f.what, f.columns["reader"]): f.value for f in of_reading_speed("m", result, 9.0).figures}
    assert figures["the fastest model is faster by", "peer"] == 20.0
    assert figures["exact lines", "model.onnx"] == 87.5
    assert figures["peak memory", "model.onnx"] == 84
    assert figures["2 processes over one", "model.onnx"] == 1.9


def test_figures_of_the_renderer_hold_what_was_measured_alone() -> None:
    result = {"characters": 28, "height_px": 32, "lines_a_second": 5000, "first_use": 500, "over_pillow": 4.8}
    figures = {f.what: f.value for f in of_renderer_speed(result, 3.0).figures}
    assert figures == {"lines/s": 5000, "lines/s in the first round": 500, "over a plain Pillow loop": 4.8}


def test_a_setting_is_what_sets_one_run_apart_from_another() -> None:
    assert setting_of(["data.root=x", "objective.dist.weight=1", "runtime.threads=1"]) == "objective.dist.weight=1"
