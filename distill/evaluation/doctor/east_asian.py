"""What Chinese and Japanese labels give away: characters that look like others, two manners in one set of labels."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from distill.data.east_asian import RADICALS, SELECTORS, WIDE
from distill.data.formats.contents import counted
from distill.evaluation.doctor.findings import Finding, about
from distill.evaluation.doctor.naming import listed

AS_PRINTED = "data.normalisation=east_asian does so"
LETTER = "[0-9A-Za-z\u00c0-\u024f]"  # of Latin, or a digit
HAN = f"[{WIDE}]"
SIGNS = ",.!?:;()"  # plain signs that have full-width ones
LOOKS_OTHERWISE = (  # as Unicode decomposes it
    "<circle>",
    "<compat>",
    "<fraction>",
    "<small>",
    "<square>",
    "<sub>",
    "<super>",
    "<vertical>",
)
MANNERS = (  # kind, what, its sign, the other manner, its sign, advice
    (
        "han-spacing",
        "spaces between Latin and Han",
        re.compile(rf"{LETTER} +{HAN}|{HAN} +{LETTER}"),
        "none",
        re.compile(rf"{LETTER}{HAN}|{HAN}{LETTER}"),
        f"write all labels in one way; without spaces {AS_PRINTED}",
    ),
    (
        "han-punctuation",
        "plain punctuation behind Han",
        re.compile(f"{HAN}[{re.escape(SIGNS)}]"),
        "full-width or CJK punctuation",
        re.compile(f"{HAN}[，。！？：；（）、．]"),
        "write what the pictures show; if they do not tell, all labels in one way",
    ),
)


def variation_selectors(text: str) -> str:
    """Find variation selectors, which choose a glyph and which no picture shows."""
    return "" if text.isascii() else listed(SELECTORS.findall(text))


def radicals(text: str) -> str:
    """Find radicals where a character is meant: they are drawn alike."""
    if text.isascii():
        return ""
    return listed(c for c in RADICALS.findall(text) if unicodedata.normalize("NFKC", c) != c)


def compatibility(text: str) -> str:
    """Find characters beside Han that are printed otherwise than what `nfkc` compares them as, such as ① and ㎡."""
    if text.isascii() or not any(unicodedata.east_asian_width(c) == "W" for c in text):
        return ""
    return listed(c for c in text if unicodedata.decomposition(c).startswith(LOOKS_OTHERWISE) and not _of_its_own(c))


def _of_its_own(character: str) -> bool:
    """Whether a character is punctuation of Chinese print, or one that another rule names."""
    return character in "…‥" or RADICALS.match(character) is not None


def private_use(text: str) -> str:
    """Find private-use characters, which mean nothing without the font that they were made for."""
    return "" if text.isascii() else listed(c for c in text if unicodedata.category(c) == "Co")


def two_manners(part: str, labels: Sequence[tuple[str, str]]) -> list[Finding]:
    """Return a note for each manner of writing in which labels, pairs of key and text, differ: the rarer one named."""
    wide = [(key, text) for key, text in labels if not text.isascii()]
    found = []
    for kind, what, sign, other, other_sign, advice in MANNERS:
        some, others = ([pair for pair in wide if each.search(pair[1])] for each in (sign, other_sign))
        if some and others:
            rarer, n = (some, len(others)) if len(some) <= len(others) else (others, len(some))
            names = (what, other) if rarer is some else (other, what)
            lines = [(key, f"{key}: {text!r}") for key, text in rarer]
            found += about("note", kind, part, lines, f"{names[0]}, and {names[1]} in {counted(n, 'line')}", advice)
    return found
