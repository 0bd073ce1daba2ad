"""How pictures of lines look, in the figures that synthetic lines are rendered by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from distill.evaluation.doctor.pictures import grey_of
from students.errors import DataError
from students.image import decode_image

INK_SHARE = 0.5  # of the way from paper to ink: what is darker is a letter


@dataclass(frozen=True)
class Look:
    """One picture. Greys are 0 to 255; `ink_rows` is the height of what is written, a share of the picture's."""

    height_px: int
    width_px: int
    paper: float
    ink: float
    ink_rows: float
    noise: float  # standard deviation of the paper's grey, from pixel to pixel
    inverted: bool

    @property
    def contrast(self) -> float:
        """Return how far ink and paper are apart, in grey levels."""
        return abs(self.paper - self.ink)


@dataclass(frozen=True)
class Looks:
    """Many pictures: their looks, and how many could not be opened."""

    each: tuple[Look, ...]
    unreadable: int = 0

    def middle(self, name: str) -> float:
        """Return the median of one figure."""
        return float(np.median([getattr(look, name) for look in self.each]))

    def range(self, name: str, low: float = 5, high: float = 95) -> tuple[float, float]:
        """Return two percentiles of one figure."""
        first, last = np.percentile([getattr(look, name) for look in self.each], [low, high])
        return float(first), float(last)

    @property
    def aspect(self) -> float:
        """Return the median of width over height."""
        return float(np.median([look.width_px / look.height_px for look in self.each]))

    @property
    def inverted(self) -> float:
        """Return the share of pictures with light ink on dark paper."""
        return float(np.mean([look.inverted for look in self.each]))


def looks_of(pictures: Sequence[tuple[str, bytes]]) -> Looks:
    """Measure pictures, given with their names; those that cannot be opened are counted.

    Raises `DataError` where none can be.
    """
    found, unreadable = list[Look](), list[DataError]()
    for name, picture in pictures:
        try:
            found.append(look_of(grey_of(decode_image(picture, name))))
        except DataError as error:  # noqa: PERF203 - `distill check` names each of them
            unreadable.append(error)
    if not found:
        why = f"; the first: {unreadable[0]}" if unreadable else ""
        raise DataError(f"not one of the pictures that were tried, {len(pictures):,}, can be opened{why}")
    return Looks(tuple(found), len(unreadable))


def look_of(grey_HW: np.ndarray) -> Look:
    """Measure one grey picture: paper is its most common side, ink what differs most from it."""
    height, width = grey_HW.shape
    dark, middle, light = np.percentile(grey_HW, [2, 50, 98])
    inverted = bool(light - middle > middle - dark)
    paper, ink = (dark, light) if inverted else (light, dark)
    paper = float(np.median(grey_HW[np.abs(grey_HW - paper) <= np.abs(grey_HW - ink)]))
    written_HW = np.abs(grey_HW - paper) > INK_SHARE * abs(float(ink) - paper)
    rows = np.flatnonzero(written_HW.mean(1) > 0.01)
    ink_rows = (rows[-1] - rows[0] + 1) / height if len(rows) else 1.0
    return Look(height, width, paper, float(ink), float(ink_rows), _noise(grey_HW, ~written_HW), inverted)


def _noise(grey_HW: np.ndarray, paper_HW: np.ndarray) -> float:
    """What a pixel of the paper differs from its neighbours' mean by, as a standard deviation."""
    inside_HW = cv2.erode(paper_HW.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    if inside_HW.sum() < 20:
        return 0.0
    fine_HW = grey_HW.astype(np.float32) - cv2.blur(grey_HW.astype(np.float32), (3, 3))
    return float(fine_HW[inside_HW].std() * np.sqrt(9 / 8))
