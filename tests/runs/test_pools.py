"""The lines of a run: opened part by part, every problem reported at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from distill.recipe.file import load_recipe
from distill.recipe.sections import CharsetChoice
from distill.runs.pools import choose_charset, open_pools
from students.errors import DataError
from tests.line_files import parquet, row
from tests.samples import png_bytes


def test_the_space_belongs_to_a_built_charset() -> None:
    assert choose_charset(["ba", None], CharsetChoice()).characters == " ab"
    assert choose_charset(["ba"], CharsetChoice(characters="xyz")).characters == "xyz"


def digits(root: Path, *more: str) -> list[str]:
    """Overrides that give `smoke` files in place of its rendered lines."""
    for name, seed in (("train", 0), ("validation", 10), ("test", 20)):
        rows = [row(str(i), f"{i}.png", png_bytes(seed=seed + i)) for i in range(4)]
        parquet(root / f"{name}.parquet", rows)
    parts = ("train", "validation", "test")
    sources = [f"data.{name}=[{{kind: parquet, name: {name}, path: {name}.parquet}}]" for name in parts]
    return [*sources, f"data.root={root}", *more]


def test_every_part_is_opened_and_counted(tmp_path: Path) -> None:
    pools = open_pools(load_recipe("smoke", digits(tmp_path)), tmp_path / "run")
    summary = pools.summary()
    counts = {"lines": 4, "unlabelled": 0}
    assert summary["lines"] == {name: {name: counts} for name in ("train", "validation", "test")}
    assert pools.charset.characters == " 0123"
    assert summary["refused"] == {"train": [], "validation": [], "test": []}


def test_all_sources_that_do_not_open_are_reported_at_once(tmp_path: Path) -> None:
    overrides = digits(tmp_path)
    for name in ("train", "test"):
        (tmp_path / f"{name}.parquet").unlink()
    with pytest.raises(DataError, match=r"source train: .*no such file.*\nsource test: .*no such file"):
        open_pools(load_recipe("smoke", overrides), tmp_path / "run")


def test_a_test_line_without_a_label_is_refused(tmp_path: Path) -> None:
    recipe = load_recipe("smoke", digits(tmp_path, "data.test.0.drop_labels=true"))
    with pytest.raises(DataError, match="test: every line needs a label"):
        open_pools(recipe, tmp_path / "run")
