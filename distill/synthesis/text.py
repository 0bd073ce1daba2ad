"""The texts of rendered lines: how often each kind of text occurs, and one text sampled from that mix.

Words, numbers, dates, codes and the like come from templates (`templates.py`), other text from files (`corpus.py`),
Chinese from word lists (`hanzi.py`).
"""

import random
import string
import unicodedata
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from distill.data.augment import Share
from distill.schema import Section, without_unset
from distill.synthesis.accents import accented, characters_of_accents
from distill.synthesis.corpus import NO_TEXTS, Texts, balanced_words, piece_of, read_texts
from distill.synthesis.hanzi import HanziText, characters_of_lines, hanzi_line
from distill.synthesis.hanzi_words import hanzi_words
from distill.synthesis.templates import (
    CHARACTERS,
    TEMPLATE_KINDS,
    characters_of_typography,
    common_words,
    text_from_template,
)
from students.errors import DataError

_ATTEMPTS = 1000
_SPELT = ("words", "pseudo_words", "phrases", "forms", "typography")
_KINDS = (*TEMPLATE_KINDS, "corpus", "word_list", "balanced", "random", "hanzi")


class TextMix(Section):
    """How long rendered lines are and how often each kind of text occurs (weights, not shares)."""

    min_characters: int = Field(default=3, ge=1, le=200, description="shortest line, in characters")
    max_characters: int = Field(default=24, ge=1, le=200, description="longest line, in characters")
    words: float = Field(
        default=5.0, ge=0, description="weight of one to four common words in lower, Title or UPPER case"
    )
    pseudo_words: float = Field(default=4.0, ge=0, description="weight of invented words, which favour rare letters")
    numbers: float = Field(default=2.0, ge=0, description="weight of numbers, with units, signs and simple sums")
    prices: float = Field(default=2.0, ge=0, description="weight of prices and amounts, as on a receipt")
    dates: float = Field(default=1.0, ge=0, description="weight of dates in many notations")
    times: float = Field(default=0.7, ge=0, description="weight of times of day")
    codes: float = Field(default=1.5, ge=0, description="weight of codes of capitals and digits, without I, O and Q")
    addresses: float = Field(default=1.2, ge=0, description="weight of e-mail and web addresses")
    phones: float = Field(default=0.7, ge=0, description="weight of telephone numbers")
    forms: float = Field(
        default=0.0, ge=0, description="weight of texts as on receipts and forms: names, numbers, keys"
    )
    digits: float = Field(default=0.0, ge=0, description="weight of two to six digits and nothing else")
    typography: float = Field(
        default=0.0, ge=0, description="weight of texts with quotation marks, dashes, currencies, units: “ ” – € § °"
    )
    phrases: float = Field(default=4.0, ge=0, description="weight of short phrases with punctuation")
    corpus: float = Field(default=0.0, ge=0, description="weight of text from corpus_file, cut at words")
    word_list: float = Field(default=0.0, ge=0, description="weight of one to three words from word_file")
    balanced: float = Field(
        default=0.0,
        ge=0,
        description="weight of words (of the files, else common ones) sampled to favour rare characters",
    )
    random: float = Field(default=0.0, ge=0, description="weight of characters in any order, all equally likely")
    corpus_file: str | None = Field(default=None, description="lines of text, UTF-8, relative to data.root")
    word_file: str | None = Field(default=None, description="words, one a line, UTF-8, relative to data.root")
    alphabet: str | None = Field(
        default=None, description="characters of random text; lines of files that have others are left out; null: all"
    )
    accents: Share = Field(
        default=0.0,
        description="share of the words, phrases and forms whose letters become some of a European language: ä ç ł",
    )
    hanzi: HanziText | None = Field(default=None, description="Chinese lines; null: none")

    @model_serializer(mode="wrap")
    def _digests_stay(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_unset(self, dump(self), ("typography", "accents", "hanzi"))

    @model_validator(mode="after")
    def _possible(self) -> "TextMix":
        if self.min_characters > self.max_characters:
            raise ValueError(f"min_characters {self.min_characters} is above max_characters {self.max_characters}")
        if not any(_weights(self)):
            raise ValueError("every kind of text has weight 0: give at least one a positive weight")
        for kind, file in (("corpus", self.corpus_file), ("word_list", self.word_file)):
            if getattr(self, kind) and file is None:
                raise ValueError(f"{kind} has a weight and no file: name one with {kind.removesuffix('_list')}_file")
        if self.accents and not any(getattr(self, kind) for kind in _SPELT):
            raise ValueError(f"accents {self.accents:g} goes with {', '.join(_SPELT)}: give one of them a weight")
        if self.alphabet is not None and not self.alphabet.strip():
            raise ValueError("alphabet holds no character: leave it out, or name some")
        return self


def sample_text(mix: TextMix, generator: torch.Generator, texts: Texts = NO_TEXTS) -> str:
    """Sample one line of text within the bounds of `mix`, without leading, trailing or double spaces.

    `texts` are those of its files, as `texts_of_mix` reads them. Raises `DataError` where no text within the bounds
    comes up.
    """
    rng = random.Random(int(torch.randint(2**63 - 1, (1,), generator=generator)))
    weights = _weights(mix)
    for _ in range(_ATTEMPTS):
        (kind,) = rng.choices(_KINDS, weights)
        text = " ".join(_piece(kind, mix, texts, rng).split())
        while len(text) < mix.min_characters:
            text = " ".join(f"{text} {_piece(kind, mix, texts, rng)}".split())
        if len(text) <= mix.max_characters:
            return text
    raise DataError(
        f"no text of {mix.min_characters} to {mix.max_characters} characters came up in {_ATTEMPTS} attempts "
        "(section text): widen the bounds, or give a weight to numbers or codes"
    )


def texts_of_mix(mix: TextMix, root: Path) -> Texts:
    """Return what the files of a mix hold; where words are to be balanced and there are no files, the common words.

    Where Chinese is asked for, its words as well.
    """
    return _of_files(mix, root) if mix.hanzi is None else _with_hanzi(mix, mix.hanzi, root)


def possible_characters(mix: TextMix, texts: Texts) -> str:
    """Return every character that a line may have: a font must have them all."""
    found = set(texts.characters)
    if any(getattr(mix, kind) for kind in TEMPLATE_KINDS if kind != "digits"):
        found |= set(CHARACTERS)
    if mix.digits:
        found |= set(string.digits)
    if mix.typography:
        found |= characters_of_typography()
    if mix.accents:
        found |= characters_of_accents()
    if mix.random:
        found |= set(_alphabet(mix))
    if mix.hanzi is not None and texts.hanzi is not None:
        found |= characters_of_lines(mix.hanzi, texts.hanzi)
    return "".join(sorted(found))


def _weights(mix: TextMix) -> list[float]:
    return [*(getattr(mix, kind) for kind in _KINDS[:-1]), 0.0 if mix.hanzi is None else mix.hanzi.weight]


def _piece(kind: str, mix: TextMix, texts: Texts, rng: random.Random) -> str:
    match kind:
        case "corpus":
            return piece_of(texts.lines, mix.min_characters, mix.max_characters, rng)
        case "word_list":
            return " ".join(rng.choices(texts.words, k=rng.choice((1, 1, 2, 3))))
        case "balanced":
            return balanced_words(texts, mix.min_characters, rng)
        case "random":
            length = rng.randint(mix.min_characters, mix.max_characters)
            return " ".join("".join(rng.choices(_alphabet(mix), k=length)).split())
        case "hanzi" if mix.hanzi is not None and texts.hanzi is not None:
            return hanzi_line(mix.hanzi, texts.hanzi, mix.min_characters, mix.max_characters, rng)
        case _:
            text = text_from_template(kind, rng)
            spelt = mix.accents and kind in _SPELT and rng.random() < mix.accents
            return accented(text, rng) if spelt else text


def _alphabet(mix: TextMix) -> str:
    return CHARACTERS if mix.alphabet is None else unicodedata.normalize("NFC", mix.alphabet)


def _of_files(mix: TextMix, root: Path) -> Texts:
    corpus, words = (root / name if name is not None else None for name in (mix.corpus_file, mix.word_file))
    texts = read_texts(corpus, words, mix.alphabet)
    return _common() if mix.balanced and not (texts.lines or texts.words) else texts


@lru_cache(maxsize=8)
def _with_hanzi(mix: TextMix, asked: HanziText, root: Path) -> Texts:
    texts, path = _of_files(mix, root), root / asked.word_list if asked.word_list is not None else None
    words = hanzi_words(path, asked.sets, asked.more, asked.most_frequent, asked.traditional)
    return replace(texts, hanzi=words, digests=(*texts.digests, *words.digests))


@lru_cache(maxsize=1)
def _common() -> Texts:
    return Texts(words=common_words())
