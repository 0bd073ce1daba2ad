"""A run whose teacher is an ONNX file from elsewhere: taught, cached, checked, reported, refused where it must be."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from distill.cli import main
from distill.delivery.speed import flops
from distill.delivery.speed import recogniser as reading_speed
from distill.teaching.provenance import NOT_KNOWN
from distill.track import read_metrics
from students import load
from tests.adopted import TRAINING, write_adopted
from tests.samples import png_bytes
from tests.trained import trained

BUDGET = {"steps": 4, "log_every": 2, "validate_every": 4, "batch_lines": 8}
QUICK = [f"student.training.{key}={value}" for key, value in BUDGET.items()]


def words(folder: Path, tiny: list[str], *more: str) -> list[str]:
    return ["smoke", *tiny, *QUICK, *more, "--run", str(folder)]


@pytest.fixture(scope="module")
def adopted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_adopted(tmp_path_factory.mktemp("adopted") / "adopted.onnx")


def test_a_student_learns_from_it_online_and_cached(adopted: Path, tiny: list[str], tmp_path: Path) -> None:
    curves = []
    for views in (0, 1):
        run = tmp_path / f"views-{views}"
        still = [f"student.training.augment.{key}=0" for key in ("probability", "contrast", "brightness")]
        still += [f"student.training.augment.{kind}_probability=0" for kind in ("blur", "noise", "jpeg")]
        more = [f"teacher.file={adopted}", f"objective.cache.views={views}", "objective.cache.top_k=200", *still]
        if views:
            assert main(["student", *words(run, tiny, "student.control=false", *more)]) == 0
        else:
            trained([*tiny, *QUICK, "student.control=false", *more], run)
        assert (run / "teacher" / "model.onnx").read_bytes() == adopted.read_bytes()
        entries = read_metrics(run / "student" / "metrics.jsonl")
        curves.append([entry["blank_split"] for entry in entries if "loss" in entry])
    assert np.isfinite(curves).all()
    assert curves[1] == pytest.approx(curves[0], rel=0.05)
    report = json.loads((run / "report.json").read_text())
    assert report["teacher"]["parameters"] == 12 * 3 * 48 * 8 + 12 * 60 + 60
    record = load(run).description.training["teachers"]
    assert record == [{**{key: TRAINING[key] for key in ("licence", "origin", "public_data")}, "sha256": "a" * 64}]
    (sentence,) = report["foreign_teachers"]
    assert TRAINING["public_data"] in sentence
    assert sentence in (run / "report.md").read_text()
    assert "report: the teacher reads the test" in json.loads((run / "timing.json").read_text())
    assert main(["export", str(run), "--to", "hub", "--out", str(tmp_path / "hub")]) == 0
    card = (tmp_path / "hub" / "README.md").read_text()
    assert "One of its teachers was adopted (made for a test, licence Apache-2.0)" in card
    assert f"A teacher of this run was made by others: {NOT_KNOWN}" in card


def test_it_teaches_beside_the_runs_own_teacher(adopted: Path, tiny_run: Path, tiny: list[str], tmp_path: Path) -> None:
    own = f"teacher.file={tiny_run / 'teacher'}"
    more = f"objective.more_teachers=[{{file: {adopted}, weight: 0.5}}]"
    hint = "objective.feature_hint.weight=0.5"  # from the run's own teacher
    trained([*tiny, *QUICK, "student.control=false", own, more, hint], tmp_path / "run")


def test_a_term_on_features_refuses_it_before_anything_is_trained(
    adopted: Path, tiny: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for hint in ("objective.feature_hint.weight=1", "objective.feature_hint={weight: 1, through_neck: true}"):
        wanted = words(tmp_path / "run", tiny, f"teacher.file={adopted}", hint)
        assert main(["student", *wanted]) == 2
        assert "gives posteriors and no features" in capsys.readouterr().err
        assert main(["check", *wanted]) == 1
        assert "gives posteriors and no features" in " ".join(capsys.readouterr().out.split())
    assert not (tmp_path / "run" / "control").exists()


def test_the_doctor_asks_it(adopted: Path, tiny: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = {"a.png": "12", "b.png": "ab9", "c.png": "xyz"}
    for number, name in enumerate(labels):
        (tmp_path / name).write_bytes(png_bytes(32, 100, number))
    (tmp_path / "labels.tsv").write_text("file\ttext\n" + "".join(f"{n}\t{t}\n" for n, t in labels.items()))
    data = json.dumps([{"kind": "folder", "name": "real", "path": str(tmp_path)}])
    more = (f"teacher.file={adopted}", f"data.test={data}")
    main(["check", *words(tmp_path / "run", tiny, *more), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert any("labels that the teacher cannot write" in note and "c.png" in note for note in found["notes"])
    assert {doubt["key"] for doubt in found["suspicious"]} == {"real/a.png", "real/b.png"}


def test_it_is_evaluated_and_timed_by_itself(
    adopted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flops, "LEAST_S", 0.002)
    monkeypatch.setattr(flops, "ROUNDS", 1)
    monkeypatch.setattr(reading_speed, "ROUNDS", 1)
    for number in range(60):
        (tmp_path / f"{number}.png").write_bytes(png_bytes(32, 60 + number, number))
    rows = [f"{number}.png\t12\n" for number in range(60)]
    (tmp_path / "labels.tsv").write_text("file\ttext\n" + "".join(rows))
    assert main(["evaluate", str(adopted), str(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["n"], found["public_data"]) == (60, TRAINING["public_data"])
    assert main(["evaluate", str(adopted), str(tmp_path)]) == 0
    assert TRAINING["public_data"] in capsys.readouterr().out
    assert main(["speed", str(adopted), "--data", str(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    (model,) = found["models"].values()
    assert found["public_data"] == TRAINING["public_data"]
    frames, features = 320 // 8, 12
    assert model["mflop"]["320"] == pytest.approx(2 * frames * features * (3 * 48 * 8 + 60) / 1e6)
