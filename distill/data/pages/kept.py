"""Pages decoded once and kept in memory, as large as any crop of them may be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from distill.data.pages.augment import PageToCrop, border_colour
from distill.data.pages.record import PageRecord
from students.pages.preparation import PagePreparation

KEPT_BYTES = 2**31  # by all workers of a process together


class KeptPage(NamedTuple):
    """A page, uint8 (H, W, channels), what crops need to know of it, and which of its lines are not to be counted."""

    pixels_HWC: np.ndarray
    to_crop: PageToCrop
    ignored_N: np.ndarray
    border: tuple[float, ...]


class KeptPages:
    """Pages by their number. Those asked for first stay in memory, up to `limit_bytes`.

    They are reduced to `largest` times the size that they are prepared to, where they are larger, and never enlarged.
    Raises `DataError` for a page that cannot be decoded.
    """

    def __init__(
        self,
        records: Sequence[PageRecord],
        preparation: PagePreparation,
        largest: float,
        limit_bytes: int = KEPT_BYTES,
    ) -> None:
        self.records, self.preparation = records, preparation
        self.largest, self.left_bytes = largest, limit_bytes
        self.kept: dict[int, KeptPage] = {}

    def __getitem__(self, i: int) -> KeptPage:
        if i in self.kept:
            return self.kept[i]
        page = self._opened(self.records[i])
        if page.pixels_HWC.nbytes <= self.left_bytes:
            self.left_bytes -= page.pixels_HWC.nbytes
            self.kept[i] = page
        return page

    def _opened(self, record: PageRecord) -> KeptPage:
        page_HWC = self.preparation.in_channels(record.load())
        height, width = page_HWC.shape[:2]
        prepared_px = self.preparation.scaled_size_px(width, height)
        size_px = tuple(
            min(side, max(1, round(of_prepared * self.largest)))
            for side, of_prepared in zip((width, height), prepared_px, strict=True)
        )
        if size_px != (width, height):
            page_HWC = cv2.resize(page_HWC, size_px, interpolation=cv2.INTER_AREA)
        lines = record.lines or ()
        corners_N42 = np.array([line.corners_42 for line in lines], float).reshape(-1, 4, 2)
        corners_N42 *= (size_px[0] / width, size_px[1] / height)
        page_HWC = np.ascontiguousarray(page_HWC.reshape(size_px[1], size_px[0], -1))
        ignored_N = np.array([line.ignored for line in lines], bool)
        return KeptPage(
            page_HWC, PageToCrop((size_px[0], size_px[1]), prepared_px, corners_N42), ignored_N, border_colour(page_HWC)
        )
