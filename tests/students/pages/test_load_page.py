"""`students.load_page`: one file or two, by path, run folder or name; each kind refused where another is wanted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import students
from distill.delivery.export.graph import graph_of_locator, signed
from students.errors import CheckpointError
from students.pages.page import Page
from tests.pages import write_both, write_small_locator

PAGE_HWC = np.random.default_rng(7).integers(0, 256, (160, 120, 3), np.uint8)


@pytest.fixture
def locator_file(tmp_path: Path) -> Path:
    return write_small_locator(tmp_path / "locator.safetensors")


@pytest.fixture
def pages_file(tmp_path: Path, locator_file: Path, student_file: Path) -> Path:
    return write_both(tmp_path / "both.safetensors", locator_file, student_file)


def read_by(*models: Path | str) -> Page:
    """A page of noise, on which every core counts as a line."""
    reader = students.load_page(*models)
    finding = reader.locator.description.finding.model_copy(update={"found": 0.0, "least_height_px": 1.0, "core": 0.2})
    reader.locator.description = reader.locator.description.model_copy(update={"finding": finding})
    return reader.read_page(PAGE_HWC)


def test_two_files_and_one_file_of_both_read_the_same(pages_file: Path, locator_file: Path, student_file: Path) -> None:
    apart = read_by(locator_file, student_file)
    assert apart.lines
    assert read_by(pages_file) == apart
    assert read_by(pages_file, student_file) == apart


def test_an_onnx_locator_finds_the_same_lines(locator_file: Path, student_file: Path) -> None:
    reader = students.load_page(locator_file, student_file).locator
    exported = locator_file.with_suffix(".onnx")
    exported.write_bytes(signed(graph_of_locator(reader), reader.description, exported))
    want, got = read_by(locator_file, student_file), read_by(exported, student_file)
    assert [line.text for line in got.lines] == [line.text for line in want.lines]
    for mine, theirs in zip(got.lines, want.lines, strict=True):
        assert np.allclose(mine.box, theirs.box, atol=0.1)


def test_run_folders_and_shipped_names_are_opened(tmp_path: Path, locator_file: Path) -> None:
    (tmp_path / "run" / "student").mkdir(parents=True)
    (tmp_path / "run" / "student" / "model.safetensors").write_bytes(locator_file.read_bytes())
    assert students.load_page(tmp_path / "run", "receipts").recogniser.path == students.load("receipts").path
    with pytest.raises(CheckpointError, match="no shipped page reader"):
        students.load_page("nothing-of-this-name")


def test_each_kind_is_refused_where_another_is_wanted(
    tmp_path: Path, pages_file: Path, locator_file: Path, student_file: Path
) -> None:
    teacher = write_small_locator(tmp_path / "teacher.safetensors", kind="locator_teacher")
    refused = {
        (student_file,): r"holds a student, which reads lines and finds none; .*load_page\(locator, recogniser\)",
        (locator_file,): r"locator\.safetensors: finds the lines of pages and reads none; .*load_page\(locator",
        (student_file, locator_file): "the locator first, then the recogniser",
        (locator_file, locator_file): r"holds a locator, .*load_page\(locator, recogniser\), or .* --recogniser",
        (locator_file, pages_file): r"holds both networks .* alone: students\.load_page\(file\)",
        (teacher, student_file): r"teachers\.load_locator",
        (teacher,): "locator_teacher",
    }
    for models, message in refused.items():
        with pytest.raises(CheckpointError, match=message):
            students.load_page(*models)


def test_decoding_and_review_are_chosen_when_it_is_opened(pages_file: Path) -> None:
    reader = students.load_page(pages_file, decoding=students.Greedy(alphabet="7"), review_below=1.0)
    reading = reader.recogniser.read(PAGE_HWC[:32])
    assert set(reading.text) <= {"7"}
    assert reading.review


def test_without_opencv_it_says_what_to_install() -> None:
    code = """
import sys
sys.modules["cv2"] = None
import students
try:
    students.load_page("pages")
except students.DataError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'crnn-distill[pages]'" in done.stdout
