"""How findings name characters that a reader may not see."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cache


def listed(characters: Iterable[str]) -> str:
    """Return each character once, by code point and name."""
    return ", ".join(f"U+{ord(c):04X} {unicodedata.name(c, 'without a name')}" for c in dict.fromkeys(characters))


def quoted(text: str | None) -> str:
    """Return a label as Python quotes it, or that there is none."""
    return "no label" if text is None else repr(text)


def named(character: str) -> str:
    """Return a character so that it can be seen: spaces, marks and invisible ones by their code point."""
    visible = character.isprintable() and not character.isspace() and not is_mark(character)
    return character if visible else f"U+{ord(character):04X}"


def is_mark(character: str) -> bool:
    """Return whether a character is a mark that stands on another."""
    return unicodedata.category(character)[0] == "M"


@cache
def script_of(character: str) -> str:
    """Return the script of a letter by the first word of its Unicode name, such as LATIN or CJK; else nothing."""
    return unicodedata.name(character, "").split(" ")[0] if character.isalpha() else ""
