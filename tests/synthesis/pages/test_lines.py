"""What is one line: runs of a row with narrow gaps; and where its box runs."""

from __future__ import annotations

import pytest

from distill.synthesis.pages.lines import GAP, MARGIN_X, MARGIN_Y, SheetLine, TextRun, lines_of


def _run(text: str, left: float, right: float, top: float = 0, cell: int | None = None) -> TextRun:
    return TextRun(text, left, top, right, top + 10, 10, cell)


@pytest.mark.parametrize(
    ("second", "texts"),
    [
        (_run("b", 50 + GAP * 10 - 0.1, 90), ["a b"]),
        (_run("b", 50 + GAP * 10, 90), ["a", "b"]),
        (_run("b", 52, 90, top=7), ["a", "b"]),
        (_run("b", 52, 90, cell=2), ["a", "b"]),
    ],
)
def test_a_wide_gap_another_row_or_cell_splits(second: TextRun, texts: list[str]) -> None:
    assert [line.text for line in lines_of([_run("a", 0, 50), second])] == texts


def test_runs_join_one_after_the_other_in_the_order_of_their_places() -> None:
    lines = lines_of([_run("c", 60, 80), _run("a", 0, 25), _run("b", 30, 55)])
    assert [line.text for line in lines] == ["a b c"]


def test_a_large_run_does_not_join_two_small_rows() -> None:
    rows = [TextRun("small", 40, 0, 80, 8, 8), TextRun("rows", 40, 12, 80, 20, 8)]
    assert len(lines_of([TextRun("Large", 0, 0, 35, 20, 20), *rows])) == 3


def test_the_box_leaves_the_margins_of_its_height() -> None:
    (line,) = lines_of([_run("a", 20, 50, top=30)])
    assert line == SheetLine("a", 20 - MARGIN_X * 10, 30 - MARGIN_Y * 10, 50 + MARGIN_X * 10, 40 + MARGIN_Y * 10)


def test_an_empty_sheet_has_no_line() -> None:
    assert lines_of([]) == []
