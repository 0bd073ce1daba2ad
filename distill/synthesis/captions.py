"""Captions under pictures, each in a font that has its characters; what no installed font has is named."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from PIL import ImageDraw, ImageFont

from distill.synthesis.fonts import characters_of, characters_of_families, find_faces
from distill.synthesis.language import no_language

SIZE_PX = 13
FIRST = "dejavu-sans"  # comes with matplotlib: Latin, Greek, Cyrillic, Hebrew, Arabic and many signs
MISSING = "\u25a1"  # a square, which FIRST has
SHOWN = 24
Font: TypeAlias = "ImageFont.FreeTypeFont | ImageFont.ImageFont"


class Caption(NamedTuple):
    """A text as it is drawn, its font, and the characters for which a square stands."""

    text: str
    font: Font
    undrawn: frozenset[str]

    @property
    def width_px(self) -> int:
        """Return how many pixels it takes."""
        return math.ceil(self.font.getlength(self.text, language=no_language(self.font)))

    def draw(self, pen: ImageDraw.ImageDraw, at: tuple[int, int], fill: tuple[int, int, int]) -> None:
        """Draw it below and to the right of a point."""
        pen.text(at, self.text, font=self.font, fill=fill, language=no_language(self.font))


def caption(text: str) -> Caption:
    """Return a caption in the first font that has all of its characters, or most of them where none has all."""
    if text.isascii():
        return Caption(text, ImageFont.load_default(SIZE_PX), frozenset())
    wanted = frozenset(c for c in text if not c.isspace())
    family, has = _best(wanted)
    undrawn = wanted - has
    return Caption("".join(MISSING if c in undrawn else c for c in text), _font(family), undrawn)


def in_words(undrawn: Iterable[str]) -> str:
    """Return which characters could not be drawn; empty where all could."""
    codes = sorted(f"U+{ord(c):04X}" for c in set(undrawn))
    if not codes:
        return ""
    more = f" and {len(codes) - SHOWN} more" if len(codes) > SHOWN else ""
    return f"not drawn, since no installed font has them: {', '.join(codes[:SHOWN])}{more}"


@lru_cache(maxsize=4096)
def _best(wanted: frozenset[str]) -> tuple[str, frozenset[str]]:
    """The family that has most of the characters, and which; others are looked at only where FIRST lacks some."""
    has = _covered(wanted, _characters_of_first())
    if has == wanted:
        return FIRST, has
    covered = {family: _covered(wanted, known) for family, known in _families().items()}
    best = max(covered, key=lambda family: (len(covered[family]), family == FIRST), default=FIRST)
    return (best, covered[best]) if covered and len(covered[best]) > len(has) else (FIRST, has)


def _covered(wanted: frozenset[str], known: frozenset[int]) -> frozenset[str]:
    return frozenset(c for c in wanted if ord(c) in known)


@lru_cache(maxsize=1)
def _characters_of_first() -> frozenset[int]:
    return characters_of(FIRST)


@lru_cache(maxsize=1)
def _families() -> dict[str, frozenset[int]]:
    return characters_of_families(system=True)


@lru_cache(maxsize=64)
def _font(family: str) -> ImageFont.FreeTypeFont:
    face = next(iter(find_faces((family,), "")))
    return ImageFont.truetype(str(face.path), SIZE_PX, index=face.index)
