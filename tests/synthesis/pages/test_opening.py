"""Drawn pages opened: equal to what is drawn, and resumed part by part."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from distill.synthesis.pages.draw import draw_page
from distill.synthesis.pages.opening import _drawn, open_drawn_pages, pages_on_demand
from distill.synthesis.pages.source import DrawnPagesSource, PageLook
from students.errors import DataError

LOOK = PageLook(sheet_pixels=(40_000, 60_000), colour_probability=0.5)


def _source(pages: int = 3, **changes: object) -> DrawnPagesSource:
    return DrawnPagesSource(name="drawn", pages=pages, fonts=("dejavu-sans",), look=LOOK).model_copy(update=changes)


def test_records_are_what_is_drawn(tmp_path: Path) -> None:
    records = open_drawn_pages(_source(), tmp_path, tmp_path)
    assert [record.key for record in records] == ["drawn/000000", "drawn/000001", "drawn/000002"]
    assert len({record.sha256 for record in records}) == 3
    for number, record in enumerate(records):
        page, lines = draw_page(_source(), number)
        assert np.array_equal(record.load(), page)
        assert np.array_equal(pickle.loads(pickle.dumps(record)).load(), page)
        assert record.lines is not None
        assert [line.text for line in record.lines] == [line.text for line in lines]
        assert all(np.array_equal(a.corners_42, b.corners_42) for a, b in zip(record.lines, lines, strict=True))


def test_pages_on_demand_are_the_same_and_no_others_are_drawn(tmp_path: Path) -> None:
    _drawn.cache_clear()
    records = pages_on_demand(_source(1000), tmp_path)
    assert [record.key for record in records[:2]] == ["drawn/000000", "drawn/000001"]
    assert all(record.lines is not None for record in records)
    for record, other in zip(records, open_drawn_pages(_source(2), tmp_path, tmp_path), strict=False):
        assert record.lines is not None
        assert other.lines is not None
        assert record.sha256 == other.sha256
        assert np.array_equal(pickle.loads(pickle.dumps(record)).load(), other.load())
        for line, same in zip(record.lines, other.lines, strict=True):
            assert (line.text, line.corners_42.tolist()) == (same.text, same.corners_42.tolist())
    assert _drawn.cache_info().misses == 2
    assert pages_on_demand(_source(1, drop_labels=True), tmp_path)[0].lines is None


def test_a_page_has_one_digest_in_sources_of_any_name_and_size(tmp_path: Path) -> None:
    first = open_drawn_pages(_source(), tmp_path, tmp_path)
    other = open_drawn_pages(_source(2, name="unmarked", drop_labels=True), tmp_path, tmp_path)
    assert [record.sha256 for record in other] == [record.sha256 for record in first[:2]]
    assert all(record.lines is None for record in other)
    seeded = open_drawn_pages(_source(1, seed=1), tmp_path, tmp_path)
    assert seeded[0].sha256 != first[0].sha256


def test_what_is_drawn_already_is_not_drawn_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distill.synthesis.pages.opening.PART_PAGES", 1)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0}, raising=False)
    polled = []
    open_drawn_pages(_source(), tmp_path, tmp_path, lambda: polled.append(1))
    parts = sorted(tmp_path.glob("pages-*/*"))
    assert [part.name for part in parts] == [f"part-00000{n}.arrow" for n in range(3)]
    before = [part.read_bytes() for part in parts]
    parts[1].unlink()
    open_drawn_pages(_source(), tmp_path, tmp_path, lambda: polled.append(2))
    assert polled == [1, 1, 1, 2]
    assert [part.read_bytes() for part in parts] == before


def test_faults_name_the_source(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"source drawn: font family no-such is not installed"):
        open_drawn_pages(_source(fonts=("no-such",)), tmp_path, tmp_path)
