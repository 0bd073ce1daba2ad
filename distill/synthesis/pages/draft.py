"""A sheet while a layout sets it: its ink, and the runs of text that were set on it.

Coordinates are pixels of the sheet from its top left corner, y downwards; `baseline` is where letters stand.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import cv2
import numpy as np

from distill.data.augment import Pixels
from distill.synthesis.fonts import FontFace
from distill.synthesis.letters import advance_px, dotted, heights_px, set_letters
from distill.synthesis.pages.lines import GAP, TextRun
from distill.synthesis.pages.wording import Wording

Align = Literal["left", "centre", "right"]

_SLANTED = 0.08  # probability of italics


@dataclass(frozen=True)
class Style:
    """How letters look: face and size, extra spacing (share of the size), and stretch, as printers double letters.

    `dots` above 0: they are made of dots, so many to the font size.
    """

    face: FontFace
    size_px: int
    spacing: float = 0.0
    wide: float = 1.0
    high: float = 1.0
    dots: float = 0.0

    @property
    def line_px(self) -> float:
        """Return what distances between rows are measured by: the font size as seen, or more for tall letters."""
        above, _, below = heights_px(self.face, self.size_px)
        return max(self.size_px, above + below) * self.high

    @property
    def tall_px(self) -> float:
        """Return the height of tall letters above the baseline."""
        return heights_px(self.face, self.size_px)[0] * self.high

    @property
    def gap_px(self) -> float:
        """Return a gap between two texts that splits them into two lines."""
        return (GAP + 0.15) * self.tall_px + 1


class Area(NamedTuple):
    """A part of a sheet that is to be filled."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Return its width."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Return its height."""
        return self.bottom - self.top

    @property
    def middle(self) -> float:
        """Return the x of its middle."""
        return (self.left + self.right) / 2

    def within(self, px: float) -> Area:
        """Return the area without a margin."""
        return Area(self.left + px, self.top + px, self.right - px, self.bottom - px)


@dataclass
class Draft:
    """A sheet that is being set. `ink_HW`: 255 where ink covers a whole pixel."""

    ink_HW: Pixels
    rng: random.Random
    wording: Wording
    families: list[list[FontFace]]
    letter_scale: float
    decorated: bool  # whether things that are no text are wanted
    scene: bool = False  # a photograph is behind the text, not paper
    runs: list[TextRun] = field(default_factory=list)

    @property
    def width(self) -> int:
        """Return the sheet's width."""
        return int(self.ink_HW.shape[1])

    @property
    def height(self) -> int:
        """Return the sheet's height."""
        return int(self.ink_HW.shape[0])

    def cut(self, height_px: int) -> None:
        """Cut the sheet off below a height, or not at all where it is lower; what was set above it is kept."""
        used = max((math.ceil(run.bottom) + 3 for run in self.runs), default=0)
        self.ink_HW = np.ascontiguousarray(self.ink_HW[: max(height_px, used, self.width // 4)])

    def write(
        self, text: str, style: Style, x: float, baseline: float, align: Align = "left", cell: int | None = None
    ) -> TextRun | None:
        """Set a text with its ink beginning, centred or ending at x; None where the sheet ends or other ink stands.

        `cell` is that of `TextRun`. On a dark bar (`bar`) letters are left free of ink.
        """
        if not text.strip():
            return None
        coverage, top = _letters(text, style)
        height, width = coverage.shape
        left = round(x - {"left": 0.0, "centre": width / 2, "right": float(width)}[align])
        row = round(baseline + top)
        if left < 2 or row < 2 or left + width > self.width - 2 or row + height > self.height - 2:
            return None
        part = self.ink_HW[row : row + height, left : left + width]
        core = part[height // 4 : max(height // 4 + 1, height - height // 4)]
        if core.min() == 255:
            np.minimum(part, 255 - coverage, out=part)
        elif core.any():
            return None
        else:
            np.maximum(part, coverage, out=part)
        small = heights_px(style.face, style.size_px)[1] * style.high
        low, high = min(row, baseline - small), max(row + height, baseline)
        run = TextRun(text, left, low, left + width, high, style.tall_px, cell)
        self.runs.append(run)
        return run

    def bar(self, area: Area) -> None:
        """Fill an area with ink, on a sheet that is decorated: text on it is light."""
        if self.decorated:
            left, top, right, bottom = (max(0, round(edge)) for edge in area)
            self.ink_HW[top:bottom, left:right] = 255

    def box(self, area: Area, width_px: float = 1) -> None:
        """Draw a rule on all four sides of an area."""
        left, top, right, bottom = area
        for start, end in (((left, top), (right, top)), ((right, top), (right, bottom))):
            self.rule(start, end, width_px)
        for start, end in (((right, bottom), (left, bottom)), ((left, bottom), (left, top))):
            self.rule(start, end, width_px)

    def write_spread(self, words: list[str], style: Style, left: float, right: float, baseline: float) -> None:
        """Set words as one line whose ink fills the way from left to right; with one word, or little text, it ends."""
        widths = [_letters(word, style)[0].shape[1] for word in words]
        gaps = max(1, len(words) - 1)
        gap = (right - left - sum(widths)) / gaps
        if len(words) == 1 or not 0.1 * style.line_px < gap < 0.7 * style.line_px:
            self.write(" ".join(words), style, left, baseline)
            return
        first, x = len(self.runs), left
        for word, width in zip(words, widths, strict=True):
            self.write(word, style, x, baseline)
            x += width + gap
        set_runs = self.runs[first:]
        if set_runs:
            low, high = min(run.top for run in set_runs), max(run.bottom for run in set_runs)
            joined = " ".join(run.text for run in set_runs)
            self.runs[first:] = [TextRun(joined, set_runs[0].left, low, set_runs[-1].right, high, style.tall_px)]

    def width_of(self, text: str, style: Style) -> float:
        """Return about how wide a text is set."""
        return advance_px(text, style.face, style.size_px, style.spacing) * style.wide

    def fitted(self, text: str, style: Style, width_px: float) -> str:
        """Return as much of a text as fits into a width: whole words, of a single one its first characters."""
        while text and self.width_of(text, style) > width_px:
            shorter = text.rpartition(" ")[0]
            text = shorter or text[: int(len(text) * 0.8)]
        return text.rstrip()

    def wrapped(self, words: list[str], style: Style, width_px: float) -> list[list[str]]:
        """Return the words in rows that fit into a width; a word too wide for a row is shortened."""
        space = self.width_of(" ", style)
        rows: list[list[str]] = [[]]
        room = width_px
        for word in words:
            word = self.fitted(word, style, width_px)
            wide = self.width_of(word, style) if word else 0.0
            if rows[-1] and wide > room:
                rows.append([])
                room = width_px
            if word:
                rows[-1].append(word)
                room -= wide + space
        return [row for row in rows if row]

    def style(self, size_px: float, family: list[FontFace] | None = None, bold: bool = False) -> Style:
        """Return a style of a size (before the page's scale) in a face of a family; null: of any."""
        faces = family or self.rng.choice(self.families)
        slanted = self.rng.random() < _SLANTED
        faces = [face for face in faces if ("italic" in face.name.lower()) == slanted] or faces
        heavy = [face for face in faces if _is_bold(face)]
        plain = [face for face in faces if not _is_bold(face)]
        face = self.rng.choice((heavy if bold else plain) or faces)
        return Style(face, max(10, round(size_px * self.letter_scale)))

    def rule(self, start: tuple[float, float], end: tuple[float, float], width_px: float = 1, dash: float = 0) -> None:
        """Draw a straight rule, on a sheet that is decorated; `dash` above 0: broken into strokes of so many pixels."""
        if not self.decorated:
            return
        points = np.array([start, end])
        length = float(np.hypot(*(points[1] - points[0])))
        pieces = max(1, int(length / dash / 2)) if dash else 1
        for piece in range(pieces):
            near, far = piece / pieces, (piece + (0.55 if dash else 1.0)) / pieces
            ends = [points[0] + (points[1] - points[0]) * share for share in (near, far)]
            a, b = (tuple(round(float(v) * 16) for v in point) for point in ends)
            cv2.line(self.ink_HW, a, b, 255, max(1, round(width_px)), cv2.LINE_AA, shift=4)

    def chance(self, probability: float) -> bool:
        """Return true with a probability."""
        return self.rng.random() < probability


def _letters(text: str, style: Style) -> tuple[Pixels, float]:
    """The coverage of a text in a style, and its first row as seen from the baseline."""
    coverage, top = set_letters(text, style.face, style.size_px, style.spacing)
    if style.dots:
        coverage = dotted(coverage, style.size_px / style.dots)
    if style.wide == 1.0 and style.high == 1.0:
        return coverage, top
    height, width = coverage.shape
    size = max(1, round(width * style.wide)), max(1, round(height * style.high))
    return np.asarray(cv2.resize(coverage, size, interpolation=cv2.INTER_LINEAR), np.uint8), top * style.high


def _is_bold(face: FontFace) -> bool:
    weight = dict(face.axes).get("wght")
    return weight >= 600 if weight is not None else "bold" in face.name.lower()
