"""`section.key=value`: the text of a key that holds text stays as it is, every other value is YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.recipe.file import load_recipe, resolved_yaml
from distill.recipe.overrides import lay_over
from distill.recipe.sections import Recipe, RecipeError

TEXTS = [
    *("lot #3", "a #", "ends with a space ", " begins", "007", "1e5", "0x1f", "null", "~", "yes", "true", "1:30", ""),
    *(
        "'quoted'",
        '"double"',
        "a: b",
        "{a: b}",
        "[x]",
        "*star",
        "&and",
        "!tag",
        "%20",
        "@",
        "`",
        "a\\b",
        "$HOME",
        "- a",
    ),
    *("2026-11-28", "a=b", "Ж\N{ZERO WIDTH SPACE}", "line\nbreak", "tab\there"),
]


def laid(*overrides: str) -> dict[str, Any]:
    values: dict[str, Any] = {"data": {"train": [{"kind": "folder"}, {"kind": "rendered", "fonts": ["a", "b"]}]}}
    for override in overrides:
        assert lay_over(Recipe, values, override, []) == []
    return values


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_taken_as_it_stands(text: str) -> None:
    keys = ("about", "data.root", "data.licence", "data.train.0.path", "data.train.0.name", "data.train.1.fonts.1")
    values = laid(*(f"{key}={text}" for key in keys))
    assert (values["about"], values["data"]["root"], values["data"]["licence"]) == (text,) * 3
    assert values["data"]["train"][0] == {"kind": "folder", "path": text, "name": text}
    assert values["data"]["train"][1]["fonts"] == ["a", text]


@given(st.text(max_size=30))
def test_any_text_is(text: str) -> None:
    assert laid(f"data.root={text}")["data"]["root"] == text


def test_a_key_that_may_hold_none_is_emptied_by_null_or_nothing() -> None:
    for text, value in {"": None, "null": None, "lot #3": "lot #3", "007": "007", "None": "None", "~/x": "~/x"}.items():
        values = laid(f"teacher.file={text}", f"runtime.cache_root={text}", f"data.train.0.labels={text}")
        assert values["teacher"]["file"] == value
        assert values["runtime"]["cache_root"] == value
        assert values["data"]["train"][0]["labels"] == value


def test_a_recipe_of_odd_texts_is_written_and_read_back(tmp_path: Path) -> None:
    odd = dict(
        zip(("about", "data.root", "data.origin", "teacher.file"), ("a #", "lot #3 ", "1e5", "007"), strict=True)
    )
    recipe = load_recipe("smoke", [f"{key}={text}" for key, text in odd.items()])
    assert (recipe.about, recipe.data.root, recipe.data.origin, recipe.teacher.file) == tuple(odd.values())
    written = tmp_path / "recipe.yaml"
    written.write_text(resolved_yaml(recipe), "utf-8")
    assert load_recipe(str(written)) == recipe


def test_other_values_are_yaml_as_ever() -> None:
    steps, seed = "student.training.steps=5 # few", "student.seed="
    recipe = load_recipe(
        "smoke", ["seed=0123", "student.control=false  # not now", steps, seed, "teacher.sources=[printed]"]
    )
    assert (recipe.seed, recipe.student.seed, recipe.student.control) == (123, None, False)
    assert (recipe.student.training.steps, recipe.teacher.sources) == (5, ("printed",))


def test_what_is_no_choice_is_named_as_it_was_typed() -> None:
    with pytest.raises(RecipeError, match=r"teacher\.training\.precision: .*'bf16 #'"):
        load_recipe("smoke", ["teacher.training.precision=bf16 #"])


def test_the_cache_of_several_runs_is_named_in_two_ways(tmp_path: Path) -> None:
    assert load_recipe("smoke", ["cache.root=007"]).runtime.cache_root == "007"
    recipe = tmp_path / "mine.yaml"
    recipe.write_text("extends: smoke\ncache: {root: shared}\nruntime: {workers: 0}\n")
    assert load_recipe(str(recipe)).runtime.cache_root == "shared"
    assert load_recipe(str(recipe)).runtime.workers == 0
    assert load_recipe(str(recipe), ["runtime.cache_root=other"]).runtime.cache_root == "other"


@pytest.mark.parametrize(
    "cache", ["cache: {root: x, more: y}", "cache: shared", "cache: {root: x}\nruntime: {cache_root: y}"]
)
def test_a_cache_that_is_something_else_is_refused(cache: str, tmp_path: Path) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_text(f"extends: smoke\n{cache}\n")
    with pytest.raises(RecipeError, match="cache: no such key"):
        load_recipe(str(recipe))
