"""The speed of the renderer as the command measures it."""

import json
from pathlib import Path

import pytest

from distill.cli import main


def test_speed_of_the_renderer_is_measured_and_beats_the_plain_loop(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["speed", "--renderer", "-n", "40", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["over_pillow"] == pytest.approx(result["lines_a_second"] / result["pillow"], rel=0.02)
    assert result["over_pillow"] > 1.5
    assert result["characters"] == 28


def test_what_cannot_be_measured_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["speed"]) == 2
    assert main(["speed", "--renderer", "-n", "0"]) == 2
    assert main(["speed", "--renderer", "-n", "20", "--against-trdg", str(tmp_path / "python")]) == 2
    assert "trdg==1.8.0" in capsys.readouterr().err


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
