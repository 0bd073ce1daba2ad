"""Every snippet of Python in the documents runs, and every one of YAML is a recipe or a part of one."""

from __future__ import annotations

import inspect
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from distill.adoption import callables
from distill.recipe.file import load_recipe
from distill.recipe.line_data import Data
from distill.recipe.sections import Recipe
from docs.website import ROOT
from tests.docs.shown import PAGES, blocks
from tests.pages import write_small_locator
from tests.samples import png_bytes
from tests.stand_ins import write_receipt

PYTHON = [(page, i) for page in PAGES for i in range(len(blocks(page, "python")))]
YAMLS = [(page, i) for page in PAGES for i in range(len(blocks(page, "yaml")))]
WEIGHTS = ROOT / "students" / "weights"
RENDERED = {"kind": "rendered", "name": "shown", "lines": 10, "fonts": ["arimo"]}
ELSEWHERE = {"apiVersion", "services", "jobs"}  # of programs that are not run here: Kubernetes, Docker Compose, a CI


def test_enough_is_looked_at() -> None:
    assert len(PYTHON) >= 6
    assert len(YAMLS) >= 9


def names(of: tuple[Path, int]) -> str:
    return f"{of[0].name}-{of[1]}"


@pytest.fixture
def here(tmp_path: Path, onnx_file: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with everything that snippets open; `model.onnx` and `model.safetensors` are there already."""
    assert onnx_file == tmp_path / "model.onnx"
    for name in ("line.png", "meter.png"):
        (tmp_path / name).write_bytes(png_bytes())
    write_receipt(tmp_path / "receipt.jpg")
    shutil.copy(WEIGHTS / "pages.safetensors", tmp_path)
    for run in ("pages", "receipts"):
        (tmp_path / "runs" / run / "student").mkdir(parents=True)
    write_small_locator(tmp_path / "runs" / "pages" / "student" / "model.safetensors")
    shutil.copy(WEIGHTS / "receipts.safetensors", tmp_path / "runs" / "receipts" / "student" / "model.safetensors")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def only_bound(function: Callable[..., Any]) -> Callable[..., None]:
    """Take the arguments that a function takes, and do nothing."""

    def taken(*given: object, **named: object) -> None:
        inspect.signature(function).bind(*given, **named)

    return taken


@pytest.mark.parametrize("of", PYTHON, ids=names)
def test_every_snippet_of_python_runs(of: tuple[Path, int], here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page, i = of
    for name in ("adopt_module", "reader_of"):  # theirs take minutes, and have tests of their own
        monkeypatch.setattr(callables, name, only_bound(getattr(callables, name)))
    images = [here / "line.png", here / "meter.png"]
    given = {"images": images, "network": None, "function": None, "characters": "ab", "Path": Path}
    exec(compile(blocks(page, "python")[i], names(of), "exec"), given)


@pytest.mark.parametrize("of", YAMLS, ids=names)
def test_every_snippet_of_yaml_is_a_recipe_or_a_part_of_one(of: tuple[Path, int], tmp_path: Path) -> None:
    page, i = of
    values = YAML(typ="safe", pure=True).load(blocks(page, "yaml")[i])
    if not isinstance(values, dict) or not ELSEWHERE & values.keys():
        YAML().dump(whole(values), tmp_path / "mine.yaml")
        load_recipe(str(tmp_path / "mine.yaml"), ["data.root=~/lines"])


def whole(values: Any) -> dict[str, Any]:
    """A recipe with such a part, laid over a shipped one: sources, keys of the data, keys of a rendered source."""
    if isinstance(values, list):
        return whole({"train": values})
    if "extends" in values:
        return dict(values)
    if not values.keys() <= Recipe.model_fields.keys():
        of_data = values.keys() <= Data.model_fields.keys()
        return whole({"data": values} if of_data else [RENDERED | values])
    kinds = {source["kind"] for source in values.get("data", {}).get("train", [])}
    return {"extends": "quick-pages" if "drawn_pages" in kinds else "receipts", **values}
