"""Every decoder against the enumeration of all alignments: what is written, how likely it is, what is refused."""

from __future__ import annotations

import itertools
import math
import re
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from students.alignments import best_alignment, text_log_probabilities
from students.automaton import best_text
from students.beam import Guide, prefix_beam_search
from students.charset import Charset
from students.decode import Reading, collapse, greedy
from students.decoder import decoder_of, tempered
from students.decoding import Beam, Greedy
from students.errors import DataError
from students.language import count_text, language_for, read_language, write_language
from students.pattern import pattern_automaton
from students.words import word_automaton

AB1 = Charset(characters="ab1 -")
T = 5


def posteriors(seed: int, frames: int = T, charset: Charset = AB1, sharpness: float = 2.0) -> np.ndarray:
    scores_TC = sharpness * np.random.default_rng(seed).normal(size=(frames, charset.n_classes))
    return scores_TC - np.log(np.exp(scores_TC).sum(1, keepdims=True))


def read(decoding: Greedy | Beam, charset: Charset, log_p_TC: np.ndarray) -> Reading:
    (reading,) = decoder_of(decoding, charset)(log_p_TC[None])
    return reading


def by_enumeration(log_p_TC: np.ndarray) -> tuple[dict[tuple[int, ...], float], dict[tuple[int, ...], float]]:
    """Of every text: the sum over its paths, and its best path."""
    sums: dict[tuple[int, ...], float] = defaultdict(float)
    best: dict[tuple[int, ...], float] = defaultdict(float)
    frames = np.arange(len(log_p_TC))
    for path in itertools.product(range(log_p_TC.shape[1]), repeat=len(log_p_TC)):
        text = tuple(collapse(np.array(path)))
        p = float(np.exp(log_p_TC[frames, list(path)].sum()))
        sums[text] += p
        best[text] = max(best[text], p)
    return sums, best


SUMS, BEST = zip(*(by_enumeration(posteriors(seed)) for seed in range(3)), strict=True)


@pytest.mark.parametrize("seed", range(3))
def test_the_probability_of_a_text_is_the_sum_over_its_paths(seed: int) -> None:
    texts = sorted(SUMS[seed])
    found = np.exp(text_log_probabilities(np.stack([posteriors(seed)] * len(texts)), texts))
    assert found == pytest.approx([SUMS[seed][text] for text in texts], rel=1e-9)
    assert found.sum() == pytest.approx(1)


def test_texts_without_a_path_are_impossible_and_no_frames_write_nothing() -> None:
    assert text_log_probabilities(np.stack([posteriors(0)] * 2), [[1, 1, 1, 1], []])[0] == -np.inf
    assert np.exp(text_log_probabilities(np.zeros((2, 0, 6)), [[], [1]])) == pytest.approx([1, 0])
    assert greedy(np.zeros((1, 0, 6)), AB1)[0].text == ""


@pytest.mark.parametrize("seed", range(3))
def test_characters_stand_where_the_best_alignment_has_them(seed: int) -> None:
    log_p_TC = posteriors(seed)
    for text in [(1, 2), (1, 1), (3,), (2, 1, 2)]:
        spans = best_alignment(log_p_TC, text)
        path = np.zeros(T, int)
        for c, (start, end) in zip(text, spans, strict=True):
            path[start:end] = c
        assert tuple(collapse(path)) == text
        assert np.exp(log_p_TC[np.arange(T), path].sum()) == pytest.approx(BEST[seed][text], rel=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_greedy_gives_the_probability_of_its_text(seed: int) -> None:
    reading = greedy(posteriors(seed)[None], AB1)[0]
    assert reading.confidence == pytest.approx(SUMS[seed][tuple(AB1.encode(reading.text))])
    assert reading.frames == T
    if reading.characters:
        assert reading.least_sure is not None
        assert reading.least_sure.confidence == min(c.confidence for c in reading.characters)


@pytest.mark.parametrize("seed", range(3))
def test_a_wide_beam_finds_the_likeliest_texts_with_their_probabilities(seed: int) -> None:
    log_p_TC = posteriors(seed, sharpness=1.0)
    sums, _ = by_enumeration(log_p_TC)
    expected = sorted(sums.items(), key=lambda item: -item[1])[:4]
    reading = read(Beam(width=200, n_best=4), AB1, log_p_TC)
    found = [(reading.text, reading.confidence), *reading.alternatives]
    assert [text for text, _ in found] == [AB1.decode(text) for text, _ in expected]
    assert [p for _, p in found] == pytest.approx([p for _, p in expected], rel=1e-6)


def test_a_narrow_beam_is_never_below_greedy() -> None:
    for seed in range(40):
        log_p_TC = posteriors(seed, frames=12, sharpness=1.0)
        assert read(Beam(width=1), AB1, log_p_TC).confidence >= greedy(log_p_TC[None], AB1)[0].confidence * (1 - 1e-9)


def test_an_alphabet_shuts_the_rest_out_and_scales_nothing_up() -> None:
    log_p_TC = posteriors(1)
    for decoding in (Greedy(alphabet="a1"), Beam(alphabet="a1", width=400)):
        reading = read(decoding, AB1, log_p_TC)
        assert set(reading.text) <= set("a1")
        assert reading.confidence == pytest.approx(SUMS[1][tuple(AB1.encode(reading.text))])
    assert set(read(Greedy(alphabet="digits"), AB1, posteriors(2)).text) <= {"1"}
    with pytest.raises(DataError, match=r"alphabet 'ax': the charset of the model lacks \['x'\]"):
        decoder_of(Greedy(alphabet="ax"), AB1)
    with pytest.raises(DataError, match="none"):
        decoder_of(Greedy(alphabet="digits"), Charset(characters="ab"))


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


def slow_witten_bell(lines: list[str], order: int, context: str, c: str, vocabulary: int) -> float:
    """P(c | context) by counting strings; `^` begins and `$` ends a line."""
    p = 1 / vocabulary
    padded = ["^" * (order - 1) + line + "$" for line in lines]
    for length in range(order):
        h = context[len(context) - length :]
        places = [(line, i) for line in padded for i in range(order - 1, len(line))]
        behind = [line[i] for line, i in places if line[i - length : i] == h]
        if behind:
            p = (behind.count(c) + len(set(behind)) * p) / (len(behind) + len(set(behind)))
    return p


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_a_language_model_is_witten_bell(order: int) -> None:
    lines = ["ab1 ba", "abba", "b-b", "aab"]
    model = count_text([*lines, "", "  "], order)
    language = language_for(model, AB1, weight=1.0)
    for text in ["", "a", "ab", "ba1", "1 b", "--"]:
        context = language.start
        for c in AB1.encode(text):
            context = language.after(context, c)
        padded = ("^" * (order - 1) + text)[len(text) :] if order > 1 else ""
        vocabulary = len(AB1.characters) + 2
        for c in AB1.characters:
            expected = slow_witten_bell(lines, order, padded, c, vocabulary)
            assert math.exp(language.log_p(context, AB1.encode(c)[0])) == pytest.approx(expected)
        assert math.exp(language.log_p_end(context)) == pytest.approx(
            slow_witten_bell(lines, order, padded, "$", vocabulary)
        )
        assert model.probabilities(context).sum() == pytest.approx(1)


def test_a_language_model_helps_where_the_picture_does_not(tmp_path: Path) -> None:
    path = tmp_path / "ab.lm"
    assert write_language(path, count_text(["abab"] * 20, 3)) == write_language(path, count_text(["abab "] * 20, 3))
    assert read_language(path).order == 3
    log_p_TC = np.log(np.array([[0.02, 0.9, 0.02, 0.02, 0.02, 0.02], [0.05, 0.05, 0.4, 0.45, 0.025, 0.025]]))
    assert read(Beam(), AB1, log_p_TC).text == "a1"
    reading = read(Beam(language=str(path), n_best=2), AB1, log_p_TC)
    assert reading.text == "ab"
    assert reading.alternatives[0][1] > reading.confidence  # confidences stay those of the picture


def test_search_with_a_language_model_ranks_by_the_sum() -> None:
    language = language_for(count_text(["ab 1", "ba"], 2), AB1, weight=0.7)
    guide = Guide(language=language, length_bonus=0.3)
    log_p_TC = posteriors(2, sharpness=1.0)
    sums, _ = by_enumeration(log_p_TC)
    best = max(sums, key=lambda text: math.log(sums[text]) + guide.weight_of(text))
    found = prefix_beam_search(log_p_TC, 1000, 0, guide)
    assert max(found, key=lambda item: item[1] + guide.weight_of(item[0]))[0] == best


@pytest.mark.parametrize("order", [0, 13])
def test_orders_that_cannot_be_counted_are_refused(order: int) -> None:
    with pytest.raises(DataError, match="order"):
        count_text(["ab"], order)


def test_language_models_that_cannot_help_are_refused(tmp_path: Path, student_file: Path) -> None:
    with pytest.raises(DataError, match="no line"):
        count_text(["", " "], 3)
    path = tmp_path / "greek.lm"
    write_language(path, count_text(["αβγ δ"], 2))
    with pytest.raises(DataError, match="none of the characters"):
        decoder_of(Beam(language=str(path)), AB1)
    with pytest.raises(DataError, match="no language model"):
        read_language(student_file)


def test_a_temperature_leaves_the_text_and_moves_the_confidence() -> None:
    log_p_TC = posteriors(0)
    logits_TC = log_p_TC + 3.0
    expected = np.exp(logits_TC / 2) / np.exp(logits_TC / 2).sum(1, keepdims=True)
    assert np.exp(tempered(log_p_TC, 2.0)) == pytest.approx(expected)
