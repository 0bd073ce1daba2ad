"""Commands that use a finished run: read, evaluate, export; and mistakes, which are one message."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import students
import teachers
from distill.cli import main
from distill.seeds import generator_of
from distill.synthesis.fonts import find_faces
from distill.synthesis.render import Appearance, render_line
from students.errors import CheckpointError
from tests.samples import png_bytes


def test_a_teacher_is_refused_as_a_student_and_opened_as_a_teacher(tiny_run: Path) -> None:
    with pytest.raises(CheckpointError, match=r"teachers\.load"):
        students.load(tiny_run / "teacher" / "model.safetensors")
    assert teachers.load(tiny_run / "teacher" / "model.safetensors").description.kind == "teacher"


def test_a_line_read_alone_in_a_list_and_in_a_stream_reads_the_same(tiny_run: Path) -> None:
    reader = students.load(tiny_run)
    face = find_faces(("hind",), "0123456789")[0]
    images = [render_line(str(10**n), face, Appearance(), 40, generator_of("reading", n)) for n in range(1, 8)]
    alone = [reader.read(image) for image in images]
    for together in (reader.read(list(images)), list(reader.stream(iter(images), batch_size=3))):
        assert [r.text for r in together] == [r.text for r in alone]
        # the last bits of a sum depend on the size of the batch
        assert [r.confidence for r in together] == pytest.approx([r.confidence for r in alone], rel=1e-4)
    assert reader.read([]) == []


def test_read_prints_a_line_an_image_and_names_what_it_cannot_read(
    tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = tmp_path / "good.png", tmp_path / "bad.jpg"
    good.write_bytes(png_bytes())
    bad.write_text("not an image")
    assert main(["read", str(tiny_run), str(good)]) == 0
    path, _, confidence = capsys.readouterr().out.rstrip("\n").split("\t")
    assert path == str(good)
    assert 0 <= float(confidence) <= 1
    assert main(["read", str(tiny_run), str(bad), str(good), "--json"]) == 2
    printed = capsys.readouterr()
    assert json.loads(printed.out)["image"] == str(good)
    assert str(bad) in printed.err
    assert "Traceback" not in printed.err


def test_evaluate_scores_a_folder(tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.png").write_bytes(png_bytes())
    (tmp_path / "labels.tsv").write_text("a.png\tABC\n")
    assert main(["evaluate", str(tiny_run), str(tmp_path), "--protocol", "alnum", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["n"], result["protocol"]) == (1, "alnum")


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
        (["render", "smoke", "-n", "0", "{tmp}/a.png"], "-n 0: a sheet shows at least one line"),
    ],
)
def test_a_mistake_is_one_message_and_exit_code_two(
    arguments: list[str],
    reason: str,
    tiny_run: Path,
    few_lines: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    filled = [a.format(tmp=tmp_path, run=tiny_run) for a in arguments]
    if filled[0] in ("teacher", "student"):
        filled += few_lines
    assert main(filled) == 2
    printed = capsys.readouterr().err
    assert reason in printed
    assert "Traceback" not in printed


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("student", "no finished teacher; train it first"),
        ("cache", "no finished teacher; train it first"),
        ("replay", "keeps no step that was not finite, so there is none to replay"),
    ],
)
def test_what_a_run_lacks_is_told_before_its_lines_are_rendered(
    command: str, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "none"
    assert main([command, "smoke", "objective.cache.views=1", "--run", str(folder)]) == 2
    assert reason in capsys.readouterr().err
    assert not folder.exists()


def test_a_folder_that_may_not_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The superuser, who runs tests in containers, may write everywhere: so the system is asked in another's name."""
    monkeypatch.setattr("distill.runs.opening.os.access", lambda *_: False)
    assert main(["teacher", "smoke", "--run", str(tmp_path)]) == 2
    assert f"folder {tmp_path}: cannot be written: no permission; choose another --run" in capsys.readouterr().err


def test_a_run_is_exported_against_its_own_validation_lines(
    tiny_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(tiny_run), "--to", "hub", "--out", str(tmp_path / "hub"), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["lines_from"] == "validation"
    assert result["texts"] == {"lines": 24, "different": 0}
    assert students.load(tmp_path / "hub" / "model.onnx").read(png_bytes()) is not None
    student = json.loads((tiny_run / "report.json").read_text())["student"]
    card = (tmp_path / "hub/README.md").read_text()
    assert f"| student | {student['parameters']:,} | {student['exact']:.2%} (" in card
    assert "Trained on 96 lines of printed, 48 lines of unlabelled." in card
