"""The notebooks of docs/notebooks, executed from their first cell to their last on small data.

A notebook's cells are Python alone, so they are executed here one after another in one namespace, and what the last
expression of a cell gives is shown as a notebook would. Its parameters take other values, as papermill does it.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFont

from distill.proposing import proposing
from distill.proposing.shipped import Accuracy
from docs.build import ROOT
from tests.adoption.test_lines import write_lines
from tests.foreign_models import Form, characters, write_foreign

NOTEBOOKS = ROOT / "docs" / "notebooks"
SHORT = {"steps": 2, "validate_every": 2, "checkpoint_every": 2, "log_every": 1, "batch_lines": 4}


def cells_of(name: str) -> list[dict[str, Any]]:
    notebook: dict[str, Any] = json.loads((NOTEBOOKS / name).read_text())
    assert notebook["nbformat"] == 4
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def executed(name: str, **parameters: Any) -> dict[str, Any]:
    """Execute a notebook with other parameters; returns its names, and under `shown` the HTML of each cell."""
    names: dict[str, Any] = {"__name__": "__main__"}
    shown = []
    for cell in cells_of(name):
        source = "".join(cell["source"])
        if "parameters" in cell["metadata"].get("tags", []):
            exec(compile(source, name, "exec"), names)
            assert parameters.keys() <= names.keys()
            names |= parameters
            continue
        body = ast.parse(source, name)
        *before, last = body.body
        value = None
        if isinstance(last, ast.Expr):
            exec(compile(ast.Module(before, []), name, "exec"), names)
            value = eval(compile(ast.Expression(last.value), name, "eval"), names)
        else:
            exec(compile(body, name, "exec"), names)
        shown.append(value._repr_html_() if hasattr(value, "_repr_html_") else repr(value))
    return names | {"shown": shown}


def overrides(*networks: str) -> dict[str, Any]:
    return {f"{network}.training.{key}": value for network in networks for key, value in SHORT.items()}


def test_notebooks_hold_no_outputs() -> None:
    found = sorted(path.name for path in NOTEBOOKS.glob("*.ipynb"))
    assert found == ["adopted-teacher.ipynb", "own-lines.ipynb"]
    for name in found:
        for cell in cells_of(name):
            assert cell["outputs"] == []
            assert cell["execution_count"] is None


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_own_lines(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proposing, "learning_speed", lambda *_: 900.0)
    monkeypatch.setattr(proposing, "reading_speed", lambda *_: 900.0)
    monkeypatch.setattr(proposing, "readings_of", lambda *_: {"receipts": Accuracy(0.0, 0.1)})  # fresh weights
    (here / "crops").mkdir()
    rows = []
    for i in range(72):
        picture = Image.new("L", (72, 24), 235)
        ImageDraw.Draw(picture).text((3, 5), f"Nr. {i * 37}", fill=20, font=ImageFont.load_default())
        picture.save(here / "crops" / f"{i // 3:02d}_{i % 3}.png")
        rows.append(f"{i // 3:02d}_{i % 3}.png\tNr. {i * 37}\n")
    (here / "crops" / "labels.tsv").write_text("".join(rows))
    networks = ("teacher", "teacher.stages.0", "student", "student.stages.0")
    few = {"data.train.1.lines": 12, "teacher.allow_weak": True, "runtime.workers": 0, "teacher.model.hidden": 16}
    names = executed("own-lines.ipynb", LINES="crops", BUDGET="20m", OVERRIDES=overrides(*networks) | few)
    assert sum(page.count("<img ") for page in names["shown"]) >= 12 + 8
    assert names["run"].report["student"]["n"] > 0
    assert any(page.startswith("<iframe") for page in names["shown"])
    assert (here / "runs" / "mine" / "student" / "model.safetensors").is_file()


def test_an_adopted_teacher(here: Path) -> None:
    lines = write_lines(here / "crops")
    model = write_foreign(here / "foreign.onnx", Form(), {"character": "\n".join(characters())})
    more = {"runtime.workers": 0, "student.model": {"kind": "recurrent", "size": "small"}}
    names = executed(
        "adopted-teacher.ipynb",
        MODEL=str(model),
        LINES=str(lines),
        BUDGET=SHORT,
        OVERRIDES=more | overrides("student"),
    )
    assert names["run"].report["teacher"]["exact"] > names["run"].report["student"]["exact"]
    assert names["run"].report["foreign_teachers"]
    assert (here / "runs" / "adopted" / "teacher" / "model.onnx").is_file()
