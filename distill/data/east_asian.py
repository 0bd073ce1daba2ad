"""Chinese and Japanese text beside Latin: what one picture can be written as in several ways, one rule for each.

Labels are in NFC, always, which joins CJK compatibility ideographs (U+F900 to U+FAFF) with their unified forms. The
rules here go further, and are asked for: `as_printed` of labels by `data.normalisation`, `compatible` of labels and
readings by the protocols `nfkc` and `variants`. The doctor names what the rules are about.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from students.charset import normalise

# Han and its radicals, kana, bopomofo, and the punctuation between them; Hangul is left out: Korean writes spaces
WIDE = (
    "\u2e80-\u2fdf\u3001-\u312f\u31a0-\u31bf\u31c0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65\U0001f200-\U0001f2ff\U00020000-\U0003ffff"
)
SELECTORS = re.compile("[\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")  # Mongolian, standard, ideographic
RADICALS = re.compile("[\u2e80-\u2fdf]")  # they look like the characters that they are radicals of
SPACES_BESIDE_WIDE = re.compile(rf"(?<=[{WIDE}])\s+|\s+(?=[{WIDE}])")
OTHER_WIDTHS = re.compile("[\u3000\uff00-\uffef]")


def as_printed(text: str) -> str:
    """Return a label as its picture shows it: NFC, and no two spellings of what is printed alike.

    Full-width letters and digits and the ideographic space become plain, half-width kana and Hangul wide; full-width
    punctuation and signs stay, since a picture shows their width. Radicals become characters; variation selectors and
    white space beside Han, kana and their punctuation are dropped. All else stays as it is: CJK punctuation, circled
    digits, ligatures.
    """
    if text.isascii():
        return text
    text = SELECTORS.sub("", text)
    text = RADICALS.sub(lambda found: _radical(found[0]), text)
    text = OTHER_WIDTHS.sub(lambda found: _other_width(found[0]), text)
    return normalise(SPACES_BESIDE_WIDE.sub("", text))


def compatible(text: str) -> str:
    """Return a text as the protocol `nfkc` compares it: NFKC, without variation selectors and white space.

    Case is kept. CJK punctuation without a compatibility form, such as the ideographic full stop, stays itself.
    """
    return "".join(unicodedata.normalize("NFKC", SELECTORS.sub("", text)).split())


@cache
def _other_width(character: str) -> str:
    """A full-width letter, digit or space as the plain one, and a half-width form as the wide one."""
    plain = unicodedata.normalize("NFKC", character)
    narrow = unicodedata.decomposition(character).startswith("<narrow>")
    return plain if narrow or plain.isalnum() or plain == " " else character


@cache
def _radical(character: str) -> str:
    """The character that a radical stands for, where Unicode names one."""
    return unicodedata.normalize("NFKC", character)
