"""Right-to-left lines in a run: labels stay as they are, classes stand as lines are drawn, what is lost is named."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from distill.data.batch import targets_of
from distill.data.lines import Refusal
from distill.digests import digest_of
from distill.pools.lines import Pools, open_pools
from distill.pools.policies import without_infeasible
from distill.preflight.lines import check
from distill.recipe.file import load_recipe
from distill.training.initial import charset_with_starts
from students import direction
from students.charset import Charset
from students.errors import DataError
from students.model_file import Description, write_model
from tests.line_files import many, parquet, row
from tests.samples import png_bytes

A, B, C = "\u05d0\u05d1\u05d2"
LABELS = [f"{A}{B}{C} 12", f"{A} abc 3", f"{B} def 12", "plain 12"]
ALIKE = f"abc {A}{B}"  # drawn as the same words of a line to the left, which most labels are


def overrides(root: Path, *more: str) -> list[str]:
    for seed, (name, labels) in enumerate({"train": [*LABELS, ALIKE], "validation": LABELS, "test": LABELS}.items()):
        rows = [row(label, f"{i}.png", png_bytes(seed=10 * seed + i)) for i, label in enumerate(labels)]
        parquet(root / f"{name}.parquet", rows)
    parts = ("train", "validation", "test")
    sources = [f"data.{name}=[{{kind: parquet, name: {name}, path: {name}.parquet}}]" for name in parts]
    return [*sources, f"data.root={root}", *more]


def pools_of(root: Path, *more: str) -> Pools:
    return open_pools(load_recipe("smoke", overrides(root, *more)), root / "run")


def test_labels_stay_and_targets_stand_as_lines_are_drawn(tmp_path: Path) -> None:
    pools = pools_of(tmp_path)
    assert pools.train.texts == (*LABELS, ALIKE)
    assert (pools.charset.order, pools.charset.base) == ("visual", "R")
    targets_NL, lengths_N = targets_of([LABELS[0], "plain 12"], pools.charset)
    drawn = [f"12 {C}{B}{A}", "plain 12"]
    for target_L, length, text in zip(targets_NL.tolist(), lengths_N.tolist(), drawn, strict=True):
        assert "".join(pools.charset.characters[c - 1] for c in target_L[:length]) == text


def test_labels_that_are_read_as_another_text_are_named(tmp_path: Path) -> None:
    summary = pools_of(tmp_path).summary()
    assert summary["read_back_otherwise"] == {"train": {"train/4.png": f"{A}{B} abc"}, "validation": {}, "test": {}}
    recipe = load_recipe("smoke", overrides(tmp_path))
    found = [finding for finding in check(recipe, tmp_path / "run", 0).findings if finding.kind == "order"]
    assert [(finding.severity, finding.keys) for finding in found] == [("note", ("train/4.png",))]


def test_labels_can_be_learnt_in_the_order_that_they_stand_in(tmp_path: Path) -> None:
    pools = pools_of(tmp_path, "data.charset.reorder=false")
    assert pools.charset.order == "logical"
    assert "read_back_otherwise" not in pools.summary()
    assert pools.charset.decode(pools.charset.encode(ALIKE)) == ALIKE


def test_other_recipes_keep_their_digest() -> None:
    recipe = load_recipe("smoke")
    assert recipe.model_dump()["data"]["charset"] == {"characters": None, "outside": "fail"}
    assert digest_of(recipe) != digest_of(load_recipe("smoke", ["data.charset.reorder=false"]))


def test_without_the_library_such_lines_are_refused_and_others_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "bidi", None)
    direction._library.cache_clear()
    with pytest.raises(DataError, match=r"pip install 'crnn-distill\[bidi\]'"):
        pools_of(tmp_path)
    assert pools_of(tmp_path, "data.charset.reorder=false").charset.order == "logical"


def test_frames_are_counted_between_neighbours_in_the_picture(tmp_path: Path) -> None:
    lines = many(["line"], [f"1{A}1"], tmp_path)
    frames = {int(lines.padded_width_px[0]): 3}
    refused: list[Refusal] = []
    without_infeasible(lines, frames, refused, in_order=lambda text: "11" + text[1])
    assert "needs 4 frames" in refused[0].reason


def test_a_model_that_orders_lines_otherwise_is_no_beginning(tmp_path: Path) -> None:
    old = Charset(characters=f"{A}{B}")
    preparation = load_recipe("smoke").image
    described = Description(kind="student", architecture={}, charset=old, preparation=preparation)
    write_model(tmp_path / "old.safetensors", described, {})
    recipe = load_recipe("smoke", [f"student.init={tmp_path / 'old.safetensors'}"])
    with pytest.raises(DataError, match=r"data\.charset\.reorder=false"):
        charset_with_starts(Charset.of_lines([f"{A}1"]), recipe)
    assert charset_with_starts(Charset.of([f"{A}1"]), recipe).order == "logical"
    assert charset_with_starts(Charset.of(["1"]), recipe) == Charset(characters=f"1{A}{B}")
