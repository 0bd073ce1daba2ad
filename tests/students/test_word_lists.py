"""Reading by a word list: closed, with a penalty for other words, and lists that cannot be used."""

from __future__ import annotations

import itertools
import math
import re

import numpy as np
import pytest

from students.alignments import text_log_probabilities
from students.automaton import best_text
from students.beam import Guide
from students.charset import Charset
from students.decoding_settings import Beam
from students.errors import DataError
from students.words import word_automaton
from tests.enumeration import AB1, BEST, SUMS, posteriors, read


def is_listed(text: str, words: list[str]) -> bool:
    return all(word in words for word in re.split("[ -]", text) if word)


@pytest.mark.parametrize("seed", range(3))
def test_a_closed_word_list_gives_the_best_line_of_its_words(seed: int) -> None:
    words = ["ab", "b", "ba1"]
    automaton, log_p_TC = word_automaton(words, AB1), posteriors(seed)
    listed = [text for text in BEST[seed] if is_listed(AB1.decode(text), words)]
    text = best_text(log_p_TC, automaton)
    assert text is not None
    assert BEST[seed][text] == pytest.approx(max(BEST[seed][other] for other in listed), rel=1e-9)
    for text in SUMS[seed]:
        assert (Guide(automaton).weight_of(text) == 0) == (text in listed), AB1.decode(text)
    wide = read(Beam(words=tuple(words), width=400), AB1, log_p_TC)
    assert wide.confidence == pytest.approx(max(SUMS[seed][other] for other in listed), rel=1e-2)


def test_other_words_cost_their_penalty_each() -> None:
    guide = Guide(word_automaton(["ab", "b"], AB1, penalty=2.5))
    weights = {text: guide.weight_of(AB1.encode(text)) for text in ("ab b", "a", "a ab", "1-a b", "aba", "", " ab-")}
    assert weights == {"ab b": 0, "a": -2.5, "a ab": -2.5, "1-a b": -5, "aba": -2.5, "": 0, " ab-": 0}


def test_a_word_keeps_the_punctuation_that_the_list_gives_it() -> None:
    guide = Guide(word_automaton(["a-b"], AB1))
    assert [guide.weight_of(AB1.encode(text)) for text in ("a-b", "a-b-a-b", "a", "a-")] == [0, 0, -math.inf, -math.inf]


@pytest.mark.parametrize("text", ["don'don", "'don'", "don't don'", "don't"])
def test_a_word_may_end_before_a_separator_that_a_longer_word_has_inside(text: str) -> None:
    charset = Charset(characters="dont' ")
    path = [c for one in charset.encode(text) for c in (one, 0)]
    log_p_TC = np.log(0.02 + 0.86 * np.eye(charset.n_classes)[path])
    assert word_automaton(["don", "don't"], charset).accepts(charset.encode(text))
    reading = read(Beam(words=("don", "don't")), charset, log_p_TC)
    assert reading.text == text
    assert reading.confidence == pytest.approx(
        np.exp(text_log_probabilities(log_p_TC[None], [charset.encode(text)])[0])
    )


@pytest.mark.parametrize("words", [["ab", "b", "ba1"], ["a", "a-b"], ["-", "b-"]])
def test_a_text_is_accepted_that_is_one_of_listed_words(words: list[str]) -> None:
    automaton = word_automaton(words, AB1)
    line = re.compile("[ -]*((" + "|".join(words) + ")([ -]+|$))*")
    for n in range(5):
        for text in itertools.product(range(1, AB1.n_classes), repeat=n):
            assert automaton.accepts(text) == (line.fullmatch(AB1.decode(text)) is not None), AB1.decode(text)


def test_word_lists_that_cannot_be_used_are_refused(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(DataError, match="empty"):
        word_automaton(["", " "], AB1)
    with pytest.raises(DataError, match="none"):
        word_automaton(["xyz"], AB1)
    word_automaton(["ab", "xyz"], AB1)
    assert "1 of 2 words" in caplog.text
