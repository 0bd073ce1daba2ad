"""`distill export`: what passes its gate is written, what fails is not, and says by how much."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

import students
from distill.cli import main
from distill.data.lines import Lines
from distill.delivery.demo import ORT_FILES
from distill.delivery.export import gate
from distill.delivery.export.graph import graph_of
from distill.delivery.export.hub import card
from distill.delivery.export.recogniser import calibration_batches, gate_lines, labelled, opened, parted
from distill.delivery.target import expect_no_other
from distill.evaluation.evaluate import open_data, texts_of
from students.charset import Charset
from students.errors import ExportError
from students.reader import Reader
from students.shipped import SHIPPED
from tests.samples import png_bytes


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Sixty-six pictures of five widths with labels."""
    folder = tmp_path / "lines"
    folder.mkdir()
    for i in range(66):
        (folder / f"{i:02d}.png").write_bytes(png_bytes(width=60 + 40 * (i % 5), seed=i))
    (folder / "labels.tsv").write_text("".join(f"{i:02d}.png\t{i * 37}\n" for i in range(66)))
    return folder


def fluent(student_file: Path, data: Path) -> tuple[Reader, Lines]:
    """A reader with random weights and logits of one scale, which writes many different texts on these lines."""
    reader = students.load(student_file)
    lines = opened_lines(data, reader)
    batches = calibration_batches(lines.take(range(64)), reader.description.preparation)
    logits_FC = np.concatenate([reader.logits_of(batch).reshape(-1, 11) for batch in batches])
    mean_C, std_C = (torch.from_numpy(values) for values in (logits_FC.mean(0), logits_FC.std(0)))
    with torch.no_grad():
        reader.model.head.weight /= std_C[:, None] / 3
        reader.model.head.bias.copy_((reader.model.head.bias - mean_C) / std_C * 3)
    return reader, lines


def opened_lines(data: Path, reader: Reader) -> Lines:
    return open_data([str(data)], reader.description.preparation)[0]


def spoilt(graph: onnx.ModelProto, by: float) -> onnx.ModelProto:
    """The graph with the bias of its last layer moved."""
    copy = onnx.ModelProto()
    copy.CopyFrom(graph)
    bias = next(w for w in copy.graph.initializer if w.name.endswith("head.bias"))
    values = numpy_helper.to_array(bias).copy()
    values[0] += by
    bias.CopyFrom(numpy_helper.from_array(values, bias.name))
    return copy


@pytest.mark.parametrize("to", ["onnx", "fp16", "int8"])
def test_an_export_lands_next_to_the_model_and_reads_and_evaluates_like_it(
    to: str, student_file: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    budget = [] if to == "onnx" else ["--budget", "100"]
    assert main(["export", str(student_file), "--to", to, "--data", str(data), *budget, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    exported = student_file.with_name({"onnx": "model.onnx"}.get(to, f"model.{to}.onnx"))
    assert Path(result["file"]) == exported
    record = students.load(exported).description.training["export"]
    assert record["to"] == to
    if to == "onnx":
        assert result["texts"] == {"lines": 66, "different": 0}
        assert len(result["logits"]["widths_px"]) == len(result["logits"]["batches"]) == 3
        scores = []
        for model in (student_file, exported):
            assert main(["evaluate", str(model), str(data), "--json"]) == 0
            scores.append(json.loads(capsys.readouterr().out))
        assert scores[0] == scores[1]
        assert main(["read", str(exported), str(data / "00.png")]) == 0
        assert capsys.readouterr().out.count("\t") == 2
    if to == "int8":
        assert record["calibration"]["lines"] == result["calibration_lines"] == 33
        assert result["accuracy"]["lines"] == 33


def test_a_shipped_student_is_exported_here_and_checked_on_rendered_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("distill.delivery.export.recogniser.RENDERED_LINES", 120)
    shipped = sorted(SHIPPED.iterdir())
    assert main(["export", "scene", "--to", "onnx", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["lines_from"] == "fonts"
    assert sorted(SHIPPED.iterdir()) == shipped
    assert students.load("model.onnx").read(png_bytes()).text == students.load("scene").read(png_bytes()).text


def test_an_export_takes_the_place_of_no_other_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exports of shipped students, and of several files in a folder, would have one name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.onnx").write_bytes((SHIPPED / "receipts.onnx").read_bytes())
    (tmp_path / "mine.safetensors").write_bytes((SHIPPED / "scene.safetensors").read_bytes())
    for model in ("scene", "mine.safetensors"):
        assert main(["export", model, "--to", "onnx"]) == 2
        assert "model.onnx: is of another model, and would be written over" in capsys.readouterr().err
    assert (tmp_path / "model.onnx").read_bytes() == (SHIPPED / "receipts.onnx").read_bytes()
    expect_no_other(Path("model.onnx"), SHIPPED / "receipts.safetensors")


def test_a_decoding_travels_in_the_file(student_file: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ruled = student_file.with_name("ruled.onnx")
    where = ["--out", str(ruled), "--data", str(data)]
    assert main(["export", str(student_file), "--to", "onnx", *where, "--pattern", "7{3}"]) == 0
    assert students.load(ruled).read(data / "00.png").text == "777"
    capsys.readouterr()
    assert main(["demo", str(ruled), "--ort", str(ort_folder(data)), "--port", "0"]) == 2
    assert "rules that the page does not know" in capsys.readouterr().err
    assert main(["export", str(student_file), "--to", "onnx", "--data", str(data), "--lm", "some.lm"]) == 2
    assert "cannot hold" in capsys.readouterr().err
    assert main(["export", str(student_file), "--to", "hub", "--data", str(data), "--alphabet", "digits"]) == 2
    assert "as it is" in capsys.readouterr().err
    where[1] = str(ruled.with_name("unreadable.onnx"))
    assert main(["export", str(student_file), "--to", "onnx", *where, "--alphabet", "7€"]) == 2
    assert "alphabet '7€': the charset of the model lacks ['€']" in capsys.readouterr().err
    assert not Path(where[1]).exists()


def ort_folder(parent: Path) -> Path:
    """What `distill demo` needs, empty."""
    (folder := parent / "ort").mkdir()
    for name in ORT_FILES:
        (folder / name).write_bytes(b"")
    return folder


def test_what_fails_the_gate_is_not_written_and_says_by_how_much(
    student_file: Path, data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distill.delivery.export.recogniser.graph_of", lambda reader: spoilt(graph_of(reader), 0.01))
    before = sorted(student_file.parent.iterdir())
    for to in ("onnx", "hub"):
        assert main(["export", str(student_file), "--to", to, "--data", str(data)]) == 2
        message = capsys.readouterr().err
        assert "differ from torch's by up to 0.01, more than 0.0001" in message
        assert "nothing was written" in message
    assert sorted(student_file.parent.iterdir()) == before


def test_other_texts_and_lost_accuracy_are_found_and_counted(student_file: Path, data: Path) -> None:
    reader, lines = fluent(student_file, data)
    texts = texts_of(reader, lines, None)
    assert len(set(texts.values())) > 30
    truthful = Lines(**{**vars(lines), "texts": tuple(texts[key] for key in lines.keys)})
    bad = opened(spoilt(graph_of(reader), 5.0), reader)
    with pytest.raises(ExportError, match=r"\d+ of 66 texts unlike"):
        gate.check_texts(reader, bad, lines)
    with pytest.raises(ExportError, match=r"loses \d+\.\d\d points of exact lines \(100\.00% to"):
        gate.check_accuracy(reader, bad, truthful, "exact", 0.2)
    good = gate.check_accuracy(reader, opened(graph_of(reader), reader), truthful, "exact", 0.0)
    assert good["lost_points"] == {"exact": 0.0, "cer": 0.0}


def test_calibration_and_gate_have_no_picture_in_common_and_are_the_same_each_time(
    student_file: Path, data: Path
) -> None:
    (data / "99.png").write_bytes((data / "00.png").read_bytes())
    with (data / "labels.tsv").open("a") as labels:
        labels.write("99.png\t0\n")
    lines = opened_lines(data, students.load(student_file))
    for n in (1, 20, 40):
        first, second = parted(lines, n, 1000)
        assert len(first) == n
        assert not {*first.image_digests} & {*second.image_digests}
        assert parted(lines, n, 1000)[1].keys == second.keys


@pytest.mark.parametrize("budget", ["-1", "nan", "101"])
def test_a_budget_that_is_none_is_told_before_anything_is_made(budget: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "gone", "--to", "int8", "--budget", budget]) == 2
    assert capsys.readouterr().err == f"distill: --budget {budget}: is a number of points, from 0 to 100\n"


def test_too_few_labels_and_a_graph_as_the_source_are_refused(
    student_file: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / "labels.tsv").write_text("00.png\t1\n")
    export = ["export", str(student_file), "--data", str(data), "--to"]
    assert main([*export, "int8"]) == 2
    assert "at least 50" in capsys.readouterr().err
    assert main([*export, "onnx"]) == 0
    assert main(["export", str(student_file.with_suffix(".onnx")), "--data", str(data), "--to", "fp16"]) == 2
    assert "give the safetensors" in capsys.readouterr().err


def test_lines_that_nothing_is_checked_on_are_counted(
    student_file: Path, data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (data / "07.png").write_text("no image")
    (tmp_path / "unlabelled").mkdir()
    (tmp_path / "unlabelled" / "a.png").write_bytes(png_bytes())
    where = [str(data), str(tmp_path / "unlabelled")]
    _, lines = gate_lines(students.load(student_file), student_file, where)
    assert caplog.messages[-1].startswith("1 line left out, cannot be used, the first: 1-lines/07.png")
    assert len(labelled(lines)) == 65
    assert caplog.messages[-1] == "1 of 66 lines without a label: accuracy is measured on the others"


def test_the_hub_folder_is_complete_and_its_card_says_what_the_report_says(student_file: Path, data: Path) -> None:
    assert main(["export", str(student_file), "--to", "hub", "--data", str(data)]) == 0
    folder = student_file.parent / "hub"
    assert sorted(p.name for p in folder.iterdir()) == ["README.md", "config.json", "model.onnx", "model.safetensors"]
    files = (student_file, folder / "model.onnx", folder / "model.safetensors")
    assert len({students.load(file).read(png_bytes()).frames for file in files}) == 1
    assert "left no report" in (folder / "README.md").read_text()
    scores = {"parameters": 1234, "exact": 0.9, "cer": 0.02, "wer": 0.1, "n": 800}
    student = {**scores, "protocol": "exact", "sources": {"somewhere": {}}}
    report = {"student": student, "gain": {"value": 0.021, "low": 0.013, "high": 0.034}, "verdict": "gain"}
    logits = {"largest_difference": 1e-6, "widths_px": [32], "batches": [1]}
    seen = {"logits": logits, "texts": {"lines": 9, "different": 0}}
    page = card(students.load(student_file).description, report, seen)
    assert page.startswith("---\n")
    assert "\nlicense: other\n" in page
    assert "| student | 1,234 | 90.00% (87.7% to 91.9%) | 2.00% | 10.00% |" in page
    assert "+2.1 points of exact lines (95 % interval +1.3 to +3.4)" in page
    assert "named no licence" in page
    record = {"sources": {"mine": 1200}, "licence": "cc-by-4.0", "origin": "Photographed by hand."}
    page = card(students.load(student_file).description.model_copy(update={"training": record}), report, seen)
    assert "\nlicense: cc-by-4.0\n" in page
    assert "Trained on 1,200 lines of mine." in page
    assert "Photographed by hand." in page
    assert "named no licence" not in page


def test_a_card_counts_the_characters_of_a_script_of_thousands_and_names_the_others(student_file: Path) -> None:
    description = students.load(student_file).description
    seen = {"logits": {"largest_difference": 0, "widths_px": [], "batches": []}, "texts": {"lines": 0, "different": 0}}
    han = "".join(map(chr, range(0x4E00, 0x4E00 + 7000)))
    page, plain = (
        card(description.model_copy(update={"charset": Charset(characters=characters)}), {}, seen)
        for characters in (f"ab`，{han}", "ab`")
    )
    assert "It can write: 7,000 CJK characters and `ab，` and the grave accent. `charset` in `config.json`" in page
    assert not set(page) & set(han)
    assert "It can write: `ab` and the grave accent\n" in plain


@pytest.mark.real
def test_real_lines_read_alike_alone_and_in_batches_by_torch_and_by_onnx(student_file: Path, real_data: Path) -> None:
    reader, lines = fluent(student_file, real_data / "sroie_lines" / "test.parquet")
    exported = opened(graph_of(reader), reader)
    assert gate.check_texts(reader, exported, lines) == {"lines": len(lines), "different": 0}
    assert len(lines) >= 1000
    assert len(set(texts_of(exported, lines, None).values())) > 500
    assert max(gate.check_logits(reader, exported, lines)["widths_px"]) > 500
    assert np.unique(lines.padded_width_px).size >= 8


@pytest.mark.parametrize("given", [["onnx", "--budget", "1"], ["hub", "--budget", "1"], ["pages", "--data", "lines"]])
def test_an_option_that_would_say_nothing_is_refused(
    given: list[str], student_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(student_file), "--to", *given]) == 2
    assert f"{given[1]}: goes with" in capsys.readouterr().err


@pytest.mark.parametrize("to", ["onnx", "int8", "fp16", "hub"])
def test_a_target_that_cannot_be_is_refused_before_anything_is_computed(
    to: str, student_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("distill.delivery.export.recogniser.gate_lines", lambda *_: pytest.fail("lines are opened"))
    (tmp_path / "folder.onnx").mkdir()
    (tmp_path / "file").write_text("somebody's")
    refused = ["file"] if to == "hub" else ["folder.onnx", "out", "out.safetensors", "out.onnx.bak"]
    for name in refused:
        assert main(["export", str(student_file), "--to", to, "--out", str(tmp_path / name)]) == 2
        assert f"{name}: " in capsys.readouterr().err
        assert not (tmp_path / name).is_file() or name == "file"
    assert (tmp_path / "file").read_text() == "somebody's"


def test_an_adopted_model_takes_no_place_of_its_own_nor_a_name_that_opens_it_otherwise(
    onnx_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = onnx_file.read_bytes()
    for name, said in ((onnx_file.name, "is read here"), ("teacher.bin", "ends in .onnx")):
        assert main(["adopt", str(onnx_file), "--out", str(tmp_path / name)]) == 2
        assert said in capsys.readouterr().err
    assert onnx_file.read_bytes() == before
