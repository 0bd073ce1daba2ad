"""Every decoder against the enumeration of all alignments: what is written, how likely it is."""

from __future__ import annotations

import numpy as np
import pytest

from students.alignments import best_alignment, text_log_probabilities
from students.calibration import tempered
from students.charset import Charset
from students.decoder import decoder_of
from students.decoding_settings import Beam, Greedy
from students.errors import DataError
from students.greedy import collapse, greedy
from tests.enumeration import AB1, BEST, SUMS, T, by_enumeration, posteriors, read


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


def test_a_text_that_next_to_never_is_keeps_its_probability() -> None:
    log_p_NTC = np.full((3, 40, 42), -20.0)
    log_p_NTC[1, :, 0] = 0.0
    alone = list(range(1, 41))  # as many classes as frames: one alignment
    found = text_log_probabilities(log_p_NTC, [alone, [], alone])
    assert found == pytest.approx([-800.0, 0.0, -800.0], rel=1e-12)


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


@pytest.mark.parametrize(
    ("decoding", "review_below", "reason"),
    [
        ("beam", 0.0, r"decoding 'beam': is one of students\.Greedy"),
        (Greedy, 0.0, "is one of students"),
        (Greedy(), 90, "review_below 90: is a confidence, between 0 and 1"),
        (Greedy(), float("nan"), "review_below nan"),
    ],
)
def test_settings_that_are_none_are_named(decoding: object, review_below: float, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        decoder_of(decoding, AB1, review_below)  # type: ignore[arg-type]


def test_a_temperature_leaves_the_text_and_moves_the_confidence() -> None:
    log_p_TC = posteriors(0)
    logits_TC = log_p_TC + 3.0
    expected = np.exp(logits_TC / 2) / np.exp(logits_TC / 2).sum(1, keepdims=True)
    assert np.exp(tempered(log_p_TC, 2.0)) == pytest.approx(expected)
