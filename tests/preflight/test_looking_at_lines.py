"""Commands that look at the lines of a run before anything is trained: check and render."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from distill.cli import main
from tests.samples import png_bytes


def test_check_finds_nothing_wrong_and_names_what_is(
    few_lines: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["check", "smoke", *few_lines, "--run", str(tmp_path)]
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
    tiny_run: Path, few_lines: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = shutil.copytree(tiny_run, tmp_path / "run")
    real = tmp_path / "real"
    real.mkdir()
    (real / "a.png").write_bytes(png_bytes())
    (real / "labels.tsv").write_text("a.png\tabc\n")
    more = f"data.test.0={{kind: folder, name: real, path: {real}}}"
    arguments = ["check", "smoke", *few_lines, "--run", str(run), more, "--json"]
    assert main(arguments) == 0
    result = json.loads(capsys.readouterr().out)
    assert result == json.loads((run / "check.json").read_text()) | {"pages": result["pages"], "warnings": []}
    assert result["lines"] == {"train": 144, "validation": 24, "test": 1}
    assert [doubt["key"] for doubt in result["suspicious"]] == ["real/a.png"]
    assert [Path(page).name for page in result["pages"]] == ["check.html", "check.json", "suspicious.png"]
    assert "real/a.png" in (run / "check.html").read_text()
    assert main([*arguments, "--suspicious", "0"]) == 0
    assert not json.loads(capsys.readouterr().out)["suspicious"]
    assert not (run / "suspicious.png").exists()
    assert main([*arguments, "--suspicious", "-1"]) == 2


def test_render_shows_what_training_sees(few_lines: list[str], tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    assert main(["render", "smoke", *few_lines, "-n", "9", str(sheet)]) == 0
    assert np.asarray(Image.open(sheet)).std() > 10


def test_lines_that_only_the_student_learns_from_are_shown_as_it_sees_them(
    tiny_run: Path, few_lines: list[str], tmp_path: Path
) -> None:
    black = {"student.training.augment": "{probability: 0, contrast: 0, brightness: 0, invert_probability: 1}"}
    most = "data.train.1.lines=6"  # few without a label, which the student sees alone in either case
    words = ["render", "smoke", *few_lines, most, "-n", "9", *(f"{k}={v}" for k, v in black.items())]
    grey = {}
    for name, more in (("taught", []), ("given", [f"teacher.file={tiny_run / 'teacher'}"])):
        assert main([*words, *more, str(tmp_path / f"{name}.png")]) == 0
        grey[name] = np.asarray(Image.open(tmp_path / f"{name}.png").convert("L")).mean()
    assert grey["given"] < grey["taught"] - 20
