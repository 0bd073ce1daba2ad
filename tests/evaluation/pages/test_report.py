"""The report of a run on pages: figures of each role, the verdict, and what its page shows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from distill.data.pages.record import MarkedLine, PageRecord
from distill.evaluation.pages.pictures import MISSED, RIGHT, WRONG, draw_found
from distill.evaluation.pages.report import summarise_run
from distill.evaluation.pages.report_page import write_report_page

PARAMETERS = {"teacher": 1000, "control": 100, "student": 100}


def row(y: float, height: float = 10) -> np.ndarray:
    return np.array([(5, y), (95, y), (95, y + height), (5, y + height)], np.float64)


def page_of(key: str, source: str, rows: Sequence[np.ndarray], ignored: Sequence[np.ndarray] = ()) -> PageRecord:
    lines = [MarkedLine(corners_42, "x") for corners_42 in rows]
    lines += [MarkedLine(corners_42, "x", ignored=True) for corners_42 in ignored]
    return PageRecord(key, source, lambda: np.full((200, 100), 255, np.uint8), tuple(lines), key)


@pytest.fixture
def pages() -> list[PageRecord]:
    return [page_of(f"page {i}", "ab"[i % 2], [row(10), row(40, 6 + i % 3), row(80)]) for i in range(40)]


def found_on(pages: Sequence[PageRecord], n_of_page: Sequence[int]) -> list[list[np.ndarray]]:
    return [[line.corners_42 for line in (page.lines or ())[:n]] for page, n in zip(pages, n_of_page, strict=True)]


def test_a_gain_on_pages_is_a_verdict_on_their_scores(pages: list[PageRecord]) -> None:
    found = {
        "teacher": found_on(pages, [3] * 40),
        "control": found_on(pages, [1] * 40),
        "student": found_on(pages, [2, 3] * 20),
    }
    result = summarise_run(pages, found, PARAMETERS, seed=3)
    assert result["verdict"] == "gain"
    control, student = 2 / 4, (2 * 2 / 5 + 1) / 2
    assert result["gain"]["value"] == pytest.approx(student - control, abs=1e-6)
    assert result["gap_recovered"]["value"] == pytest.approx((student - control) / (1 - control), abs=1e-6)
    assert result["student"]["recall"] == pytest.approx(100 / 120, abs=1e-6)
    assert result["student"]["sources"]["b"]["hmean"] == 1.0
    assert result["missed"] == {"n": 20, "teacher_too": 0.0}
    assert result["seeds"] == [3]
    assert sum(each["n"] for each in result["line_height_px"]) == 120
    assert all(each["teacher"] == 1.0 for each in result["line_height_px"])


def test_without_a_control_nothing_is_proven(pages: list[PageRecord]) -> None:
    found = {"teacher": found_on(pages, [3] * 40), "student": found_on(pages, [3] * 40)}
    result = summarise_run(pages, found, PARAMETERS, seed=0)
    assert (result["control"], result["gain"], result["verdict"]) == (None, None, "unproven")


def test_the_page_shows_the_worst_pages(pages: list[PageRecord], tmp_path: Path) -> None:
    counts = [3] * 40
    counts[7], counts[20] = 1, 0
    found = {role: found_on(pages, counts) for role in PARAMETERS}
    result = summarise_run(pages, found, PARAMETERS, seed=0)
    for role in ("teacher", "student"):  # a role without a log, such as a finished teacher, has no curve
        (tmp_path / role).mkdir()
        (tmp_path / role / "metrics.jsonl").write_text(
            '{"step": 5, "cross_entropy": 0.5}\n{"step": 5, "validation_hmean": 0.25}\n'
        )
    write_report_page(tmp_path, ("quick-pages", "pages, quickly"), pages, found, result)
    written = (tmp_path / "report.md").read_text()
    assert written.index("`page 20` | 0.0%") < written.index("`page 7` | 50.0%")
    page = (tmp_path / "report.html").read_text()
    assert page.index("page 20") < page.index("page 7")
    assert page.count('src="data:image/jpeg') == 2
    names = sorted(path.name for path in (tmp_path / "pictures").iterdir())
    assert names == ["curves.png", "page-01.jpg", "page-02.jpg"]
    rows = (tmp_path / "pages.tsv").read_text().splitlines()
    assert len(rows) == 41
    assert rows[8].split("\t") == ["page 7", "b", "3", "0.5000", "0.5000", "0.5000"]


def test_a_picture_shows_right_missed_and_wrong_lines() -> None:
    page = page_of("a", "a", [row(10), row(40)], ignored=[row(150)])
    picture = draw_found(page.load(), page.lines or (), [row(11), row(100), row(150)])
    pixels = np.asarray(picture)

    def colours(y: int) -> set[tuple[int, ...]]:
        return {tuple(pixel) for pixel in pixels[y - 1 : y + 2, 50].tolist()} - {(255, 255, 255)}

    assert colours(11) == {RIGHT}
    assert colours(40) == {MISSED}
    assert colours(100) == {WRONG}
    assert len(colours(150)) == 1
    assert colours(150).isdisjoint({RIGHT, MISSED, WRONG})


def test_a_large_page_is_shown_small() -> None:
    picture = draw_found(np.zeros((3000, 40, 3), np.uint8), (), ())
    assert picture.size == (16, 1200)
    assert isinstance(picture, Image.Image)
