"""The lines of a run: opened part by part, every problem reported at once."""

from __future__ import annotations

from distill.recipe.sections import CharsetChoice
from distill.runs.pools import choose_charset


def test_the_space_belongs_to_a_built_charset() -> None:
    assert choose_charset(["ba", None], CharsetChoice()).characters == " ab"
    assert choose_charset(["ba"], CharsetChoice(characters="xyz")).characters == "xyz"
