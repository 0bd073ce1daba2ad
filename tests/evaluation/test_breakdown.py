"""Breakdowns add up, and agreement counts what it says."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from distill.data.lines import Lines
from distill.evaluation.breakdown import agreement, breakdown, page
from distill.evaluation.document import as_markdown
from distill.evaluation.metrics import Truth, compare

WORDS = ["a", "bb", "cab", "abba", "abcab", "cccccc", "b|<a"] * 5
KEYS = tuple(f"line/{i}" for i in range(len(WORDS)))


def lines() -> Lines:
    n = len(WORDS)
    widths = np.array([32 * len(word) for word in WORDS])
    return Lines(KEYS, KEYS, tuple(WORDS), ("line",) * n, widths, ("",) * n, ())


def read(change: dict[str, str]) -> list:
    truths = [Truth(key, word, "line") for key, word in zip(KEYS, WORDS, strict=True)]
    return compare(truths, {key: change.get(word, word) for key, word in zip(KEYS, WORDS, strict=True)}, "exact")


def test_bins_hold_every_line_once_and_their_shares_add_up() -> None:
    roles = {
        "teacher": read({"bb": "bc"}),
        "student": read({"bb": "bc", "cccccc": "ccccc", "cab": "xcab", "b|<a": "b<<a"}),
    }
    found = breakdown(lines(), roles)
    for bins in (found["length"], found["width_px"]):
        assert sum(b["n"] for b in bins) == len(WORDS)
        for role, of_role in roles.items():
            right = sum(b["n"] * b[role] for b in bins)
            assert right == pytest.approx(sum(line.exact for line in of_role), abs=1e-3)
        assert all(b["to"] < c["from"] for b, c in itertools.pairwise(bins))
    b = found["character"]["b"]
    assert b["n"] == sum(word.count("b") for word in WORDS)
    assert b["student"] == b["teacher"] == pytest.approx(1 - 5 / b["n"], abs=1e-6)
    c = found["character"]["c"]
    assert c["teacher"] == 1
    assert c["student"] == pytest.approx(1 - 5 / c["n"], abs=1e-6)  # an inserted character misses none
    text = as_markdown(page(found, agreement(roles["teacher"], roles["student"]), ["teacher", "student"]))
    assert found["costly"]["|"] == {"missed": 5, "read_as": {"<": 5}}
    assert found["costly"]["c"] == {"missed": 5, "read_as": {"": 5}}
    n = sum(map(len, WORDS))
    assert found["errors"] == {"characters": n, "missed": 15, "extra": 5, "always_read": 2}
    assert "| `\\|` | `<` (5) | 5 | 100.0% | 0.0% |" in text
    assert "| `c` | nothing (5) |" in text
    assert f"misreads 15 of {n} characters and writes 5 that are not there" in text
    assert "20 lines" in text


def test_of_thousands_of_characters_those_that_cost_most_are_shown() -> None:
    texts = [chr(0x4E00 + i) for i in range(3000)]
    read = {str(i): "x" if i % 3 == 0 else text for i, text in enumerate(texts)} | {"0": "", "3": "yy"}
    lines = compare([Truth(str(i), text, "line") for i, text in enumerate(texts)], read, "exact")
    keys, n = tuple(read), len(texts)
    test = Lines(keys, keys, tuple(texts), ("line",) * n, np.full(n, 64), ("",) * n, ())
    found = breakdown(test, {"student": lines})
    assert len(found["character"]) == 3000
    assert len(found["costly"]) == 12
    assert found["errors"]["always_read"] == 2000
    text = as_markdown(page(found, None, ["student"]))
    assert "Of 3,000 different characters it always reads 2,000" in text
    assert len(text.splitlines()) < 40


def test_agreement_is_about_the_students_errors() -> None:
    teacher, student = read({"a": "b", "bb": "bc"}), read({"bb": "bc", "cab": "cob", "a": "c"})
    found = agreement(teacher, student)
    assert found == {"n": 15, "teacher_wrong": pytest.approx(2 / 3), "same_reading": pytest.approx(1 / 3)}
    assert agreement(teacher, read({})) == {"n": 0, "teacher_wrong": 0.0, "same_reading": 0.0}


def test_lines_of_one_length_are_one_bin() -> None:
    roles = {"teacher": read({}), "student": read({})}
    same = lines()
    same = Lines(
        same.keys, same.names, same.texts, same.sources, np.full(len(WORDS), 64), same.image_digests, same.fetch
    )
    (only,) = breakdown(same, roles)["width_px"]
    assert (only["from"], only["to"], only["n"]) == (64, 64, len(WORDS))
