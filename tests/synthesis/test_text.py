"""Texts from templates: their bounds, their characters, and that a seed gives the same ones."""

import hashlib
import random
import re
import unicodedata
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from distill.synthesis.corpus import NO_TEXTS
from distill.synthesis.templates import CHARACTERS, PUNCTUATION, TEMPLATE_KINDS, common_words, text_from_template
from distill.synthesis.text import TextMix, possible_characters, sample_text, texts_of_mix
from students.errors import DataError

_KINDS = [name for name, field in TextMix.model_fields.items() if field.annotation is float and name != "accents"]
NOTHING: dict[str, Any] = dict.fromkeys(_KINDS, 0.0)


def _texts(mix: TextMix, n: int, seed: int = 0) -> list[str]:
    generator = torch.Generator().manual_seed(seed)
    return [sample_text(mix, generator) for _ in range(n)]


def test_texts_are_clean_and_within_bounds() -> None:
    for text in _texts(TextMix(), 20_000):
        assert 3 <= len(text) <= 24
        assert text == " ".join(text.split(" ")).strip()
        assert "  " not in text
        assert unicodedata.normalize("NFC", text) == text


def test_every_character_occurs_often_and_no_other() -> None:
    counts = Counter("".join(_texts(TextMix(), 20_000)))
    assert set(counts) == set(CHARACTERS)
    assert len(PUNCTUATION) == 25
    assert len(set(CHARACTERS)) == len(CHARACTERS) == 88
    assert {character: n for character, n in counts.items() if n < 150} == {}


def test_same_seed_same_texts() -> None:
    assert _texts(TextMix(), 50, seed=3) == _texts(TextMix(), 50, seed=3) != _texts(TextMix(), 50, seed=4)


def test_texts_of_a_seed_are_those_of_earlier_versions() -> None:
    """Kept lines and training runs depend on them: where this fails, `RENDERER_VERSION` must be raised."""
    mix = TextMix(**dict.fromkeys(set(_KINDS) - {"corpus", "word_list", "typography"}, 1.0))
    texts, generator = texts_of_mix(mix, Path()), torch.Generator().manual_seed(0)
    joined = "\n".join(sample_text(mix, generator, texts) for _ in range(5000))
    assert hashlib.sha256(joined.encode()).hexdigest().startswith("3e47e38105f36f8b")


@pytest.mark.parametrize("kind", TEMPLATE_KINDS)
def test_every_part_of_a_template_is_filled(kind: str) -> None:
    texts = [text_from_template(kind, random.Random(seed)) for seed in range(300)]
    assert not any(re.search(r"\{\w", text) for text in texts)
    assert len(set(texts)) > 100 or kind == "digits"


@pytest.mark.parametrize(("low", "high"), [(1, 3), (8, 8), (24, 24), (40, 60)])
def test_bounds_are_kept_exactly(low: int, high: int) -> None:
    mix = TextMix(min_characters=low, max_characters=high)
    assert all(low <= len(text) <= high for text in _texts(mix, 300))


def test_typography_and_accents_come_when_they_are_asked_for_and_are_known_before() -> None:
    mix = TextMix(typography=4, accents=0.5)
    counts = Counter("".join(_texts(mix, 20_000)))
    assert set(counts) == set(possible_characters(mix, NO_TEXTS))
    assert not set("".join(_texts(TextMix(), 2000))) - set(CHARACTERS)
    assert not {"typography", "accents"} & set(TextMix().model_dump())  # so that older digests stay


def test_look_alikes_stay_decidable() -> None:
    codes = [text for text in _texts(TextMix(**(NOTHING | {"codes": 1.0})), 500) if "-" not in text]
    assert len(codes) > 300
    assert not set("IOQ") & set("".join(codes))
    for text in _texts(TextMix(), 5_000):
        for before, character in pairwise(text):
            assert not (before.islower() and character in "IO"), text


def test_words_are_distinct_lower_case() -> None:
    words = common_words()
    assert len(words) == len(set(words)) >= 500
    assert all(word.isascii() and word.isalpha() and word.islower() for word in words)


def test_impossible_mixes_are_refused() -> None:
    with pytest.raises(ValidationError, match="weight 0"):
        TextMix(**NOTHING)
    with pytest.raises(ValidationError, match="above"):
        TextMix(min_characters=9, max_characters=8)
    with pytest.raises(DataError, match="widen the bounds"):
        _texts(TextMix(min_characters=1, max_characters=2, **(NOTHING | {"dates": 1.0})), 1)


def test_every_field_is_described() -> None:
    assert all(field.description for field in TextMix.model_fields.values())
