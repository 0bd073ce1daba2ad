"""One pass over the pages of a part: what is kept of each picture, and of what is in its boxes."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from distill.data.lines import Refusal
from distill.data.pages.record import PageRecord
from distill.evaluation.doctor.pictures import ALMOST_BLANK, contrast_of, grey_of
from distill.processes import one_thread
from distill.track import progress
from students.errors import DataError
from students.pages.cutting import around, cut

COPY_PX = 64  # sides of the small copy of a page
HASH_PX = 16  # sides of the grid whose neighbours are compared
LIGHT_SIGMA = 12.0  # of the small copy: what changes as slowly is the light, not the print


@dataclass(frozen=True)
class LookedAt:
    """What is kept of the pages of a part that open, page by page; and why the others do not."""

    pages: tuple[PageRecord, ...]
    height_px: np.ndarray  # (N,)
    width_px: np.ndarray  # (N,)
    contrast: np.ndarray  # (N,) grey levels
    hashes_NB: np.ndarray  # (N, 240) int8: 1 where it grows lighter to the right, else -1
    copies_NHW: np.ndarray  # (N, 64, 64) float32, without what the light makes
    box_contrast: tuple[np.ndarray, ...]  # grey levels in each box of each page
    broken: tuple[Refusal, ...]

    @property
    def blank(self) -> np.ndarray:
        """Return whether a page is almost of one grey, (N,) bool."""
        return self.contrast < ALMOST_BLANK

    def without(self, sources: Container[str]) -> LookedAt:
        """Return the pages that are of none of these sources."""
        rows = [i for i, page in enumerate(self.pages) if page.source not in sources]
        return replace(
            self,
            pages=tuple(self.pages[i] for i in rows),
            height_px=self.height_px[rows],
            width_px=self.width_px[rows],
            contrast=self.contrast[rows],
            hashes_NB=self.hashes_NB[rows],
            copies_NHW=self.copies_NHW[rows],
            box_contrast=tuple(self.box_contrast[i] for i in rows),
        )


def look_at_pages(part: str, pages: Sequence[PageRecord]) -> LookedAt:
    """Decode every page once and measure it; one that does not open is `broken`."""
    one_thread()
    opened, broken, measured = [], [], []
    with progress(f"looking at {part}", len(pages), "page", shown=len(pages) > 0) as bar:
        for page in pages:
            try:
                measured.append(_measured(page))
                opened.append(page)
            except DataError as error:
                broken.append(Refusal(page.key, str(error)))
            bar.update()
    sizes_N2 = np.array([size for size, *_ in measured], np.int64).reshape(-1, 2)
    contrast, hashes, copies, in_boxes = zip(*(rest for _, *rest in measured), strict=True) if measured else ((),) * 4
    return LookedAt(
        tuple(opened),
        sizes_N2[:, 0],
        sizes_N2[:, 1],
        np.array(contrast, np.float32),
        np.array(hashes, np.int8).reshape(-1, HASH_PX * (HASH_PX - 1)),
        np.array(copies, np.float32).reshape(-1, COPY_PX, COPY_PX),
        tuple(in_boxes),
        tuple(broken),
    )


def _measured(page: PageRecord) -> tuple[tuple[int, int], float, np.ndarray, np.ndarray, np.ndarray]:
    grey_HW = grey_of(page.load())
    small_HW = cv2.resize(grey_HW, (COPY_PX, COPY_PX), interpolation=cv2.INTER_AREA).astype(np.float32)
    small_HW -= cv2.GaussianBlur(small_HW, (0, 0), LIGHT_SIGMA, borderType=cv2.BORDER_REFLECT)
    grid = cv2.resize(small_HW, (HASH_PX, HASH_PX), interpolation=cv2.INTER_AREA)
    in_boxes = np.array([_contrast_in(grey_HW, line.corners_42) for line in page.lines or ()], np.float32)
    height, width = grey_HW.shape
    return (height, width), contrast_of(grey_HW), np.where(np.diff(grid, axis=1) > 0, 1, -1).ravel(), small_HW, in_boxes


def _contrast_in(grey_HW: np.ndarray, corners_42: np.ndarray) -> float:
    """The grey levels between the 1st and the 99th percentile in a box; not a number where it lies beside the page."""
    if not around(grey_HW, corners_42, 0)[0].size:
        return float("nan")
    return contrast_of(cut(grey_HW, corners_42))
