"""Where characters are written against where their ink is, on pictures whose ink is known."""

from __future__ import annotations

import numpy as np
import pytest

from distill.evaluation.doctor.scatter import Scatter, deviation, findings_in_scatter, offsets_from_ink
from distill.recipe.objective import FrameMatch


def picture(lefts: list[int], inverted: bool = False) -> np.ndarray:
    """Bars of 6 pixels on a page of 32 x 100, RGB."""
    pixels = np.full((32, 100, 3), 230, np.uint8)
    for left in lefts:
        pixels[6:26, left : left + 6] = 20
    return 255 - pixels if inverted else pixels


@pytest.mark.parametrize("inverted", [False, True])
def test_characters_are_paired_with_the_pieces_of_ink(inverted: bool) -> None:
    pixels = picture([10, 30, 60], inverted)
    found = offsets_from_ink([("a", 13.0), ("b", 37.0), ("a", 59.0)], pixels)
    assert found == [("a", 0.0), ("b", 4 / 32), ("a", -4 / 32)]
    assert offsets_from_ink([("a", 13.0), ("b", 37.0)], pixels) == []
    assert offsets_from_ink([], np.full((32, 100), 230, np.uint8)) == []


def test_what_a_kind_of_character_always_has_is_no_scatter() -> None:
    generator = np.random.default_rng(0)
    normal = generator.normal(0, 0.05, 4000)
    offsets = [("mi"[i % 2], (0.3 if i % 2 else -0.1) + float(x)) for i, x in enumerate(normal)]
    assert deviation(offsets) == pytest.approx(0.05, rel=0.05)
    assert deviation([("a", 0.1), ("b", 0.5)]) == 0


def test_a_teacher_that_scatters_is_noted_with_advice() -> None:
    wide, narrow = Scatter(0.061, 1330, 183), Scatter(0.039, 1330, 183)
    (found,) = findings_in_scatter(wide, 8.0, FrameMatch())
    assert "0.061 line heights" in found.message
    assert "0.49 frames" in found.message
    assert "always=true" in found.advice
    assert "is made for it" in findings_in_scatter(wide, 8.0, FrameMatch(how="near"))[0].advice
    assert "is made for it" in findings_in_scatter(wide, 8.0, FrameMatch(how="auto"))[0].advice
    assert findings_in_scatter(narrow, 8.0, FrameMatch()) == []
    assert findings_in_scatter(None, 8.0, FrameMatch()) == []
