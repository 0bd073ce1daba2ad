"""Texts of page descriptions: white space, and where spaces stand between words."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from itertools import pairwise

SPACELESS_SCRIPTS = ("THAI", "LAO", "KHMER", "MYANMAR")
Note = Callable[[str], None]


def plain(text: str, note: Note) -> str:
    """Return a text without white space at its ends, its other runs of white space one space each.

    White space is what Unicode calls so: line breaks and no-break spaces, too.
    """
    collapsed = " ".join(text.split())
    if collapsed != text.strip():
        note("texts with line breaks or other white space, read as one space each")
    return collapsed


def joined(words: Iterable[str]) -> str:
    """Return words with spaces between them, where the scripts on both sides write spaces."""
    listed = [word for word in words if word]
    return "".join(listed[:1] + [spaced(before, after) + after for before, after in pairwise(listed)])


def spaced(before: str, after: str) -> str:
    """Return what stands between two words: nothing where one of them meets the other in a script without spaces."""
    return "" if _spaceless(before[-1]) or _spaceless(after[0]) else " "


def _spaceless(character: str) -> bool:
    """Whether its script writes no spaces: Chinese and Japanese with their punctuation, and some of South-East Asia."""
    if character.isascii():
        return False
    name = unicodedata.name(character, "")
    wide = unicodedata.east_asian_width(character) in ("W", "F") and unicodedata.category(character) != "So"  # emoji
    return (wide and not name.startswith("HANGUL")) or name.startswith(SPACELESS_SCRIPTS)
