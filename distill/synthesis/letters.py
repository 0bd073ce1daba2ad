"""The letters of a line as coverage, uint8 (H, W), 255 where a letter covers the whole pixel.

Letters come from a cache, one by one. A script whose letters change with their neighbours is rendered whole, by Raqm,
or refused where Pillow lacks it. What is done to letters at their font size stands here too.
"""

import math
import re
import unicodedata
from functools import cached_property, lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ImageFont, features

from distill.data.augment import Pixels, between
from distill.synthesis.fonts import FontFace
from distill.synthesis.language import no_language
from students.errors import DataError

_MONGOLIAN = range(0x1800, 0x18B0)
_MAX_SLOPE = 0.5  # of a bent baseline: steeper letters run into each other


class Box(NamedTuple):
    """What is to be seen of a coverage, in its pixels; it may reach beyond the ink."""

    left: float
    top: float
    right: float
    bottom: float


class _Glyph(NamedTuple):
    """One rendered character: its coverage, where that starts as seen from the pen, and the step of the pen."""

    coverage: Pixels
    left: int
    top: int
    width: int
    height: int
    advance: float


class _Alphabet(dict[str, _Glyph]):
    """The letters of a face and size, each rendered at its first use: FreeType needs 30 µs, a copy two."""

    def __init__(self, font: ImageFont.FreeTypeFont) -> None:
        self.font = font

    def __missing__(self, character: str) -> _Glyph:
        coverage, left, top = _rendered(character, self.font)
        height, width = coverage.shape
        self[character] = _Glyph(coverage, left, top, width, height, self.font.getlength(character))
        return self[character]

    @cached_property
    def heights(self) -> tuple[int, int, int]:
        """Pixels of ascenders and of small letters above the baseline, and of descenders below it."""
        tall, small, deep = (self[character] for character in "dxp")
        return -tall.top, -small.top, deep.top + deep.height


def needs_shaping(text: str) -> bool:
    """Return whether letters change, move or run from right to left: Arabic, Hebrew, Indic scripts, combining marks."""
    return any(
        unicodedata.bidirectional(c) in ("R", "AL", "AN") or unicodedata.category(c)[0] == "M" or ord(c) in _MONGOLIAN
        for c in text
    )


def refuse_unshapeable(characters: str) -> None:
    """Raise `DataError` if `characters` hold some that only Raqm renders rightly, and Pillow lacks it."""
    shaped = "".join(c for c in characters if needs_shaping(c))
    if shaped and not features.check("raqm"):
        raise DataError(
            f"text with {shaped[:20]!r} runs from right to left or joins its letters, and Pillow lacks Raqm, which "
            "renders that: install the system's FriBiDi (libfribidi0), or leave such text out"
        )


def render_letters(text: str, face: FontFace, size_px: int, spacing: float, tightness: float) -> tuple[Pixels, Box]:
    """Return the coverage of all letters (h, w), just enclosing them, and the box about it that is to be seen.

    `spacing` is extra room, a share of the font size; shaped text takes none. Raises DataError if the text has no ink.
    """
    coverage, top = set_letters(text, face, size_px, spacing)
    height, width = coverage.shape
    bottom = top + height
    above, small, below = _alphabet(face, size_px).heights
    seen_top = between((min(top, -above), min(top, -small)), tightness)
    seen_bottom = between((max(bottom, below), max(bottom, 0)), tightness)
    return coverage, Box(0, seen_top - top, width, seen_bottom - top)


def set_letters(text: str, face: FontFace, size_px: int, spacing: float) -> tuple[Pixels, int]:
    """Return the coverage of all letters (h, w), just enclosing them, and its first row as seen from the baseline.

    Like `render_letters`, which adds the box to be seen. Raises `DataError` for a text without ink.
    """
    if not text.isascii() and needs_shaping(text):
        refuse_unshapeable(text)
        coverage, _, top = _rendered(text, _font(face, size_px, ImageFont.Layout.RAQM), _unsubstituted(text))
    else:
        coverage, top = _set(text, _alphabet(face, size_px), spacing * size_px)
    if not coverage.size:
        raise DataError(f"the text {text!r} leaves no ink in font {face.name}: choose other texts or fonts")
    return coverage, top


def advance_px(text: str, face: FontFace, size_px: int, spacing: float) -> float:
    """Return how far the pen moves when `set_letters` sets the text: about the width of its ink."""
    if not text.isascii() and needs_shaping(text):
        font = _font(face, size_px, ImageFont.Layout.RAQM)
        return font.getlength(text, features=_unsubstituted(text), language=no_language(font))
    alphabet = _alphabet(face, size_px)
    return sum(alphabet[character].advance for character in text) + spacing * size_px * len(text)


def heights_px(face: FontFace, size_px: int) -> tuple[int, int, int]:
    """Return the heights of ascenders and of small letters above the baseline, and of descenders below it."""
    return _alphabet(face, size_px).heights


def curved(coverage: Pixels, box: Box, rise_px: float, wave: bool) -> tuple[Pixels, Box]:
    """Return the letters along an arc that lifts the middle by `rise_px` (below 0: sinks it), or along one wave.

    Letters turn with the baseline. The rise is lessened where a short line would become steep. The box grows with
    the ink.
    """
    height, width = coverage.shape
    turns = 2 * math.pi if wave else math.pi
    steepest_px = _MAX_SLOPE * width / turns
    rise_px = max(-steepest_px, min(rise_px, steepest_px))
    lean = math.ceil(height * _MAX_SLOPE / 2)
    room = math.ceil(abs(rise_px))
    middle = (height - 1) / 2
    x = np.arange(-lean, width + lean, dtype=np.float32)
    phase = turns * np.clip(x / width, 0, 1)
    baseline = (-rise_px * np.sin(phase)).astype(np.float32)
    slope = (-rise_px * turns / width * np.cos(phase)).astype(np.float32)
    # A point off the baseline lies on the normal of another column: to first order, as far along as it is steep.
    norm = np.sqrt(1 + slope**2)
    off_HW = (np.arange(-room, height + room, dtype=np.float32)[:, None] - middle - baseline) / norm
    bent = cv2.remap(coverage, x + off_HW * slope / norm, off_HW + np.float32(middle), cv2.INTER_LINEAR)
    cut, _, _ = _ink_of(bent)
    above, below = -box.top, box.bottom - height
    return cut, Box(0, -above, cut.shape[1], cut.shape[0] + below)


def outlined(coverage: Pixels, width_px: float) -> Pixels:
    """Make letters hollow: a line of `width_px` inside their edges; the canvas stays as it is."""
    size = max(1, round(width_px))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * size + 1, 2 * size + 1))
    inside = cv2.erode(coverage, kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(cv2.subtract(coverage, inside), np.uint8)


def dotted(coverage: Pixels, pitch_px: float) -> Pixels:
    """Make letters of round dots, one every `pitch_px`; the canvas stays as it is."""
    height, width = coverage.shape
    n_rows, n_columns = max(1, round(height / pitch_px)), max(1, round(width / pitch_px))
    struck = cv2.resize(coverage, (n_columns, n_rows), interpolation=cv2.INTER_AREA)
    struck_HW = cv2.resize(struck, (width, height), interpolation=cv2.INTER_NEAREST)
    y = (np.arange(height, dtype=np.float32) + 0.5) * n_rows / height % 1 - 0.5
    x = (np.arange(width, dtype=np.float32) + 0.5) * n_columns / width % 1 - 0.5
    dots_HW = np.clip(1.6 - 2.6 * np.sqrt(y[:, None] ** 2 + x**2), 0, 1)
    ink_HW = np.clip((struck_HW.astype(np.float32) - 50) * 3, 0, 255)
    return np.asarray(ink_HW * dots_HW + 0.5, np.uint8)


@lru_cache(maxsize=2048)
def _font(face: FontFace, size_px: int, layout: ImageFont.Layout) -> ImageFont.FreeTypeFont:
    try:
        font = ImageFont.truetype(str(face.path), size_px, index=face.index, layout_engine=layout)
        if face.axes:
            font.set_variation_by_axes([value for _, value in face.axes])
    except OSError as error:
        raise DataError(f"font file {face.path} cannot be opened ({error}): replace or remove it") from error
    return font


@lru_cache(maxsize=2048)
def _alphabet(face: FontFace, size_px: int) -> _Alphabet:
    return _Alphabet(_font(face, size_px, ImageFont.Layout.BASIC))


def _unsubstituted(text: str) -> list[str]:
    """Features of HarfBuzz that keep ASCII as it is written: some fonts draw `3x9` as `3×9`, `3-8` as `3−8`.

    Letters of other scripts keep theirs, which join them.
    """
    stretches = [match.span() for match in re.finditer("[ -~]+", text)]
    return [f"{feature}[{begin}:{end}]=0" for begin, end in stretches for feature in ("calt", "liga")]


def _rendered(
    text: str, font: ImageFont.FreeTypeFont, features_of_font: list[str] | None = None
) -> tuple[Pixels, int, int]:
    """The ink of `text`, and where its left and top edges lie as seen from the pen."""
    mask, (left, top) = font.getmask2(text, "L", features=features_of_font, language=no_language(font), anchor="ls")
    width, height = mask.size
    pixels = np.array(mask, np.uint8).reshape(height, width)
    if not pixels.any():
        return np.zeros((0, 0), np.uint8), 0, 0
    cut, first_x, first_y = _ink_of(pixels)
    return cut, int(left) + first_x, int(top) + first_y


def _ink_of(pixels: Pixels) -> tuple[Pixels, int, int]:
    """The part that just encloses the ink, and the column and row where it begins."""
    left, right = _ends(pixels.max(0))
    top, bottom = _ends(pixels.max(1))
    return np.ascontiguousarray(pixels[top:bottom, left:right]), left, top


def _ends(brightest: Pixels) -> tuple[int, int]:
    """The first index with ink, and the one behind the last; 0, 0 where there is none."""
    inked = np.flatnonzero(brightest)
    return (int(inked[0]), int(inked[-1]) + 1) if len(inked) else (0, 0)


def _set(text: str, alphabet: _Alphabet, spacing_px: float) -> tuple[Pixels, int]:
    """The letters side by side, and where their top lies as seen from the baseline."""
    placed: list[tuple[int, int, int, int, Pixels]] = []
    pen = 0.0
    left, top, right, bottom = 1 << 30, 1 << 30, -1 << 30, -1 << 30
    for character in text:  # comparisons where `min` would read better: this loop is a third of a line's time
        coverage, first, above, width, height, advance = alphabet[character]
        if width:
            x = round(pen) + first
            placed.append((x, x + width, above, above + height, coverage))
            if x < left:
                left = x
            if x + width > right:
                right = x + width
            if above < top:
                top = above
            if above + height > bottom:
                bottom = above + height
        pen += advance + spacing_px
    if not placed:
        return np.zeros((0, 0), np.uint8), 0
    whole: NDArray[np.uint8] = np.zeros((bottom - top, right - left), np.uint8)
    filled = left
    for start, end, above, below, coverage in placed:
        part = whole[above - top : below - top, start - left : end - left]
        if start >= filled:
            part[:] = coverage
        else:
            np.maximum(part, coverage, out=part)
        if end > filled:
            filled = end
    return whole, top
