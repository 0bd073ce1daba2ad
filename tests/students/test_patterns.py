"""Reading by a pattern: what it accepts, its best path, and what it cannot hold."""

from __future__ import annotations

import itertools
import re

import pytest

from students.automaton import best_text
from students.beam import Guide
from students.decoding_settings import Beam
from students.errors import DataError
from students.pattern import pattern_automaton
from tests.enumeration import AB1, BEST, SUMS, posteriors, read

PATTERNS = [
    "",
    *[r"a+", r"[ab]\d", r"a{2}|b?", r"(a|b1)*", r"a.?1", r"[^a1]{1,2}", r"\w\s\w", r"-?1{1,}", r"(?:ab){0,2}1"],
    *[r"a{0}", r"\D{3}", r"[a\-]+", r"(a|b|1|ab|b1)(1|-)?", r"((a?b){1,2})+", r"[]a]", r"\S[-b]\W", r"b{0,1}a"],
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_accepts_what_re_matches_as_a_whole(pattern: str) -> None:
    automaton = pattern_automaton(pattern, AB1)
    guide = Guide(automaton)
    for n in range(5):
        for text in itertools.product(range(1, AB1.n_classes), repeat=n):
            matched = re.fullmatch(pattern, AB1.decode(text)) is not None
            assert (guide.weight_of(text) == 0) == matched, AB1.decode(text)


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("seed", range(3))
def test_a_pattern_is_read_by_its_best_path_and_never_missed(pattern: str, seed: int) -> None:
    matching = [text for text in BEST[seed] if re.fullmatch(pattern, AB1.decode(text))]
    log_p_TC = posteriors(seed)
    text = best_text(log_p_TC, pattern_automaton(pattern, AB1))
    assert text is not None
    assert BEST[seed][text] == pytest.approx(max(BEST[seed][other] for other in matching), rel=1e-9)
    wide = read(Beam(pattern=pattern, width=400), AB1, log_p_TC)
    assert re.fullmatch(pattern, wide.text)
    assert wide.confidence >= SUMS[seed][text] * (1 - 1e-9)
    narrow = read(Beam(pattern=pattern, width=1), AB1, log_p_TC)
    assert re.fullmatch(pattern, narrow.text)
    assert narrow.confidence == pytest.approx(SUMS[seed][tuple(AB1.encode(narrow.text))])


def test_where_no_text_fits_nothing_is_read_and_a_person_is_asked() -> None:
    reading = read(Beam(pattern="1{9}"), AB1, posteriors(0))
    assert (reading.text, reading.confidence, reading.review) == ("", 0.0, True)


REFUSED = {
    "not closed": ["(a", "[a"],
    "without its": ["a)"],
    "nothing before": ["*a"],
    "behind": ["a**", "a+?"],
    "at least 3": ["a{3,1}"],
    "no 'x'": ["x"],
    "no character": ["[x-z]", "[^ab1 -]"],
    r"\(\?=": ["(?=a)"],
    "whole line": ["^a"],
    "leave it out": ["a$"],
    r"\\b": [r"\b"],
    r"\\1": [r"(a)\1"],
    "range": ["[b-a]", r"[a-\d]"],
    "escape": ["a\\"],
    "too large": ["(a{500}){500}", "(.*a.{12})", "(" * 5000 + "a" + ")" * 5000],
}


@pytest.mark.parametrize(
    ("pattern", "reason"), [(pattern, reason) for reason, patterns in REFUSED.items() for pattern in patterns]
)
def test_what_a_pattern_cannot_hold_is_named(pattern: str, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        pattern_automaton(pattern, AB1)
