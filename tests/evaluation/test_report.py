"""Readings of a report that no label could be, and tables that no cell breaks."""

from pathlib import Path

import numpy as np
import pytest

from distill.evaluation.report import line_reading
from distill.tsv import tsv_row
from students.charset import Charset
from students.image import Preparation
from students.model_file import Description
from students.reader import Reader


def test_a_line_is_read_that_no_label_could_be() -> None:
    """The charset has a letter and an accent, and not the letter with the accent."""
    charset = Charset(characters="e\u0301")
    description = Description(kind="student", architecture={}, charset=charset, preparation=Preparation())
    reader = Reader(description, Path("none"), lambda images: images)
    one = line_reading(reader, np.log(np.array([[0.1, 0.8, 0.1], [0.1, 0.1, 0.8]])))
    assert one.text == "e\u0301"
    assert one.unfitted == pytest.approx(one.confidence) == pytest.approx(0.64)


def test_no_cell_breaks_its_row() -> None:
    assert tsv_row(["a\tb", "c\r\nd", ""]) == "a\\tb\tc\\r\\nd\t"
