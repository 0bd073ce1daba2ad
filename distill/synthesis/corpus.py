"""Texts from files: a corpus, cut at words to the wanted length, and words sampled so that rare characters occur.

A file is read at its first use in every process: nothing of it travels between processes.
"""

import hashlib
import logging
import random
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path

from distill.synthesis.hanzi_words import HanziWords
from distill.synthesis.text_files import bytes_of, utf8_of
from students.errors import DataError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Texts:
    """Lines and words that a source samples from; none where it names no files, nor asks for Chinese."""

    lines: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    hanzi: HanziWords | None = field(default=None, repr=False)
    digests: tuple[str, ...] = field(default=(), repr=False)

    @cached_property
    def characters(self) -> str:
        """Return every character of lines and words, sorted; with the space."""
        return "".join(sorted({" "}.union(*self.lines, *self.words)))

    @cached_property
    def words_by_character(self) -> dict[str, tuple[str, ...]]:
        """Return the words that hold a character, for every character that words have."""
        every = sorted(set(self.words).union(word for line in self.lines for word in line.split(" ")))
        found: dict[str, list[str]] = {}
        for word in every:
            for character in set(word):
                found.setdefault(character, []).append(word)
        return {character: tuple(found[character]) for character in sorted(found)}


NO_TEXTS = Texts()


@lru_cache(maxsize=8)
def read_texts(corpus: Path | None, words: Path | None, alphabet: str | None) -> Texts:
    """Return the lines of a corpus and the words of a list (one a line), in NFC, runs of white space as one space.

    Those with a character outside `alphabet` are left out with a warning. Raises `DataError` for a file that cannot
    be read or keeps nothing.
    """
    digests = tuple(hashlib.sha256(bytes_of(path)).hexdigest() for path in (corpus, words) if path)
    return Texts(_kept(corpus, alphabet), _kept(words, alphabet), digests=digests)


def piece_of(lines: tuple[str, ...], low: int, high: int, rng: random.Random) -> str:
    """Return one line, or where that is longer than `high` characters a stretch of it that is cut at words.

    A script that writes no spaces is cut between characters, but never before a combining mark.
    """
    line = rng.choice(lines)
    if len(line) <= high:
        return line
    length = rng.randint(min(low, high), high)
    starts = [0, *(i + 1 for i, character in enumerate(line) if character == " ")]
    stretch = line[rng.choice([start for start in starts if len(line) - start >= low] or [0]) :]
    if len(stretch) <= length:
        return stretch
    cut = stretch.rfind(" ", 0, length + 1)
    if cut >= low:
        return stretch[:cut]
    first_word = stretch.partition(" ")[0]
    if len(first_word) <= high:
        return first_word
    offset = rng.randrange(len(first_word) - length + 1)
    return _between_characters(first_word, offset, length)


def balanced_words(texts: Texts, low: int, rng: random.Random) -> str:
    """Return words up to at least `low` characters, each sampled for a character, all characters being equally likely.

    A rare character so occurs about as often as the words around it allow, however rare it is in the text.
    """
    by_character = texts.words_by_character
    characters = tuple(by_character)
    text = rng.choice(by_character[rng.choice(characters)])
    while len(text) < low or rng.random() < 0.5:
        text += " " + rng.choice(by_character[rng.choice(characters)])
    return text


def character_counts(texts: Iterable[str | None]) -> dict[str, int]:
    """Return how often each character occurs in labels, the most frequent first."""
    counts = Counter(character for text in texts if text for character in text)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _between_characters(word: str, offset: int, length: int) -> str:
    while offset and unicodedata.category(word[offset])[0] == "M":
        offset -= 1
    end = offset + length
    while end < len(word) and end > offset + 1 and unicodedata.category(word[end])[0] == "M":
        end -= 1
    return word[offset:end]


def _kept(path: Path | None, alphabet: str | None) -> tuple[str, ...]:
    if path is None:
        return ()
    lines = [" ".join(unicodedata.normalize("NFC", line).split()) for line in utf8_of(path).splitlines()]
    lines = [line for line in lines if line]
    allowed = None if alphabet is None else {*unicodedata.normalize("NFC", alphabet), " "}
    kept = tuple(line for line in lines if allowed is None or set(line) <= allowed)
    if len(kept) < len(lines):
        log.warning(
            "%s: %d of %d lines hold characters outside text.alphabet", path, len(lines) - len(kept), len(lines)
        )
    if not kept:
        raise DataError(f"{path}: holds no text that can be used: correct the path, or text.alphabet")
    return kept
