"""Chinese text for rendered lines: words as often as they are used, simplified or traditional, mixed with Latin.

Words and their frequencies come with the package jieba or from a file, traditional forms with OpenCC's tables
(`hanzi_words.py`). A share of the lines has every character equally often, so that rare ones are learned.
"""

from __future__ import annotations

import random
import string
import unicodedata

from pydantic import Field

from distill.data.augment import Share
from distill.data.characters import NamedSet, characters_of_set
from distill.schema import Section
from distill.synthesis.hanzi_words import HanziWords, WordList
from distill.synthesis.templates import CHARACTERS, text_from_template

PLAIN_KINDS = ("words", "words", "numbers", "prices", "dates", "times", "codes", "phones")
STOPS = "，，，，，，，，。。。。。、、、：：；？！"
PLAIN_STOPS = ",,,.:;?!"
PAIRS = ("「」", "「」", "『』", "（）", "（）", "《》", "“”", "“”", "‘’", "【】", "〈〉", "〔〕", "()", "[]")
WIDE = {c: chr(c + 0xFEE0) for c in range(0x21, 0x7F)}

_ONSETS = ("", "p", "ph", "m", "b", "t", "th", "n", "l", "k", "kh", "g", "h", "ch", "chh", "j", "s")
_VOWELS = ("a", "ai", "au", "e", "i", "ia", "iau", "io", "iu", "o", "oa", "oe", "u", "ui")
_CODAS = ("", "", "", "", "m", "n", "ng", "ng", "p", "t", "k", "h", "ⁿ")
_TONES = ("", "", "\u0301", "\u0300", "\u0302", "\u0304")  # none twice, acute, grave, circumflex, macron


class HanziText(Section):
    """Chinese text: from which characters and words, in which forms, and what is mixed in."""

    weight: float = Field(100.0, gt=0, description="weight of Chinese lines beside the other kinds of text")
    sets: tuple[NamedSet, ...] = Field(
        ("gb2312", "big5-level-1"), min_length=1, description="named sets of the Chinese characters that lines have"
    )
    more: str = Field("", description="further Chinese characters that lines have")
    most_frequent: int | None = Field(
        None, ge=10, description="only so many of these characters, the most frequent in the words; null: all"
    )
    word_list: str | None = Field(
        None,
        description="words, one a row, each with its frequency behind it or without one, UTF-8, relative to data.root; "
        "null: the list of the package jieba (extra hanzi)",
    )
    traditional: Share = Field(0.5, description="share of the lines in traditional characters, by OpenCC's tables")
    even: Share = Field(
        0.3, description="share of the lines whose characters are sampled evenly, rare as often as common"
    )
    plain: Share = Field(0.12, description="share of the pieces of a line that are Latin words, numbers, dates, codes")
    wide: Share = Field(0.2, description="share of these pieces in full-width forms")
    romanised: Share = Field(0.0, description="share of the pieces of a line that are syllables of romanised Taiwanese")
    signs: Share = Field(0.25, description="probability of punctuation behind a word, or of brackets about it")


def hanzi_line(settings: HanziText, words: HanziWords, low: int, high: int, rng: random.Random) -> str:
    """Return a line of `low` to `high` characters; as in print, it begins at a word and ends anywhere."""
    form = words.traditional if rng.random() < settings.traditional else words.simplified
    sampled_evenly = rng.random() < settings.even
    length = rng.randint(low, high)
    line = ""
    while len(line) < length:
        line = f"{line}{_piece(settings, words, form, sampled_evenly, rng)}"[:length].strip()
    return unicodedata.normalize("NFC", line)


def characters_of_lines(settings: HanziText, words: HanziWords) -> set[str]:
    """Return every character that the lines may have."""
    found = {*words.han, *characters_of_set("han-signs"), *STOPS, *PLAIN_STOPS, *"".join(PAIRS), *words.dates}
    if settings.plain:
        found |= {*CHARACTERS, *(WIDE[ord(c)] for c in CHARACTERS if settings.wide and c != " ")}
    if settings.romanised:
        found |= set(unicodedata.normalize("NFC", "".join(f"{v}{tone}" for v in "aeiouAEIOU" for tone in _TONES)))
        found |= {*"".join((*_ONSETS, *_CODAS)), *string.ascii_letters, "-"}
    return found


def _piece(settings: HanziText, words: HanziWords, form: WordList, sampled_evenly: bool, rng: random.Random) -> str:
    """What comes next in a line: a word with or without a sign, or something Latin."""
    kind = rng.random()
    if kind < settings.plain:
        return _plain_piece(settings, words, rng)
    if kind < settings.plain + settings.romanised:
        syllables = "-".join(_syllable(rng) for _ in range(rng.choice((1, 1, 2, 3))))
        return _spaced(syllables.capitalize() if rng.random() < 0.2 else syllables, rng)
    word = words.with_character(rng.choice(words.han), rng) if sampled_evenly else form.word(rng)
    if rng.random() >= settings.signs:
        return word
    how = rng.random()
    if how < 0.2:
        pair = rng.choice(PAIRS)
        return pair[0] + word + pair[1]
    if how < 0.25:
        return word + rng.choice(characters_of_set("han-signs"))
    if how < 0.3:
        return word + rng.choice(("……", "——", "…"))
    return word + rng.choice(PLAIN_STOPS if how < 0.4 else STOPS)


def _plain_piece(settings: HanziText, words: HanziWords, rng: random.Random) -> str:
    if words.dates and rng.random() < 0.15:
        piece = f"{rng.randint(1949, 2035)}年{rng.randint(1, 12)}月{rng.randint(1, 28)}日"
    else:
        piece = text_from_template(rng.choice(PLAIN_KINDS), rng)
    if rng.random() < settings.wide:
        return piece.replace(" ", "").translate(WIDE)
    return _spaced(piece, rng)


def _spaced(piece: str, rng: random.Random) -> str:
    """Latin within Chinese, with a space on either side or with none, as both are printed."""
    return f" {piece} " if rng.random() < 0.4 else piece


def _syllable(rng: random.Random) -> str:
    """A syllable of Pe̍h-ōe-jī, invented; its tone stands on the first vowel."""
    onset, vowel, coda = (rng.choice(part) for part in (_ONSETS, _VOWELS, _CODAS))
    syllable = f"{onset}{vowel[0]}{rng.choice(_TONES)}{vowel[1:]}{coda}"
    return unicodedata.normalize("NFC", syllable)
