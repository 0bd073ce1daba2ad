"""Fonts that draw small letters as capitals, with glyphs of their own: their pictures do not tell the case of a label.

Fonts that send small letters to the very glyphs of the capitals are seen in `glyphs.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageFont

from distill.synthesis.fonts import FontFace
from distill.synthesis.language import no_language
from students.errors import DataError

DIFFERENT = "abdeghnqrt"  # letters whose two forms are of different shapes in fonts for body text
FEW = 4  # such letters tell nothing
ALIKE = 0.9  # 658 files of 175 families: five families of capitals have 0.97 and more, all others 0.77 and less
_SIZE_PX, _GRID, _INK = 64, 12, 100


def expect_two_cases(faces: Iterable[FontFace], characters: str) -> None:
    """Raise `DataError` for fonts that draw small letters as capitals, where the texts may have both."""
    if not any(letter in characters and letter.upper() in characters for letter in DIFFERENT):
        return
    if found := families_of_capitals(faces):
        raise DataError(
            f"font family {', '.join(found)} draws small letters as capitals, so that labels would not tell what the "
            "picture shows: leave it out of fonts, or name it in a source of its own with label_form: caseless"
        )


def families_of_capitals(faces: Iterable[FontFace]) -> list[str]:
    """Return the families whose first face draws small letters as capitals, sorted."""
    first = {face.family: face for face in sorted(faces, reverse=True)}
    return sorted(family for family, face in first.items() if draws_capitals(face.path, face.index))


@lru_cache(maxsize=4096)
def draws_capitals(path: Path, index: int = 0) -> bool:
    """Return whether the small letters of a font look like its capitals, scaled to the same box.

    The likeness of a letter is Pearson's correlation of the darkness of both forms on a grid of 12 x 12; that of a
    font is the median over `DIFFERENT`.
    """
    try:
        font = ImageFont.truetype(str(path), _SIZE_PX, index)
    except OSError:  # without outlines: pictures of one size
        return False
    pairs = [(_on_grid(font, letter), _on_grid(font, letter.upper())) for letter in DIFFERENT]
    found = [_likeness(small, capital) for small, capital in pairs if small is not None and capital is not None]
    return len(found) > FEW and float(np.median(found)) >= ALIKE


def _on_grid(font: ImageFont.FreeTypeFont, letter: str) -> np.ndarray | None:
    """The darkness of a letter on a grid over the box around its ink; None where it has no ink."""
    mask = font.getmask(letter, mode="L", language=no_language(font))
    ink_HW = np.array(mask, np.uint8).reshape(mask.size[1], mask.size[0])
    rows, columns = (np.flatnonzero((ink_HW > _INK).any(axis)) for axis in (1, 0))
    if not len(rows) or not len(columns):
        return None
    box = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
    grid = Image.fromarray(ink_HW).crop(box).resize((_GRID, _GRID), Image.Resampling.BOX)
    return np.asarray(grid, np.float64).ravel()


def _likeness(one: np.ndarray, other: np.ndarray) -> float:
    if one.std() == 0 or other.std() == 0:  # a full box, as fonts draw what they lack
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])
