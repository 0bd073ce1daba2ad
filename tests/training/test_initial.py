"""First weights from a model file: the head follows its characters, and what does not fit is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from distill.recipe.file import load_recipe
from distill.recipe.sections import Recipe
from distill.training.initial import charset_with_starts, fill, problems_of_starts, start_of
from students.charset import Charset
from students.config import STUDENTS
from students.errors import CheckpointError, DataError
from students.image import Preparation
from students.model_file import Description, write_model
from students.parts import Recogniser

OLD, NEW = Charset(characters="abc"), Charset(characters="cdb")
ARCHITECTURE = {"kind": "digits"}


def network(charset: Charset, seed: int) -> Recogniser:
    torch.manual_seed(seed)
    return STUDENTS.validate_python(ARCHITECTURE).build(charset.n_classes, 1, 32)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    described = STUDENTS.validate_python(ARCHITECTURE).model_dump(mode="json")
    description = Description(
        kind="student", architecture=described, charset=OLD, preparation=Preparation(), training={"weights": "d"}
    )
    write_model(path, description, {name: t.numpy() for name, t in network(OLD, 1).state_dict().items()})
    return path


def recipe(file: Path, *more: str) -> Recipe:
    return load_recipe("smoke", [f"student.init={file}", *more])


def test_rows_of_the_head_follow_their_characters(file: Path) -> None:
    old, fresh, model = network(OLD, 1), network(NEW, 2), network(NEW, 2)
    start = start_of(recipe(file).student)
    assert start is not None
    fill(model, start, STUDENTS.validate_python(ARCHITECTURE).model_dump(mode="json"), NEW, Preparation())
    for own, known in ((0, 0), (1, 3), (3, 2)):  # blank, c, b
        assert torch.equal(model.head.weight[own], old.head.weight[known])
        assert torch.equal(model.head.bias[own], old.head.bias[known])
    assert torch.equal(model.head.weight[2], fresh.head.weight[2])  # d is new
    others = [name for name in model.state_dict() if not name.startswith("head.")]
    assert others
    assert all(torch.equal(model.state_dict()[name], old.state_dict()[name]) for name in others)


@pytest.mark.parametrize(("change", "characters"), [("union", "abcd"), ("new", "cdb")])
def test_the_charset_changes_as_the_recipe_says(change: str, characters: str, file: Path) -> None:
    found = charset_with_starts(NEW, recipe(file, f"student.charset_change={change}"))
    assert found.characters == characters


def test_a_charset_that_must_not_change_names_what_is_missing(file: Path) -> None:
    fixed = recipe(file, "student.charset_change=fail")
    with pytest.raises(DataError, match="cannot write 'd'"):
        charset_with_starts(NEW, fixed)
    assert charset_with_starts(Charset(characters="b"), fixed).characters == "abc"


def test_other_architectures_and_heights_are_refused_with_the_difference(file: Path) -> None:
    assert problems_of_starts(recipe(file), NEW) == []
    (problem,) = problems_of_starts(recipe(file, "student.model.hidden=64"), NEW)
    assert "its hidden is 96, the recipe's 64" in problem
    (problem,) = problems_of_starts(recipe(file, "image.height_px=48"), NEW)
    assert "lines of 32 px" in problem
    (problem,) = problems_of_starts(load_recipe("smoke", ["teacher.init=nowhere"]), NEW)
    assert "no such model file" in problem


def test_a_damaged_start_is_never_used(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(CheckpointError):
        start_of(recipe(file).student)
