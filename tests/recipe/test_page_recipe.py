"""Recipes of pages: told from those of lines by their task, checked whole, every problem at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from distill.recipe.file import load_line_recipe, load_recipe, resolved_yaml, shipped_recipes
from distill.recipe.pages import PageRecipe
from distill.recipe.sections import Recipe, RecipeError
from tests.page_task import RECIPE


@pytest.fixture
def recipe_file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(RECIPE)
    return path


def test_the_task_tells_pages_from_lines(recipe_file: Path) -> None:
    assert isinstance(load_recipe(str(recipe_file)), PageRecipe)
    assert isinstance(load_recipe("smoke"), Recipe)
    with pytest.raises(RecipeError, match="its task is pages"):
        load_line_recipe(str(recipe_file))


def test_a_recipe_of_lines_may_say_so(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("task: lines\nextends: smoke\nname: smoke\n")
    assert load_recipe(str(path)) == load_recipe("smoke")


@pytest.mark.parametrize(
    ("override", "rule"), [("name=a/b", "name: a name that a folder gets"), ("data.train.0.name=a b", "write a_b")]
)
def test_names_that_will_not_do_are_told_in_plain_words(recipe_file: Path, override: str, rule: str) -> None:
    with pytest.raises(RecipeError, match=rule) as refused:
        load_recipe(str(recipe_file), [override])
    assert "match pattern" not in str(refused.value)


def test_another_task_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("task: page\n")
    with pytest.raises(RecipeError, match=r"task: 'page' is no task; did you mean 'pages'\?"):
        load_recipe(str(path))


def test_overrides_and_the_resolved_recipe_go_round(recipe_file: Path, tmp_path: Path) -> None:
    recipe = load_recipe(str(recipe_file), ["data.root=/pages #1", "objective.cross_entropy.background=null"])
    assert isinstance(recipe, PageRecipe)
    assert recipe.data.root == "/pages #1"
    assert recipe.objective.cross_entropy.background is None
    again = tmp_path / "again.yaml"
    again.write_text(resolved_yaml(recipe))
    assert load_recipe(str(again)) == recipe


def test_every_problem_is_named_at_once(recipe_file: Path) -> None:
    overrides = ["student.training.step=3", "objective.core_kl.temperature=0", "teacher.model.kind=separable", "x=1"]
    with pytest.raises(RecipeError) as caught:
        load_recipe(str(recipe_file), overrides)
    said = str(caught.value)
    assert "4 problems" in said
    assert "student.training.step: no such key; did you mean 'steps'?" in said
    assert "objective.core_kl.temperature: Input should be greater than 0" in said
    assert "teacher.model.kind: 'separable' is not one of 'resnet', 'convnext'" in said
    assert "x: no such key" in said


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("student.sources=[elsewhere]", "student.sources: 'elsewhere' is not one of its sources; there are drawn"),
        ("teacher.mix={weights: {elsewhere: 2}}", "teacher.mix.weights: 'elsewhere'"),
        ("data.cut={share: 0.1}", "give either validation sources or a cut"),
        ("data.test.0.name=drawn", "used twice: drawn"),
        ("student.training.patience=2", "control and student take equal steps"),
        ("student.training.crop_px=100", "crop_px: Input should be a multiple of 32"),
        ("page.quantum_px=64", "student.training.crop_px: 160 is no multiple of page.quantum_px, 64"),
    ],
)
def test_what_does_not_fit_together_is_refused(recipe_file: Path, override: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        load_recipe(str(recipe_file), [override])


def test_the_control_has_no_term_of_the_teacher() -> None:
    values: dict[str, Any] = {"core_kl": {"weight": 2, "temperature": 3}, "dice": {"weight": 0.5}}
    objective = PageRecipe.model_fields["objective"].annotation.model_validate(values)
    alone = objective.without_teacher
    assert [name for name, term in alone.terms.items() if term.needs_teacher and term.weight] == []
    assert alone.dice == objective.dice
    other = objective.model_copy(update={"core_kl": objective.core_kl.model_copy(update={"temperature": 1.0})})
    assert other.without_teacher == alone, "a setting of the teacher's terms trains the control anew"


def test_shipped_recipes_of_pages_are_listed() -> None:
    tasks = {name: type(load_recipe(name)) for name in shipped_recipes()}
    assert {name for name, task in tasks.items() if task is PageRecipe} == {"quick-pages", "few-pages", "pages"}
