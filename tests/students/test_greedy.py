"""Greedy decoding: text, characters with places and confidences, and what asks for review."""

import numpy as np
import pytest

from students.charset import Charset
from students.greedy import collapse, greedy
from students.image import Preparation
from students.reading import Reading

CHARSET = Charset(characters="ab")


def log_posteriors(path: list[int], confidence: float = 0.8) -> np.ndarray:
    rest = (1 - confidence) / 2
    posteriors = np.full((len(path), 3), rest)
    posteriors[np.arange(len(path)), path] = confidence
    return np.log(posteriors)


def read(path: list[int], review_below: float = 0.0) -> Reading:
    (reading,) = greedy(log_posteriors(path)[None], CHARSET, review_below)
    return reading


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ([0, 0], ""),
        ([1, 1], "a"),
        ([1, 0, 1], "aa"),
        ([0, 1, 2, 2, 0, 2], "abb"),
        ([2], "b"),
        ([1, 2, 1], "aba"),
    ],
)
def test_repeats_merge_and_blanks_separate(path: list[int], text: str) -> None:
    reading = read(path)
    assert reading.text == text == CHARSET.decode(collapse(np.array(path)))
    assert reading.confidence >= 0.8 ** len(path) * (1 - 1e-9)  # that of one alignment of several


def test_characters_know_where_they_stand_and_how_sure_they_are() -> None:
    first, second = read([0, 1, 1, 0, 2]).characters
    assert (first.text, first.start, first.end) == ("a", 1, 3)
    assert (second.text, second.start, second.end) == ("b", 4, 5)
    assert first.confidence == pytest.approx(0.8)


def test_the_confidence_is_that_of_the_text_over_all_its_alignments() -> None:
    reading = read([1, 1])
    assert reading.confidence == pytest.approx(0.8 * 0.8 + 2 * 0.8 * 0.1)  # aa, a-, -a
    assert reading.least_sure == reading.characters[0]
    assert read([0]).least_sure is None


def test_extents_are_pixels_of_the_picture_as_it_came() -> None:
    preparation = Preparation(height_px=32, width_quantum_px=16)
    reading = read([1, 0, 2, 0])  # 4 frames over 64 padded px, of 50 px that are picture
    assert reading.extents_px(preparation, 64, 100) == [(0, 32), (64, 96)]
    assert reading.extents_px(preparation, 16, 20) == [(0, 6), (12, 18)]  # 40 px scaled, 48 padded
    assert read([0, 0, 0, 2]).extents_px(preparation, 64, 100) == [(96, 100)]


def test_review_is_asked_for_below_the_threshold() -> None:
    assert read([1, 2], review_below=0.9).review
    assert not read([1, 2], review_below=0.5).review


def test_lines_of_one_batch_are_read_as_they_are_alone() -> None:
    paths = [[0, 1, 1, 0, 2, 2], [0, 0, 0, 0, 0, 0], [1, 0, 1, 0, 1, 0], [2, 1, 2, 1, 2, 1]]
    together = greedy(np.stack([log_posteriors(path, 0.5 + 0.1 * i) for i, path in enumerate(paths)]), CHARSET)
    alone = [greedy(log_posteriors(path, 0.5 + 0.1 * i)[None], CHARSET)[0] for i, path in enumerate(paths)]
    assert [r.text for r in together] == [r.text for r in alone] == ["ab", "", "aaa", "bababa"]
    assert [r.confidence for r in together] == pytest.approx([r.confidence for r in alone])
    assert [r.characters for r in together] == [r.characters for r in alone]
