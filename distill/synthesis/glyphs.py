"""Which characters a font really renders: not what its table of characters sends to nothing, or to another letter.

See findings/fonts-map-letters-to-others.sh for fonts of good name that do so.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from fontTools.ttLib import TTFont

_PRINTED = "LNPS"  # letters, numbers, punctuation and symbols, by the first letter of their category
_WHITE = frozenset({0x115F, 0x1160, 0x2800, 0x3164, 0xFFA0})  # fillers and the empty Braille cell
_GEORGIAN = range(0x10D0, 0x1100)  # capitals are seldom printed: a glyph that both share is that of the small letter


def rendered_characters(font: TTFont) -> frozenset[int]:
    """Return the code points of a font without printed ones of an empty glyph and small letters drawn as capitals.

    Empty glyphs are looked for in fonts with TrueType outlines.
    """
    glyphs: Mapping[int, str] = font.getBestCmap() or {}
    empty = _empty(font, set(glyphs.values())) if "glyf" in font and "loca" in font else frozenset()
    lacking = {
        code
        for code, glyph in glyphs.items()
        if (glyph in empty and unicodedata.category(chr(code))[0] in _PRINTED and code not in _WHITE)
        or _is_capital(glyphs, code)
    }
    return frozenset(glyphs) - lacking


def _empty(font: TTFont, glyphs: set[str]) -> frozenset[str]:
    """The glyphs without any outline: those of no bytes."""
    starts = font["loca"]
    return frozenset(g for g in glyphs if starts[font.getGlyphID(g)] == starts[font.getGlyphID(g) + 1])


def _is_capital(glyphs: Mapping[int, str], code: int) -> bool:
    """Whether a small letter has the very glyph of its capital."""
    capital = chr(code).upper()
    return (
        len(capital) == 1
        and ord(capital) != code
        and code not in _GEORGIAN
        and glyphs.get(ord(capital)) == glyphs[code]
    )
