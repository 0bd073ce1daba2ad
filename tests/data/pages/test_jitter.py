"""Boxes moved as a locator errs: by what the recipe says, and a function of seed and name."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from distill.data.pages.jitter import Jitter, moved
from tests.marked_pages import level

HEIGHT = 20
LINE = level(100, 50, 300, 50 + HEIGHT)
STILL = {"top": (0, 0), "bottom": (0, 0), "left": (0, 0), "right": (0, 0), "rise": 0}


def still(**moves: object) -> Jitter:
    return Jitter.model_validate(STILL | moves)


@pytest.mark.parametrize(
    ("side", "expected"),
    [
        ("top", level(100, 40, 300, 70)),
        ("bottom", level(100, 50, 300, 80)),
        ("left", level(90, 50, 300, 70)),
        ("right", level(100, 50, 310, 70)),
    ],
)
def test_a_side_moves_outwards_by_a_share_of_the_height(side: str, expected: np.ndarray) -> None:
    assert np.allclose(moved(LINE, still(**{side: (0.5, 0.5)}), "a"), expected)
    rolled = np.roll(LINE, 1, axis=0)  # the text runs up the page: its left is below
    turned = moved(rolled, still(**{side: (0.5, 0.5)}), "a")
    grown = np.ptp(turned, axis=0) - np.ptp(rolled, axis=0)
    assert np.allclose(grown, (100, 0) if side in ("top", "bottom") else (0, 100))


def test_nothing_moves_where_nothing_may() -> None:
    assert np.allclose(moved(LINE, still(), "a", 1), LINE)


def test_moves_are_a_function_of_seed_name_and_version_within_their_limits() -> None:
    jitter = Jitter(rise=0)
    many = np.stack([moved(LINE, jitter, "page/0000", version) for version in range(200)])
    assert np.array_equal(many[7], moved(LINE, jitter, "page/0000", 7))
    others = (moved(LINE, jitter, "page/0001", 7), moved(LINE, jitter.model_copy(update={"seed": 1}), "page/0000", 7))
    assert not any(np.array_equal(many[7], other) for other in others)
    outwards = (LINE[None] - many) * [[1, 1], [-1, 1], [-1, -1], [1, -1]] / HEIGHT
    for values, (low, high) in (
        (outwards[:, 0, 1], jitter.top),
        (outwards[:, 2, 1], jitter.bottom),
        (outwards[:, 0, 0], jitter.left),
        (outwards[:, 2, 0], jitter.right),
    ):
        assert low <= values.min() < low + 0.05
        assert high - 0.05 < values.max() <= high


def test_ends_rise_by_a_share_of_the_height_however_long_the_line() -> None:
    for length in (200, 1000):
        line = level(0, 0, length, HEIGHT)
        rises = [
            (corners_42[1, 1] - corners_42[0, 1]) / 2 / HEIGHT
            for corners_42 in (moved(line, still(rise=0.2), "a", version) for version in range(100))
        ]
        assert 0.15 < max(map(abs, rises)) <= 0.2 + 1e-3
        assert min(rises) < 0 < max(rises)


@pytest.mark.parametrize("length", [1, 5, 12])
def test_short_lines_keep_their_length(length: int) -> None:
    for version in range(20):
        line = level(0, 0, length, HEIGHT)
        corners_42 = moved(line, still(left=(-0.4, -0.4), right=(-0.4, -0.2)), "a", version)
        assert corners_42[1, 0] - corners_42[0, 0] >= length / 2 - 1e-9


def test_corners_on_one_place_stay_there() -> None:
    assert np.array_equal(moved(np.ones((4, 2)), Jitter(), "a"), np.ones((4, 2)))


@pytest.mark.parametrize("moves", [(0.2, 0.1), (-0.5, 0), (0, 2.5)])
def test_moves_that_mean_nothing_are_refused(moves: tuple[float, float]) -> None:
    with pytest.raises(ValidationError, match="give the least and the largest move"):
        Jitter(top=moves)
