"""Captions in a font that has their characters, and the codes of those that none has."""

from __future__ import annotations

import numpy as np
import pytest

from distill.synthesis import captions
from distill.synthesis.captions import FIRST, MISSING, caption, in_words
from distill.synthesis.contact import contact_sheet

HEBREW, CHINESE, NOBODYS = "\u05d0\u05d1\u05d2", "\u4e2d\u6587", "\U0010fffe"


@pytest.fixture(autouse=True)
def two_families(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that is installed, as far as these tests ask: Latin with Chinese in one, a single sign in the other."""
    known = {"lato": frozenset(map(ord, f"ab{CHINESE[0]}")), "hind": frozenset([0x2603])}
    monkeypatch.setattr(captions, "_families", lambda: known)
    captions._best.cache_clear()
    yield
    captions._best.cache_clear()


def test_plain_text_and_hebrew_are_drawn_as_they_are() -> None:
    for text in ("total 1.20", f"{HEBREW} 12", "naïve \u20ac"):
        drawn = caption(text)
        assert (drawn.text, drawn.undrawn) == (text, frozenset())
    widths = {caption(c).font.getbbox(c) for c in HEBREW}
    assert len(widths) > 1  # letters, not one box for all


def test_the_family_with_most_of_the_characters_is_taken_and_a_square_stands_for_the_rest() -> None:
    drawn = caption(f"ab {CHINESE}")
    assert drawn.text == f"ab {CHINESE[0]}{MISSING}"
    assert drawn.undrawn == {CHINESE[1]}
    assert "Lato" in drawn.font.getname()[0]
    assert captions._best(frozenset(NOBODYS))[0] == FIRST


def test_a_sheet_says_which_characters_it_could_not_draw() -> None:
    picture = np.zeros((32, 100), np.uint8)
    plain, lacking = (contact_sheet([picture] * 2, ["a", text], 1) for text in ("b", CHINESE))
    assert lacking.height == plain.height + 24
    assert in_words(CHINESE[1]) == "not drawn, since no installed font has them: U+6587"
    assert in_words([]) == ""
    assert in_words(map(chr, range(0x4E00, 0x4E40))).endswith("U+4E17 and 40 more")
