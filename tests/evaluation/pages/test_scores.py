"""Scores of pages, against plain sums, and their intervals."""

from __future__ import annotations

import numpy as np
import pytest

from distill.evaluation.pages.matching import PageCounts
from distill.evaluation.pages.scores import hmeans, summarise_pages

FULL = PageCounts(10, 8, 6, 8, 4, 1, 2, 9, 8, 5, 100, 20, 90, 9)
OTHER = PageCounts(4, 2, 2, 2, 2, 0, 0, 2, 4, 1, 50, 10, 30, 3)


def test_rates_are_of_the_pages_together() -> None:
    found = summarise_pages([FULL, OTHER], ["a", "b"], "nospace")
    assert {name: found[name] for name in ("pages", "lines", "found", "split", "merged", "judged", "right")} == {
        "pages": 2,
        "lines": 14,
        "found": 10,
        "split": 1,
        "merged": 2,
        "judged": 11,
        "right": 6,
    }
    expected = {
        "precision": 8 / 10,
        "recall": 8 / 14,
        "hmean": 2 * 8 / (14 + 10),
        "precision_70": 6 / 10,
        "recall_70": 6 / 14,
        "hmean_70": 2 * 6 / (14 + 10),
        "end_to_end": 2 * 6 / (11 + 12),
        "cer": 30 / 150,
        "cer_unordered": 12 / 120,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-6)
    assert found["sources"]["a"]["hmean"] == pytest.approx(12 / 18, abs=1e-6)
    assert found["sources"]["b"]["cer"] == pytest.approx(0.2)


def test_an_interval_resamples_pages() -> None:
    pages = [FULL, OTHER, PageCounts(6, 9, 2, 9, 1, 0, 0)] * 10
    found = summarise_pages(pages, ["a"] * 30, "nospace")
    each = found["intervals"]["hmean"]
    assert each["value"] == found["hmean"]
    generator, sampled = np.random.default_rng(5), []
    for _ in range(2000):
        some = [pages[i] for i in generator.integers(30, size=30)]
        sampled.append(2 * sum(p.matched for p in some) / sum(p.lines + p.found for p in some))
    assert (each["low"], each["high"]) == pytest.approx(tuple(np.percentile(sampled, [2.5, 97.5])), abs=0.015)


def test_equal_pages_still_have_an_interval_within_the_rates() -> None:
    right = PageCounts(3, 3, 3, 3, 3, 0, 0)
    each = summarise_pages([right] * 5, ["a"] * 5, None)["intervals"]["hmean"]
    assert each["value"] == each["high"] == 1.0
    assert 0.3 < each["low"] < 0.7


def test_where_nothing_is_read_no_text_is_scored() -> None:
    found = summarise_pages([FULL], ["a"], None)
    assert found["end_to_end"] is None
    assert found["cer"] is None
    assert "end_to_end" not in found["intervals"]
    assert "right" not in found


def test_where_no_text_is_known_no_text_is_scored() -> None:
    found = summarise_pages([PageCounts(3, 3, 3, 3, 3, 0, 0, 0, 0)], ["a"], "exact")
    assert found["end_to_end"] is None


def test_a_page_with_nothing_to_find() -> None:
    empty, wrong, missed = PageCounts(0, 0, 0, 0, 0, 0, 0), PageCounts(0, 2, 0, 2, 0, 0, 0), PageCounts(2, *[0] * 6)
    assert hmeans([empty, wrong, missed, FULL]).tolist() == pytest.approx([1.0, 0.0, 0.0, 12 / 18])
    of_none = summarise_pages([missed], ["a"], None)
    assert (of_none["precision"], of_none["recall"]) == (0.0, 0.0)
