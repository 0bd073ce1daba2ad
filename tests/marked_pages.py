"""Pages that tests make: grey paper with dark lines whose corners are known."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from distill.data.pages.record import MarkedLine, PageRecord
from distill.data.pages.targets import targets_of
from students.errors import DataError
from students.pages.finding import LineFinding
from students.pages.maps import Maps
from students.pages.model_file import LocatorDescription
from students.pages.preparation import PagePreparation, PreparedPage

PAPER, INK = 220, 30


def level(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    """The corners of an upright line, from its top left on, clockwise."""
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], float)


def drawn(size_px: tuple[int, int], lines: Sequence[np.ndarray]) -> np.ndarray:
    """A page of this width and height on which lines are bars of ink, (H, W)."""
    page_HW = np.full(size_px[::-1], PAPER, np.uint8)
    for corners_42 in lines:
        cv2.fillPoly(page_HW, [np.round((corners_42 - 0.5) * 16).astype(np.int32)], INK, shift=4)
    return page_HW


@dataclass(frozen=True)
class Drawn:
    """What draws a page anew whenever it is loaded."""

    size_px: tuple[int, int]
    lines: tuple[tuple[float, float, float, float], ...]

    def __call__(self) -> np.ndarray:
        return drawn(self.size_px, [level(*line) for line in self.lines])


@dataclass(frozen=True)
class Damaged:
    """What cannot be loaded any more."""

    key: str

    def __call__(self) -> np.ndarray:
        raise DataError(f"{self.key}: the image is damaged")


def page(
    key: str,
    lines: Sequence[tuple[float, float, float, float]] | None = ((40, 60, 300, 84), (40, 110, 260, 134)),
    size_px: tuple[int, int] = (400, 500),
    source: str = "pages",
    whole: bool = True,
) -> PageRecord:
    """A record of a drawn page; `lines` None: nobody marked them."""
    drawing = Drawn(size_px, tuple(lines or ((60, 200, 300, 230),)))
    marked = None if lines is None else tuple(MarkedLine(level(*line)) for line in lines)
    return PageRecord(
        key, source, drawing if whole else Damaged(key), marked, hashlib.sha256(repr((key, lines)).encode()).hexdigest()
    )


class IdealLocator:
    """Knows where the lines are; their corners count pixels of the page."""

    def __init__(self, corners_N42: np.ndarray, **finding: float) -> None:
        self.corners_N42 = np.array(corners_N42, float).reshape(-1, 4, 2)
        self.description = LocatorDescription(
            kind="locator",
            architecture={},
            receptive_px=0,
            preparation=PagePreparation(),
            finding=LineFinding(**finding),
        )

    def maps(self, page_HWC: np.ndarray) -> tuple[Maps, PreparedPage]:
        prepared = self.description.preparation.prepare(page_HWC)
        height, width = prepared.tensor_CHW.shape[1:]
        ignored_N = np.zeros(len(self.corners_N42), bool)
        maps_CHW = targets_of(self.corners_N42 / prepared.scale_xy, ignored_N, (width, height)).maps_CHW
        maps_CHW[0] = np.where(maps_CHW[0] > 0, 8, -8)
        return Maps.of_output(maps_CHW), prepared
