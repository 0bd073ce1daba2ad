"""The page reader that comes with the package: one name, both networks, real receipts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import students
import students.shipped
from distill.data.pages.opening import open_pages
from distill.data.pages.sources import PageFileSource
from distill.evaluation.pages.matching import count_page
from students.errors import CheckpointError
from tests.conftest import REAL_DATA

PAGES = 3


def test_it_is_a_page_reader_and_no_line_reader() -> None:
    with pytest.raises(CheckpointError, match="load_page"):
        students.load("pages")
    reader = students.load_page("pages")
    assert reader.locator.description.training["sources"] == {"drawn": 2000, "receipts": 88}
    assert students.shipped.find_model("pages").stat().st_size < 2_500_000


@pytest.mark.real
def test_it_finds_and_reads_receipts() -> None:
    folder = REAL_DATA / "pages_sroie" / "test"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not here")
    reader = students.load_page("pages")
    records = open_pages(PageFileSource(name="receipts", path=str(folder)), Path())[:PAGES]
    n_matched = n_lines = n_right = 0
    for record in records:
        page = reader.read_page(record.load())
        lines = record.lines or ()
        counts = count_page(lines, [np.array(line.polygon) for line in page.lines])
        n_matched, n_lines = n_matched + counts.matched, n_lines + counts.lines
        texts = {"".join(line.text.split()).upper() for line in page.lines}
        n_right += sum("".join((line.text or "").split()).upper() in texts for line in lines)
    assert n_matched > 0.8 * n_lines
    assert n_right > 0.6 * n_lines
