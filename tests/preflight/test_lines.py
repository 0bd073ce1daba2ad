"""`distill check` examines all of a recipe and names each faulty line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from distill.cli import main
from distill.preflight.lines import _fonts
from distill.recipe.file import load_recipe
from tests.doctor import WORDS, saved_again, textured


def test_check_examines_all_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One folder with a fault of every kind, and `distill check` names each line."""

    def folder(name: str, pictures: dict[str, np.ndarray], labels: dict[str, str]) -> str:
        (tmp_path / name).mkdir()
        for file, picture in pictures.items():
            Image.fromarray(picture).save(tmp_path / name / file)
        (tmp_path / name / "labels.tsv").write_text("".join(f"{file}\t{text}\n" for file, text in labels.items()))
        return f"{{kind: folder, name: {name}, path: {tmp_path / name}}}"

    labels = {f"{i:02d}.png": word for i, word in enumerate(WORDS)}
    pictures = {file: textured(word, i) for i, (file, word) in enumerate(labels.items())}
    faulty = {
        "03.png": "far more letters than frames " * 5,
        "04.png": "p\u0430per",
        "06.png": "cafe\u0301",
        "08.png": "",
    }
    train = folder("train", pictures, labels | faulty)
    (tmp_path / "train" / "05.png").write_bytes(b"no picture")
    odd = {"again.png": saved_again(pictures["07.png"]), "blank.png": np.full((32, 100), 200, np.uint8)}
    others = {f"{i}.png": textured(word[::-1], 100 + i) for i, word in enumerate(WORDS)}
    test = folder("test", others | odd, dict.fromkeys((*others, *odd), "abc") | {"9.png": "a\u017e"})
    choices = [
        f"data.train=[{train}]",
        f"data.validation=[{test.replace('test,', 'validation,')}]",
        f"data.test=[{test}]",
    ]
    assert main(["check", "smoke", *choices, "--run", str(tmp_path / "run"), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)["findings"]
    named = {(finding["kind"], key) for finding in found for key in finding["keys"]}
    assert {
        ("left-out", "train/05.png"),
        ("left-out", "train/03.png"),
        ("mixed-scripts", "train/04.png"),
        ("leak", "train/07.png"),
        ("blank", "test/blank.png"),
        ("rewritten", "train/06.png"),
        ("empty", "train/08.png"),
        ("unlearnt", "test/9.png"),
        ("unlearnt", "validation/9.png"),
    } <= named


def test_font_families_of_both_train_and_test_are_noted() -> None:
    apart = load_recipe("quick")
    assert not _fonts(apart)
    (rendered, *_), (test, *_) = apart.data.train, apart.data.test
    mixed = test.model_copy(update={"fonts": (*test.fonts, rendered.fonts[0])})
    (found,) = _fonts(apart.model_copy(update={"data": apart.data.model_copy(update={"test": (mixed,)})}))
    assert (found.severity, found.kind) == ("note", "fonts")
    assert rendered.fonts[0] in found.message
    chosen_on = apart.data.validation[0].model_copy(update={"fonts": test.fonts[:1]})
    (found,) = _fonts(apart.model_copy(update={"data": apart.data.model_copy(update={"validation": (chosen_on,)})}))
    assert "1 font family in lines of validation and of test" in found.message


def test_missing_lines_fonts_and_models_are_told_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = [
        "data.test=[{kind: parquet, name: test, path: none.parquet}]",
        "data.train.0.fonts=[no-such-family]",
        "teacher.file=none.onnx",
        "student.init=none.safetensors",
    ]
    assert main(["check", "smoke", *missing, "--run", str(tmp_path / "run"), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)["findings"]
    assert [finding["kind"] for finding in found] == ["lines", "start", "teacher"]
    told = "\n".join(finding["message"] for finding in found)
    for name in ("no-such-family", "none.parquet", "none.safetensors", "teacher.file: none.onnx"):
        assert name in told
    assert not list((tmp_path / "run").glob("cache/rendered-*"))


def test_a_missing_model_is_told_before_lines_are_rendered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for missing in ("teacher.file=none.onnx", "student.init=none.safetensors"):
        assert main(["check", "smoke", missing, "--run", str(tmp_path / "run"), "--json"]) == 1
        model, lines = json.loads(capsys.readouterr().out)["findings"]
        assert (model["severity"], lines["severity"]) == ("problem", "note")
        assert "looked at when nothing else is missing: printed, unlabelled, validation, test" in lines["message"]
        assert missing.partition("=")[2] in model["message"]
        assert not list((tmp_path / "run").glob("cache/rendered-*"))


def test_a_model_that_is_missing_stops_a_run_before_lines_are_rendered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for missing in ("teacher.file=none.onnx", "student.init=none.safetensors"):
        assert main(["run", "smoke", missing, "--run", str(tmp_path / "run")]) == 2
        assert missing.partition("=")[2] in capsys.readouterr().err
        assert not list((tmp_path / "run").glob("cache/rendered-*"))
