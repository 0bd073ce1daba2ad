"""Pictures that stand upright: when they are turned, and which reading of them is kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import students
from students.charset import Charset
from students.errors import DataError
from students.image import Preparation
from students.model_file import Description
from students.reader import Reader
from students.reading import Character, Reading
from students.turning import after, is_tall, size_after, sureness, surest, way_to_learn, ways_to_read
from tests.samples import write_student

DARK, MIDDLE, PAPER = 0, 110, 255
FRAME_PX = 4


def picture(*levels: int) -> np.ndarray:
    """Characters of these levels from left to right, each a square of 30 px between paper."""
    columns = [np.full((32, 30), level, np.uint8) for level in levels]
    gap = np.full((32, 8), PAPER, np.uint8)
    return np.hstack([gap, *(part for column in columns for part in (column, gap))])


def logits_of(images_NCHW: np.ndarray) -> np.ndarray:
    """Reads dark columns as a, middle ones as b, and is the less sure of a column the more levels it holds."""
    levels_NHW = images_NCHW[:, 0] * 127.5 + 127.5
    n, height, width = levels_NHW.shape
    frames_NTS = levels_NHW.reshape(n, height, width // FRAME_PX, FRAME_PX).transpose(0, 2, 1, 3).reshape(n, -1, 128)
    mean_NT, spread_NT = frames_NTS.mean(2), frames_NTS.std(2)
    class_NT = np.select([mean_NT < 60, mean_NT < 125], [1, 2], 0)
    return np.eye(3)[class_NT] * (12 - spread_NT / 10)[..., None]


def reader_of(turned: str) -> Reader:
    preparation = Preparation(turned=turned)
    description = Description(
        kind="student", architecture={}, charset=Charset(characters="ab"), preparation=preparation
    )
    return Reader(description, Path("of levels"), logits_of)


def test_a_picture_is_tall_from_one_and_a_half_on() -> None:
    assert [is_tall(*size) for size in ((150, 100), (151, 100), (40, 100))] == [False, True, False]


def test_a_picture_is_read_in_the_ways_that_the_model_file_says() -> None:
    assert [ways_to_read(turned, 60, 30) for turned in ("never", "tall", "surer")] == [(0,), (1,), (0, 1, 3)]
    assert [ways_to_read(turned, 30, 30) for turned in ("never", "tall", "surer")] == [(0,)] * 3


@pytest.mark.parametrize(
    ("turned", "size", "text", "quarters"),
    [
        ("tall", (60, 30), "ab", 1),
        ("surer", (60, 30), "ab", 1),
        ("surer", (60, 30), None, 1),
        ("surer", (60, 30), "a", 0),
        ("tall", (60, 30), "", 0),
        ("tall", (45, 30), "ab", 0),
        ("never", (60, 30), "ab", 0),
    ],
)
def test_a_line_is_learnt_turned_where_its_text_has_more_than_a_character(
    turned: str, size: tuple[int, int], text: str | None, quarters: int
) -> None:
    assert way_to_learn(turned, *size, text) == quarters


def test_text_that_runs_down_runs_to_the_right_once_turned() -> None:
    down = np.array([[1], [2], [3]], np.uint8)
    assert after(1, down).tolist() == [[1, 2, 3]]
    assert after(3, down[::-1]).tolist() == [[1, 2, 3]]
    assert size_after(1, 3, 1) == (1, 3)
    assert size_after(2, 3, 1) == size_after(0, 3, 1) == (3, 1)


def test_a_short_text_does_not_win_by_its_length() -> None:
    assert sureness(0.81, 2) == pytest.approx(0.9)
    assert sureness(1.0, 0) == 0.0
    short, long = Reading("a", 0.6), Reading("abcd", 0.5)
    assert surest([short, long]) is long
    assert surest([short, Reading("b", 0.6)]) is short


def test_a_tall_picture_is_read_the_way_it_is_surest() -> None:
    level, lone = picture(DARK, MIDDLE), picture(DARK, DARK).T[8:60]
    down = after(3, level)
    pictures = [level, down, lone]
    for turned, read in (("never", [("ab", 0), None, None]), ("tall", [("ab", 0), ("ab", 1), None])):
        found = [(reading.text, reading.quarters) for reading in reader_of(turned).read(pictures)]
        assert all(want is None or got == want for got, want in zip(found, read, strict=True))
    assert reader_of("never").read(down).text != "ab"
    reader = reader_of("surer")
    together = reader.read(pictures)
    assert [(reading.text, reading.quarters) for reading in together[:2]] == [("ab", 0), ("ab", 1)]
    assert together == [reader.read(each) for each in pictures] == reader.read_each(pictures, batch_size=2)


def test_a_way_that_is_too_wide_is_left_out_where_there_is_another() -> None:
    tall = np.full((400, 20), PAPER, np.uint8)
    narrow = Preparation(turned="surer", max_width_px=64)
    assert [quarters for quarters, _ in narrow.prepare_ways(tall)] == [0]
    with pytest.raises(students.DataError, match="max_width_px"):
        Preparation(turned="tall", max_width_px=64).prepare_ways(tall)


def test_edges_of_characters_lie_in_the_picture_as_it_was_read() -> None:
    characters = (Character("a", 1.0, 0, 4), Character("b", 1.0, 4, 8))
    read = Reading("ab", 1.0, characters, frames=8)
    turned = Reading("ab", 1.0, characters, frames=8, quarters=1)
    preparation = Preparation(height_px=32, width_quantum_px=4)
    assert turned.extents_px(preparation, 200, 50) == read.extents_px(preparation, 50, 200) == [(0, 100), (100, 200)]


def test_files_without_the_key_read_as_before_and_one_that_is_chosen_is_kept(tmp_path: Path) -> None:
    path = write_student(tmp_path / "model.safetensors")
    reader = students.load(path)
    assert reader.description.preparation.turned == "never"
    assert "turned" not in reader.description.model_dump()["preparation"]
    chosen = students.load(path, turned="surer").description
    assert Description.model_validate(chosen.model_dump(mode="json")).preparation.turned == "surer"


@pytest.mark.parametrize("turned", ["sideways", 90, True])
def test_a_way_that_there_is_not_is_refused_before_anything_is_read(turned: object, tmp_path: Path) -> None:
    path = write_student(tmp_path / "model.safetensors")
    with pytest.raises(DataError, match="are read in one of these ways: never, tall, surer"):
        students.load(path, turned=turned)  # type: ignore[arg-type]
