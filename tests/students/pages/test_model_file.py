"""Files of locators and page readers: equal bytes for equal contents, and each kind refused where another is wanted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import students
import teachers
from students.errors import CheckpointError
from students.model_file import kind_of, read_model
from students.pages.model_file import (
    LocatorDescription,
    PagesDescription,
    PagesFile,
    expect_locator,
    read_locator,
    read_pages_file,
    write_locator,
    write_pages_file,
)
from students.pages.network import SeparableLocator
from students.pages.preparation import PagePreparation
from tests.pages import write_small_locator


def test_what_was_written_comes_back_and_equal_contents_give_equal_bytes(tmp_path: Path) -> None:
    path = write_small_locator(tmp_path / "locator.safetensors")
    description, weights = read_locator(path)
    assert description.kind == kind_of(path) == "locator"
    assert SeparableLocator.model_validate(description.architecture).receptive_px == description.receptive_px
    write_locator(tmp_path / "again.safetensors", description, dict(reversed(weights.items())))
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


def test_a_damaged_file_is_refused_by_name(tmp_path: Path) -> None:
    path = write_small_locator(tmp_path / "locator.safetensors")
    whole = bytearray(path.read_bytes())
    whole[-9] ^= 4
    path.write_bytes(whole)
    with pytest.raises(CheckpointError, match=r"locator\.safetensors.*altered or damaged"):
        read_locator(path)


def test_one_file_holds_both_networks(tmp_path: Path, student_file: Path) -> None:
    path, both = _pages(tmp_path, student_file)
    again = read_pages_file(path)
    assert again.description == both.description
    for want, got in ((both.locator, again.locator), (both.recogniser, again.recogniser)):
        assert want.keys() == got.keys()
        assert all(np.array_equal(want[name], got[name]) for name in want)


def test_a_recogniser_is_wanted_and_something_of_pages_given(tmp_path: Path, student_file: Path) -> None:
    locator = write_small_locator(tmp_path / "locator.safetensors")
    pages, _ = _pages(tmp_path, student_file)
    teacher = write_small_locator(tmp_path / "teacher.safetensors", kind="locator_teacher")
    for open_ in (students.load, teachers.load):
        with pytest.raises(CheckpointError, match=r"locator\.safetensors: holds a locator, .*students\.load_page"):
            open_(locator)
        with pytest.raises(CheckpointError, match=r"pages\.safetensors: holds both networks .*students\.load_page"):
            open_(pages)
        with pytest.raises(CheckpointError, match=r"teacher\.safetensors: .*teachers\.load_locator"):
            open_(teacher)


def test_a_locator_is_wanted_and_something_else_given(tmp_path: Path, student_file: Path) -> None:
    pages, _ = _pages(tmp_path, student_file)
    teacher = write_small_locator(tmp_path / "teacher.safetensors", kind="locator_teacher")
    with pytest.raises(CheckpointError, match="holds a student that reads lines, not a locator"):
        read_locator(student_file)
    with pytest.raises(CheckpointError, match="both networks of a page reader, not a locator alone"):
        read_locator(pages)
    with pytest.raises(CheckpointError, match=r"teachers\.load_locator"):
        expect_locator(read_locator(teacher)[0], teacher)
    with pytest.raises(CheckpointError, match="holds a student, not both networks"):
        read_pages_file(student_file)


def test_a_description_that_is_not_valid_is_refused_by_name(tmp_path: Path) -> None:
    path = write_small_locator(tmp_path / "locator.safetensors")
    description, weights = read_locator(path)
    write_locator(path, LocatorDescription.model_construct(**description.__dict__ | {"receptive_px": -1}), weights)
    with pytest.raises(CheckpointError, match=r"(?s)locator\.safetensors: the description inside .*receptive_px"):
        read_locator(path)
    with pytest.raises(ValueError, match="multiple of 32"):
        PagePreparation(quantum_px=48)


def _pages(folder: Path, student_file: Path) -> tuple[Path, PagesFile]:
    locator, locator_weights = read_locator(write_small_locator(folder / "part.safetensors"))
    recogniser, weights = read_model(student_file)
    both = PagesFile(PagesDescription(locator=locator, recogniser=recogniser), locator_weights, weights)
    path = folder / "pages.safetensors"
    write_pages_file(path, both)
    return path, both
