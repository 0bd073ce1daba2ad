import numpy as np
import pytest

from students.charset import Charset
from students.decode import collapse, greedy

CHARSET = Charset(characters="ab")


def log_posteriors(path: list[int], confidence: float = 0.8) -> np.ndarray:
    rest = (1 - confidence) / 2
    posteriors = np.full((len(path), 3), rest)
    posteriors[np.arange(len(path)), path] = confidence
    return np.log(posteriors)


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
    reading = greedy(log_posteriors(path), CHARSET)
    assert reading.text == text == CHARSET.decode(collapse(np.array(path)))
    assert reading.confidence == pytest.approx(0.8 ** len(path))


def test_characters_know_where_they_stand_and_how_sure_they_are() -> None:
    first, second = greedy(log_posteriors([0, 1, 1, 0, 2]), CHARSET).characters
    assert (first.text, first.start, first.end) == ("a", 1, 3)
    assert (second.text, second.start, second.end) == ("b", 4, 5)
    assert first.confidence == pytest.approx(0.8)


def test_review_is_asked_for_below_the_threshold() -> None:
    assert greedy(log_posteriors([1, 2]), CHARSET, review_below=0.9).review
    assert not greedy(log_posteriors([1, 2]), CHARSET, review_below=0.5).review
