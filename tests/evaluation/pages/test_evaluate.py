"""Pages read and scored: by a reader and by others, with pages that cannot be read named."""

from __future__ import annotations

import numpy as np
import pytest

from distill.data.pages.record import MarkedLine, PageRecord
from distill.evaluation.pages.evaluate import evaluate_pages, open_page_data
from distill.evaluation.pages.matching import FoundText
from distill.evaluation.pages.peers import PagePeer
from students.errors import DataError

ROW = np.array([(5, 5), (95, 5), (95, 25), (5, 25)], np.float64)


def page_of(key: str, text: str = "Total", broken: bool = False, marked: bool = True) -> PageRecord:
    def load() -> np.ndarray:
        if broken:
            raise DataError(f"{key}: not an image")
        return np.full((60, 100), int(key) % 256, np.uint8)

    lines = (MarkedLine(ROW, text), MarkedLine(ROW + 30, "x", ignored=True)) if marked else None
    return PageRecord(key, f"source {int(key) % 2}", load, lines, key)


def reads_total(page_HWC: np.ndarray) -> list[FoundText]:
    if page_HWC[0, 0] == 99:
        raise DataError("too dark to read")
    return [FoundText(ROW, "TOTAL")]


def test_a_reader_and_peers_on_the_same_pages() -> None:
    pages = [page_of("1"), page_of("2"), page_of("3", text="Sum"), page_of("4", broken=True), page_of("99")]
    silent = PagePeer("silent", lambda _: [], 123)
    result = evaluate_pages(reads_total, pages, "nospace", [silent])
    assert (result["pages"], result["hmean"], result["ignored"]) == (3, 1.0, 3)
    assert result["end_to_end"] == pytest.approx(2 / 3, abs=1e-6)
    assert result["cer"] == pytest.approx(5 / 13, abs=1e-6)
    assert result["sources"]["source 0"]["end_to_end"] == 1.0
    assert result["refused"] == ["4: not an image", "99: too dark to read"]
    of_silent = result["against"]["silent"]
    assert (of_silent["pages"], of_silent["hmean"], of_silent["cer"], of_silent["bytes"]) == (3, 0.0, 1.0, 123)


def test_a_locator_is_judged_by_places_alone() -> None:
    result = evaluate_pages(reads_total, [page_of("1"), page_of("2")], None)
    assert (result["hmean"], result["end_to_end"], result["protocol"]) == (1.0, None, None)
    assert "against" not in result


def test_pages_that_nobody_marked_are_no_test() -> None:
    with pytest.raises(DataError, match="1 of 2 pages without marked lines to compare with, the first: 7"):
        evaluate_pages(reads_total, [page_of("1"), page_of("7", marked=False)], None)


def test_a_place_that_is_not_there_is_told_before_another_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distill.evaluation.pages.evaluate.open_pages", None)
    with pytest.raises(DataError, match="gone: no such file or folder"):
        open_page_data([".", "gone"])


def test_where_no_page_can_be_read_the_first_says_why() -> None:
    with pytest.raises(DataError, match="not one page can be read; 2 were refused, the first: 4: not an image"):
        evaluate_pages(reads_total, [page_of("4", broken=True), page_of("6", broken=True)], None)
    with pytest.raises(DataError, match="not one page"):
        evaluate_pages(reads_total, [], None)
