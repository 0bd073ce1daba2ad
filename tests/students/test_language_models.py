"""Character language models: their probabilities, what they change, and which are refused."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

import students
from students.beam import Guide, prefix_beam_search
from students.charset import Charset
from students.decoder import decoder_of
from students.decoding_settings import Beam
from students.errors import CheckpointError, DataError
from students.language import count_text, language_for, read_language, write_language
from students.model_file import write_signed
from students.shipped import find_language
from tests.enumeration import AB1, by_enumeration, posteriors, read


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
        assert sum(model.probability(context, symbol) for symbol in range(model.n_symbols)) == pytest.approx(1)


def test_a_language_model_helps_where_the_picture_does_not(tmp_path: Path) -> None:
    path = tmp_path / "ab.lm"
    assert write_language(path, count_text(["abab"] * 20, 3)) == write_language(path, count_text(["abab "] * 20, 3))
    assert read_language(path).order == 3
    log_p_TC = np.log(np.array([[0.02, 0.9, 0.02, 0.02, 0.02, 0.02], [0.05, 0.05, 0.4, 0.45, 0.025, 0.025]]))
    assert read(Beam(), AB1, log_p_TC).text == "a1"
    reading = read(Beam(language=str(path), n_best=2), AB1, log_p_TC)
    assert reading.text == "ab"
    assert reading.alternatives[0][1] > reading.confidence  # confidences stay those of the picture


def test_a_caseless_language_model_is_that_of_small_letters(tmp_path: Path) -> None:
    letters = Charset(characters="abABı")
    path = tmp_path / "caseless.lm"
    write_language(path, count_text(["ab", "AB", "Ab", "ba"], 3, caseless=True))
    small = language_for(count_text(["ab", "ab", "ab", "ba"], 3), letters, weight=1.0)
    caseless = language_for(read_language(path), letters, weight=1.0)
    for text in ("ab", "aB", "AB", "bA"):
        a, b = letters.encode(text)
        as_small = letters.encode(text.lower())
        assert caseless.log_p(caseless.start, a) == small.log_p(small.start, as_small[0])
        assert caseless.log_p(caseless.after(caseless.start, a), b) == small.log_p(
            small.after(small.start, as_small[0]), as_small[1]
        )


def test_a_language_model_of_an_earlier_release_opens(tmp_path: Path) -> None:
    model = count_text(["ab 1", "ba"], 3)
    contents = {"format_version": 1, "kind": "language", "characters": model.characters, "order": 3}
    write_signed(tmp_path / "old.lm", contents, {"grams": model.grams_G, "counts": model.counts_G})
    write_language(tmp_path / "new.lm", model)
    for name in ("old.lm", "new.lm"):
        read = read_language(tmp_path / name)
        np.testing.assert_array_equal(read.grams_G, model.grams_G)
        np.testing.assert_array_equal(read.counts_G, model.counts_G)
        assert read.grams_G.dtype == read.counts_G.dtype == np.int64


def test_the_shipped_language_model_knows_english(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    charset = students.load("scene").description.charset
    language = language_for(read_language(find_language("english")), charset, weight=1.0)
    guide = Guide(language=language)
    assert guide.weight_of(charset.encode("STATION")) == guide.weight_of(charset.encode("Station"))
    for word, misread in (("Station", "Slation"), ("Hotel", "Hote1"), ("Open", "0pen")):
        assert guide.weight_of(charset.encode(word)) > guide.weight_of(charset.encode(misread)) + 1
    assert decoder_of(Beam(language="english"), charset)
    with pytest.raises(CheckpointError, match=r"englich: no such file, and no shipped language model.*english"):
        decoder_of(Beam(language="englich"), charset)
    Path("english").write_bytes(b"a file of that name comes first")
    with pytest.raises(CheckpointError, match=r"english: "):
        decoder_of(Beam(language="english"), charset)


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
