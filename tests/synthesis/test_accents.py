"""Letters of European languages in invented words: of one language at a time, capitals for capitals, length kept."""

from __future__ import annotations

import random
import unicodedata

import pytest
from pydantic import ValidationError

from distill.synthesis.accents import LETTERS, accented, characters_of_accents
from distill.synthesis.text import TextMix

PANGRAM = "the quick brown fox jumps over a lazy dog"


@pytest.mark.parametrize("text", [PANGRAM, PANGRAM.upper(), PANGRAM.title(), "24.12.1999 -> 5 %", ""])
def test_letters_are_those_of_one_language_in_their_case(text: str) -> None:
    for seed in range(300):
        found = accented(text, random.Random(seed))
        assert len(found) == len(text)
        assert unicodedata.normalize("NFC", found) == found
        changed = [(before, after) for before, after in zip(text, found, strict=True) if before != after]
        assert all(before.isalpha() and before.isupper() == after.isupper() for before, after in changed)
        letters = {{"İ": "ı"}.get(after, after.lower()) for _, after in changed}
        assert not changed or any(letters <= set(language) for language in LETTERS.values())


def test_every_letter_comes_up_in_both_cases() -> None:
    both = f"{PANGRAM} {PANGRAM.upper()}"
    found = {c for seed in range(5000) for c in accented(both, random.Random(seed))} - set(both)
    assert found == characters_of_accents()
    assert found >= set("äöüßẞçÇğıİłŁőÞșȚÿŸ")


def test_a_language_names_each_letter_once() -> None:
    for letters in LETTERS.values():
        assert len(set(letters)) == len(letters)
        assert unicodedata.normalize("NFC", letters) == letters == letters.lower()


def test_accents_without_any_text_that_takes_them_are_refused() -> None:
    without = dict.fromkeys(("words", "pseudo_words", "phrases", "forms", "typography"), 0)
    with pytest.raises(ValidationError, match=r"accents 0\.3 goes with words, .*typography: give one of them a weight"):
        TextMix(**without, accents=0.3)
    assert TextMix(**{**without, "typography": 1}, accents=0.3).accents
    assert TextMix(**without).numbers
