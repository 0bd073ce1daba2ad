from pathlib import Path

import numpy as np
import pytest

from distill.evaluation.report import heard, in_words, judge
from distill.tsv import tsv_row
from students.charset import Charset
from students.image import Preparation
from students.model_file import Description
from students.reading import Reader


def lines_read(share: float, n: int = 2000, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).permutation(n) < share * n).astype(float)


def test_a_clear_gain_is_a_gain_and_the_gap_is_its_share() -> None:
    teacher, control = np.ones(2000), lines_read(0.8)
    student = np.maximum(control, lines_read(0.5, seed=1))
    result = judge(teacher, control, student, seed=0)
    assert result["verdict"] == "gain"
    assert result["gap_recovered"]["value"] == pytest.approx(0.5, abs=0.06)
    assert result["gap_recovered"]["low"] < result["gap_recovered"]["value"] < result["gap_recovered"]["high"]
    assert in_words({**result}).startswith("gain on this run")


def test_equal_students_have_no_gain() -> None:
    control = lines_read(0.8)
    assert judge(np.ones(2000), control, control, seed=0)["verdict"] == "no_gain"


def test_a_loss_is_no_gain() -> None:
    assert judge(np.ones(2000), lines_read(0.9), lines_read(0.7), seed=0)["verdict"] == "no_gain"


def test_few_lines_leave_it_open() -> None:
    result = judge(lines_read(0.9, 60), lines_read(0.6, 60), lines_read(0.65, 60, seed=2), seed=0)
    assert result["verdict"] == "inconclusive"


def test_without_a_gap_none_is_recovered() -> None:
    control = lines_read(0.8)
    assert judge(control, control, np.ones(2000), seed=0)["gap_recovered"] is None


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    """A gain of 4 points, 200 draws of 400 lines: the 95 % interval should hold it in about 190."""
    generator = np.random.default_rng(3)
    held = 0
    for _ in range(200):
        control, student = generator.random((2, 400)) < np.array([[0.7], [0.74]])
        gain = judge(np.ones(400), control.astype(float), student.astype(float), seed=0)["gain"]
        held += gain["low"] <= 0.04 <= gain["high"]
    assert 176 <= held <= 199


def test_no_share_of_a_gap_is_told_where_the_teacher_is_the_worse_one() -> None:
    result = judge(lines_read(0.2), lines_read(0.8), lines_read(0.3), seed=0)
    assert result["teacher_gap"]["high"] < 0
    assert "recovered" not in in_words(result)


def test_a_line_is_heard_that_no_label_could_be() -> None:
    """The charset has a letter and an accent, and not the letter with the accent."""
    charset = Charset(characters="e\u0301")
    description = Description(kind="student", architecture={}, charset=charset, preparation=Preparation())
    reader = Reader(description, Path("none"), lambda images: images)
    one = heard(reader, np.log(np.array([[0.1, 0.8, 0.1], [0.1, 0.1, 0.8]])))
    assert one.text == "e\u0301"
    assert one.unfitted == pytest.approx(one.confidence) == pytest.approx(0.64)


def test_no_cell_breaks_its_row() -> None:
    assert tsv_row(["a\tb", "c\r\nd", ""]) == "a\\tb\tc\\r\\nd\t"
