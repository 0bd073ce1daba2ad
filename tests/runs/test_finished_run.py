"""What a run leaves behind, and the commands that use it."""

from __future__ import annotations

import itertools
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import students
import teachers
from distill.cli import main
from distill.seeds import generator_of
from distill.synthesis.fonts import find_faces
from distill.synthesis.render import Appearance, render_line
from distill.track import read_metrics
from distill.training import train
from students.errors import CheckpointError
from students.parts import n_parameters
from tests.samples import png_bytes


def test_the_run_folder_is_as_documented(finished_run: Path) -> None:
    names = {p.name for p in finished_run.iterdir()}
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
        "pictures",
        "predictions.tsv",
    }
    for role in ("teacher", "control", "student"):
        assert {p.name for p in (finished_run / role).iterdir()} == {
            "model.safetensors",
            "metrics.jsonl",
            "checkpoints",
            "lines.json",
        }
        assert len(list((finished_run / role / "checkpoints").iterdir())) == 1


def test_the_report_holds_what_its_schema_says(finished_run: Path) -> None:
    report = json.loads((finished_run / "report.json").read_text())
    for role in ("teacher", "control", "student"):
        assert set(report[role]) >= {"parameters", "protocol", "n", "exact", "cer", "wer", "sources"}
        assert report[role]["n"] == 150
        assert report[role]["sources"]["test"]["n"] == 150
        assert 0 <= report[role]["exact"] <= 1
    assert report["verdict"] in ("gain", "no_gain", "inconclusive")
    assert report["seeds"] == [0]
    assert report["gap_recovered"] is None or {"value", "low", "high"} <= set(report["gap_recovered"])
    page = (finished_run / "report.md").read_text()
    assert "Verdict" in page
    for picture in (finished_run / "pictures").iterdir():
        Image.open(picture).verify()
        assert f"pictures/{picture.name}" in page


def test_every_model_is_calibrated_on_validation_and_the_report_says_what_that_gave(finished_run: Path) -> None:
    confidence = json.loads((finished_run / "report.json").read_text())["confidence"]
    fitted = {}
    for role in ("teacher", "control", "student"):
        fitted[role] = teachers.load(finished_run / role / "model.safetensors").description.calibration.temperature
        assert confidence[role]["temperature"] == pytest.approx(fitted[role], abs=1e-3)
        assert 0 <= confidence[role]["ece"] <= 1
        assert 0 <= confidence[role]["ece_before"] <= 1
        accepted = [point["accepted"] for point in confidence[role]["curve"]]
        assert accepted == sorted(accepted)
        assert accepted[-1] == 1
    assert any(temperature != 1 for temperature in fitted.values())


def test_lines_are_counted_by_width_and_character(finished_run: Path) -> None:
    data = json.loads((finished_run / "data.json").read_text())
    assert 0 <= data["padding"]["few_widths_share"] < 1
    assert data["padding"]["few_widths"] <= 8
    assert sum(data["characters"]["train"].values()) > 800 * 3


def test_the_report_has_what_was_sampled_of_each_source(finished_run: Path) -> None:
    sampled = json.loads((finished_run / "report.json").read_text())["drawn"]
    assert set(sampled) == {"teacher", "control", "student"}
    assert all(part["steps"] == 60 and not part["replaced"] for part in sampled.values())
    assert sampled["teacher"]["drawn"] == {"printed": {"labelled": 60 * 32, "unlabelled": 0}}
    assert sampled["control"]["drawn"] == {"printed": {"labelled": 60 * 32, "unlabelled": 0}}
    of_student = sampled["student"]["drawn"]
    assert of_student["printed"]["labelled"] + of_student["unlabelled"]["unlabelled"] == 60 * 32
    assert of_student["unlabelled"]["unlabelled"] == pytest.approx(60 * 32 / 3, rel=0.1)
    assert "| student | unlabelled | 0 |" in (finished_run / "report.md").read_text()


def test_control_and_student_are_of_one_size(finished_run: Path) -> None:
    report = json.loads((finished_run / "report.json").read_text())
    assert report["control"]["parameters"] == report["student"]["parameters"]
    student = students.load(finished_run)
    assert n_parameters(student.model) == report["student"]["parameters"]


def test_metrics_explain_the_distillation(finished_run: Path) -> None:
    entries = read_metrics(finished_run / "student" / "metrics.jsonl")
    assert "teacher_exact" in entries[0]
    logged = [e for e in entries if "loss" in e]
    assert len(logged) == 6
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
    control = [e for e in read_metrics(finished_run / "control" / "metrics.jsonl") if "loss" in e]
    assert len(control) == len(logged)
    assert "blank_split" not in control[0]


@pytest.mark.parametrize(
    ("silent_steps", "more", "status", "last"),
    [(20, (), 2, 20), (1000, (), 0, 60), (1000, ("teacher.training.patience=1",), 0, 20)],
)
def test_a_network_that_writes_nothing_for_long_is_stopped_with_advice_and_a_short_one_ends_with_it(
    cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    silent_steps: int,
    more: tuple[str, ...],
    status: int,
    last: int,
) -> None:
    monkeypatch.setattr("distill.training.train.SILENT_STEPS", silent_steps)
    often = "teacher.training.validate_every=10"  # sixty steps end on the plateau of blanks
    words = ["teacher", "smoke", often, *more, f"runtime.cache_root={cache}", "--run", str(tmp_path / "run")]
    assert main(words) == status
    message = capsys.readouterr().err
    assert f"to {last} of 60 nothing was written" in message
    assert "learning_rate" in message
    assert ("collapsed to blanks" if status else "may just need more steps") in message


def test_a_network_that_writes_now_and_then_is_left_alone(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    validated, silent = train._validation_of_shown, itertools.cycle([True, False])
    monkeypatch.setattr(train, "SILENT_STEPS", 20)
    monkeypatch.setattr(train, "_validation_of_shown", lambda session: validated(session)._replace(silent=next(silent)))
    often = "teacher.training.validate_every=10"
    assert main(["teacher", "smoke", often, f"runtime.cache_root={cache}", "--run", str(tmp_path / "run")]) == 0


def test_control_and_student_have_equal_budgets(finished_run: Path) -> None:
    states = [
        json.loads(next((finished_run / role / "checkpoints").glob("*/state.json")).read_text())
        for role in ("control", "student")
    ]
    assert states[0]["step"] == states[1]["step"] == 60


def test_clocks_stand_in_timing_json_alone(finished_run: Path) -> None:
    timing = json.loads((finished_run / "timing.json").read_text())
    waited = {f"{role}: waiting for data, share" for role in ("teacher", "control", "student")}
    assert set(timing) >= {"lines", "teacher", "control", "student", "report", *waited}
    assert all(seconds > 0 for seconds in timing.values())
    assert all(timing[share] < 1 for share in waited)


def test_what_is_finished_is_reused(finished_run: Path, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {p: p.stat().st_mtime_ns for p in finished_run.rglob("model.safetensors")}
    report = (finished_run / "report.json").stat().st_mtime_ns
    for command in ("teacher", "student"):
        assert main([command, "smoke", f"runtime.cache_root={cache}", "--run", str(finished_run)]) == 0
    assert {p: p.stat().st_mtime_ns for p in finished_run.rglob("model.safetensors")} == before
    assert (finished_run / "report.json").stat().st_mtime_ns == report
    assert "nothing reads" in capsys.readouterr().out  # sixty steps end on the plateau of blanks


def test_another_recipe_is_not_laid_over_a_finished_run(
    finished_run: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["smoke", f"runtime.cache_root={cache}", "--run", str(finished_run), "seed=7"]
    assert main(["teacher", *arguments]) == 2
    assert "another recipe" in capsys.readouterr().err


def test_a_teacher_is_refused_as_a_student_and_opened_as_a_teacher(finished_run: Path) -> None:
    with pytest.raises(CheckpointError, match=r"teachers\.load"):
        students.load(finished_run / "teacher" / "model.safetensors")
    assert teachers.load(finished_run / "teacher" / "model.safetensors").description.kind == "teacher"


def test_a_line_read_alone_in_a_list_and_in_a_stream_reads_the_same(finished_run: Path) -> None:
    reader = students.load(finished_run)
    face = find_faces(("hind",), "0123456789")[0]
    images = [render_line(str(10**n), face, Appearance(), 40, generator_of("reading", n)) for n in range(1, 8)]
    alone = [reader.read(image) for image in images]
    for together in (reader.read(list(images)), list(reader.stream(iter(images), batch_size=3))):
        assert [r.text for r in together] == [r.text for r in alone]
        # the last bits of a sum depend on the size of the batch
        assert [r.confidence for r in together] == pytest.approx([r.confidence for r in alone], rel=1e-4)
    assert reader.read([]) == []


def test_read_prints_a_line_an_image_and_names_what_it_cannot_read(
    finished_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = tmp_path / "good.png", tmp_path / "bad.jpg"
    good.write_bytes(png_bytes())
    bad.write_text("not an image")
    assert main(["read", str(finished_run), str(good)]) == 0
    path, _, confidence = capsys.readouterr().out.rstrip("\n").split("\t")
    assert path == str(good)
    assert 0 <= float(confidence) <= 1
    assert main(["read", str(finished_run), str(bad), str(good), "--json"]) == 2
    printed = capsys.readouterr()
    assert json.loads(printed.out)["image"] == str(good)
    assert str(bad) in printed.err
    assert "Traceback" not in printed.err


def test_evaluate_scores_a_folder(finished_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.png").write_bytes(png_bytes())
    (tmp_path / "labels.tsv").write_text("a.png\tABC\n")
    assert main(["evaluate", str(finished_run), str(tmp_path), "--protocol", "alnum", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["n"], result["protocol"]) == (1, "alnum")


def test_check_finds_nothing_wrong_and_names_what_is(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["check", "smoke", f"runtime.cache_root={cache}", "--run", str(tmp_path)]
    assert main(arguments) == 0
    assert "no problems" in capsys.readouterr().out
    assert main([*arguments, "data.train.0.fonts=[ariml]"]) == 1
    assert "arimo" in capsys.readouterr().out
    unbuildable = ["image.height_px=8", "teacher.model={kind: convnext}", "objective.more_teachers=[nowhere]"]
    assert main([*arguments, *unbuildable, "--json"]) == 1
    result = json.loads(capsys.readouterr().out)
    assert [finding["kind"] for finding in result["findings"] if finding["severity"] == "problem"] == [
        "network",
        "teacher",
    ]
    assert len(result["problems"]) == 2


def test_check_asks_the_teacher_of_the_run_about_real_lines(
    finished_run: Path, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = shutil.copytree(finished_run, tmp_path / "run")
    real = tmp_path / "real"
    real.mkdir()
    (real / "a.png").write_bytes(png_bytes())
    (real / "labels.tsv").write_text("a.png\tabc\n")
    more = f"data.test.0={{kind: folder, name: real, path: {real}}}"
    arguments = ["check", "smoke", f"runtime.cache_root={cache}", "--run", str(run), more, "--json"]
    assert main(arguments) == 0
    result = json.loads(capsys.readouterr().out)
    assert result == json.loads((run / "check.json").read_text()) | {"pages": result["pages"]}
    assert result["lines"] == {"train": 1200, "validation": 100, "test": 1}
    assert [doubt["key"] for doubt in result["suspicious"]] == ["real/a.png"]
    assert [Path(page).name for page in result["pages"]] == ["check.html", "check.json", "suspicious.png"]
    assert "real/a.png" in (run / "check.html").read_text()
    assert main([*arguments, "--suspicious", "0"]) == 0
    assert not json.loads(capsys.readouterr().out)["suspicious"]
    assert not (run / "suspicious.png").exists()
    assert main([*arguments, "--suspicious", "-1"]) == 2


def test_render_shows_what_training_sees(cache: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    assert main(["render", "smoke", f"runtime.cache_root={cache}", "-n", "9", str(sheet)]) == 0
    assert np.asarray(Image.open(sheet)).std() > 10


def test_lines_that_only_the_student_learns_from_are_shown_as_it_sees_them(
    finished_run: Path, cache: Path, tmp_path: Path
) -> None:
    black = {"student.training.augment": "{probability: 0, contrast: 0, brightness: 0, invert_probability: 1}"}
    words = ["render", "smoke", f"runtime.cache_root={cache}", "-n", "9", *(f"{k}={v}" for k, v in black.items())]
    grey = {}
    for name, more in (("taught", []), ("given", [f"teacher.file={finished_run / 'teacher'}"])):
        assert main([*words, *more, str(tmp_path / f"{name}.png")]) == 0
        grey[name] = np.asarray(Image.open(tmp_path / f"{name}.png").convert("L")).mean()
    assert grey["given"] < grey["taught"] - 20


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["teacher", "smoek"], "did you mean 'smoke'"),
        (["teacher", "smoke", "studnt.control=false"], "did you mean 'student'"),
        (["student", "smoke", "--run", "{tmp}/none"], "no finished teacher"),
        (
            ["teacher", "smoke", "data.charset.characters=abc", "--run", "{tmp}/x"],
            "characters outside data.charset; add",
        ),
        (["read", "{tmp}", "x.png"], "has the training finished"),
        (["read", "{tmp}/none.safetensors", "x.png"], "no such model file"),
        (["evaluate", "{run}", "{tmp}"], "holds neither"),
        (["render", "smoke"], "name the picture last"),
    ],
)
def test_a_mistake_is_one_message_and_exit_code_two(
    arguments: list[str],
    reason: str,
    finished_run: Path,
    cache: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    filled = [a.format(tmp=tmp_path, run=finished_run) for a in arguments]
    if filled[0] in ("teacher", "student"):
        filled.append(f"runtime.cache_root={cache}")
    assert main(filled) == 2
    printed = capsys.readouterr().err
    assert reason in printed
    assert "Traceback" not in printed


def test_a_folder_that_may_not_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The superuser, who runs tests in containers, may write everywhere: so the system is asked in another's name."""
    monkeypatch.setattr("distill.runs.opening.os.access", lambda *_: False)
    assert main(["teacher", "smoke", "--run", str(tmp_path)]) == 2
    assert f"run folder {tmp_path}: cannot be written: no permission; choose another --run" in capsys.readouterr().err


def test_a_run_is_exported_against_its_own_validation_lines(
    finished_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(finished_run), "--to", "hub", "--out", str(tmp_path / "hub"), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["lines_from"] == "validation"
    assert result["texts"] == {"lines": 100, "different": 0}
    assert students.load(tmp_path / "hub" / "model.onnx").read(png_bytes()) is not None
    student = json.loads((finished_run / "report.json").read_text())["student"]
    card = (tmp_path / "hub/README.md").read_text()
    assert f"| student | {student['parameters']:,} | {student['exact']:.2%} (" in card
    assert "Trained on 800 lines of printed, 400 lines of unlabelled." in card
