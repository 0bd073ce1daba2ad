"""Odd pictures are noted, and usual ones are not."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from distill.evaluation.doctor.pictures import findings_in_pictures, look_at
from students.image import Preparation
from tests.doctor import WORDS, kinds, lines_of, written


@pytest.mark.parametrize("kind", ["turned", "blank", "tiny", "narrow", "wide"])
def test_an_odd_picture_is_noted_and_usual_ones_are_not(kind: str) -> None:
    usual = [written(word) for word in WORDS]
    height, width = usual[0].shape
    odd = {
        "turned": np.rot90(usual[0]),
        "blank": np.full((32, 100), 200, np.uint8),
        "tiny": written(WORDS[0], 8),
        "narrow": np.asarray(Image.fromarray(usual[0]).resize((width * 2 // 5, height))),
        "wide": np.pad(usual[0], ((0, 0), (0, 4 * width)), constant_values=220),
    }[kind]
    lines = lines_of([*usual, np.ascontiguousarray(odd)], [*WORDS, WORDS[0]])
    found = findings_in_pictures("train", look_at("train", lines), Preparation())
    assert kinds(found) == {kind}
    assert found[0].keys == (lines.keys[-1],)
    plain = lines_of(usual, WORDS)
    assert not findings_in_pictures("train", look_at("train", plain), Preparation())


def test_a_blank_picture_labelled_as_empty_is_as_it_should_be() -> None:
    blank = lines_of([np.full((32, 100), 200, np.uint8)], [""])
    assert not findings_in_pictures("train", look_at("train", blank), Preparation())
