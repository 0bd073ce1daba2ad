"""Speed of a finished model: counts that can be checked, and what a report of it holds."""

from __future__ import annotations

import json
import time
from importlib.resources import files
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import students
from distill.cli import main
from distill.data.lines import Lines
from distill.delivery.export.graph import graph_of, signed
from distill.delivery.speed import flops
from distill.delivery.speed import recogniser as reading_speed
from distill.delivery.speed.flops import mflop_a_line, mflop_of_graph
from distill.delivery.speed.recogniser import forms_of, measure
from distill.delivery.speed.summary import draw_speed, speed_table
from distill.delivery.speed.together import rate_together
from distill.evaluation.evaluate import open_data
from distill.evaluation.peers import Peer
from students.errors import UserError
from students.model_file import read_model
from tests.samples import png_bytes
from tests.spawned import Killed, spans


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flops, "LEAST_S", 0.002)
    monkeypatch.setattr(flops, "ROUNDS", 1)
    monkeypatch.setattr(reading_speed, "ROUNDS", 1)


@pytest.fixture
def lines(tmp_path: Path, student_file: Path) -> Lines:
    folder = tmp_path / "lines"
    folder.mkdir()
    for number in range(60):
        (folder / f"{number}.png").write_bytes(png_bytes(width=60 + 10 * (number % 5), seed=number))
    (folder / "labels.tsv").write_text("".join(f"{number}.png\t{number}\n" for number in range(60)))
    return open_data([str(folder)], students.load(student_file).description.preparation)[0]


def test_operations_are_those_that_torch_counts(student_file: Path) -> None:
    """Of convolutions and linear layers; torch counts no LSTM (`findings/torch-counts-no-lstm.sh`)."""
    reader = students.load(student_file)
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        reader.model(torch.zeros(1, 1, 32, 320))
    assert mflop_a_line(read_model(student_file)[0], 320) == pytest.approx(counter.get_total_flops() / 1e6)


@pytest.mark.parametrize("name", ["receipts", "hanzi"])  # a GRU and LSTMs, along the line both ways
def test_operations_of_a_graph_are_those_of_its_network_recurrent_layers_too(name: str) -> None:
    network, graph = (Path(str(files("students") / "weights" / f"{name}.{kind}")) for kind in ("safetensors", "onnx"))
    assert mflop_of_graph(graph, 320) == pytest.approx(mflop_a_line(read_model(network)[0], 320), rel=0.01)


@pytest.mark.usefixtures("onnx_file")
def test_a_report_has_every_form_and_peer(
    student_file: Path, lines: Lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading_speed, "rate_together", lambda *of: of[-1] ** 0.5)  # of the number of processes
    knows = dict(zip((lines[i].image for i in range(len(lines))), lines.texts, strict=True))
    peer = Peer("knows", lambda pictures: [knows[picture] or "" for picture in pictures])
    threads = torch.get_num_threads()
    result = measure(forms_of(student_file), lines, "exact", [peer], processes=4)
    assert torch.get_num_threads() == threads
    assert list(result["models"]) == ["model.safetensors", "model.onnx"]
    for model in result["models"].values():
        assert len(model["network"]) == len(reading_speed.WIDTHS_PX) * len(reading_speed.BATCHES)
        assert all(cell["share_of_peak"] > 0 for cell in model["network"])
        assert model["over_the_network_alone"] >= 1
        assert model["exact"] < 0.1  # random weights
    assert result["models"]["model.onnx"]["cold"]["mib"] < result["models"]["model.safetensors"]["cold"]["mib"]
    assert result["peers"]["knows"]["exact"] == 1
    words = speed_table(json.loads(json.dumps(result)))
    assert "knows" in words
    assert words.count("4 processes: 2.00 times one (a matrix product here: 2.00)") == 2
    draw_speed(result, tmp_path / "speed.png")
    assert (tmp_path / "speed.png").read_bytes().startswith(b"\x89PNG")


def test_what_was_exported_from_other_weights_is_left_out(student_file: Path, onnx_file: Path) -> None:
    reader = students.load(student_file)
    other = reader.description.model_copy(update={"training": {"weights": "of another day"}})
    onnx_file.write_bytes(signed(graph_of(reader), other, onnx_file))
    assert list(forms_of(student_file)) == ["model.safetensors"]


def test_speed_needs_one_model_and_labelled_lines(
    student_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["speed"]) == 2
    assert "name one MODEL" in capsys.readouterr().err
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "1.png").write_bytes(png_bytes())
    assert main(["speed", str(student_file), "--data", str(tmp_path / "bare")]) == 2
    assert "labelled" in capsys.readouterr().err
    assert main(["speed", str(student_file), "--chart", "speed.svg"]) == 2
    assert "--chart speed.svg: a chart is written as .png" in capsys.readouterr().err


def test_a_process_that_is_killed_is_reported() -> None:
    with pytest.raises(UserError, match="one of 2 processes was killed or did not come up; try fewer"):
        rate_together(Killed(), 1.0, 10, 2)


def test_products_are_timed_where_they_are_made() -> None:
    start, end = reading_speed._products(3)
    assert start < end <= time.time()


def test_processes_are_timed_from_the_first_start_to_the_last_end(tmp_path: Path) -> None:
    assert rate_together(spans, tmp_path, 10, 2) == 2 * 10 / (14 - 10)
