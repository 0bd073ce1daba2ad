"""The speed of the renderer as the command measures it."""

import json
import sys

import pytest

from distill.cli import main


def test_speed_of_the_renderer_is_measured_and_beats_the_plain_loop(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["speed", "--renderer", "-n", "40", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["over_pillow"] == pytest.approx(result["lines_a_second"] / result["pillow"], rel=0.02)
    assert result["over_pillow"] > 1.5
    assert result["characters"] == 28


def test_what_cannot_be_measured_is_named() -> None:
    assert main(["speed"]) == 2
    assert main(["speed", "--renderer", "-n", "0"]) == 2


@pytest.mark.parametrize(
    ("python", "reason"),
    [("no-python", "No such file"), (sys.executable, "No module named 'trdg'"), (".", "Permission denied")],
)
def test_a_python_without_trdg_is_told_before_anything_is_rendered(
    python: str, reason: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("distill.delivery.speed.renderer.faces_of", None)
    assert main(["speed", "--renderer", "--against-trdg", python]) == 2
    said = capsys.readouterr().err
    assert reason in said
    assert "trdg==1.8.0" in said


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["model.onnx", "--renderer"], "model.onnx: --renderer alone takes no model and no keys"),
        (["--renderer", "quick", "--data", "lines", "--chart", "a.png"], "--data, --chart: of a model, and --renderer"),
        (["--renderer", "--against", "peers"], "--against: of a model, and --renderer measures none"),
        (["scene", "--against-trdg", "python"], "--against-trdg: goes with --renderer"),
    ],
)
def test_what_would_say_nothing_is_refused(words: list[str], reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["speed", *words]) == 2
    assert reason in capsys.readouterr().err
