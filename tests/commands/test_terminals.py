"""No encoding of the terminal costs a result or gives a traceback, whatever names and texts hold."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from distill.cli import main
from tests.samples import png_bytes

NAMES = {"中文.png": "é€", "naïve 😀.png": "ß"}
ENCODINGS = ["ascii", "cp1252", "cp932", "utf-8"]
Terminal = Callable[[str, list[str]], tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "множество"
    folder.mkdir()
    for number, name in enumerate(NAMES):
        (folder / name).write_bytes(png_bytes(seed=number))
    (folder / "坏.png").write_text("no image")
    rows = {**NAMES, "坏.png": "x"}
    (folder / "labels.tsv").write_text("".join(f"{name}\t{text}\n" for name, text in rows.items()), "utf-8")
    return folder


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    recipe = tmp_path / "récit.yaml"
    recipe.write_text("extends: smoke\nname: récit\nabout: übung 中\n", "utf-8")
    return recipe


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Run a command on a terminal of an encoding: its exit code, and what it printed, decoded."""

    def run(encoding: str, arguments: list[str]) -> tuple[int, str, str]:
        streams = [io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True) for _ in range(2)]
        with monkeypatch.context() as patch:
            for name, stream in zip(("stdout", "stderr"), streams, strict=True):
                patch.setattr(sys, name, stream)
            try:
                code = main(arguments)
            except SystemExit as end:  # of argparse
                code = int(end.code or 0)
        out, err = (stream.buffer.getvalue().decode(encoding) for stream in streams)  # type: ignore[attr-defined]
        return code, out, err

    return run


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_command_prints_on_any_terminal(
    encoding: str, terminal: Terminal, folder: Path, recipe: Path, student_file: Path, tmp_path: Path
) -> None:
    ends = {  # command: its exit code
        ("import", str(folder), str(tmp_path / "x.parquet")): 1,
        ("convert", str(folder), str(tmp_path / "出"), "--to", "tsv"): 1,
        ("read", str(student_file), str(folder), "--to", "csv"): 2,
        ("evaluate", str(student_file), str(folder)): None,
        ("recipes", "show", str(recipe)): 0,
        ("check", str(recipe), "data.train.0.font=ж"): 2,
        ("student", "没有.yaml"): 2,
        ("demo", "没有"): 2,
        ("speed", "没有"): 2,
        ("export", "没有", "--to", "onnx"): 2,
        ("adopt", "没有.onnx", str(tmp_path / "出.onnx")): 2,
        ("lm", str(folder / "没有.txt"), str(tmp_path / "x.lm")): 2,
    }
    for arguments, wanted in ends.items():
        code, out, err = terminal(encoding, list(arguments))
        assert wanted is None or code == wanted, (arguments, out, err)
        assert out + err
    assert "没有" in err or "\\u6ca1\\u6709" in err


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_json_is_json_on_any_terminal(
    encoding: str, terminal: Terminal, folder: Path, student_file: Path, tmp_path: Path
) -> None:
    code, out, _ = terminal(encoding, ["import", str(folder), str(tmp_path / "x.parquet"), "--json"])
    assert (code, list(json.loads(out)["refused"])) == (1, ["坏.png"])
    code, out, err = terminal(encoding, ["read", str(student_file), str(folder), "--json"])
    assert code == 2
    assert {Path(json.loads(row)["image"]).name for row in out.splitlines()} == set(NAMES)
    assert "坏.png" in err or "\\u574f.png" in err
