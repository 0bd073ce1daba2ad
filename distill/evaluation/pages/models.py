"""Models that are judged on pages: a locator alone, or one with a recogniser that reads what it finds."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

import teachers
from distill.evaluation.pages.matching import FoundText, within
from distill.evaluation.pages.peers import ReadPage
from students.model_file import kind_of
from students.pages.reader import Locates, PageReader, lines_of
from students.reader import Reader
from teachers.shipped import find_student_or_teacher


class PageModel(NamedTuple):
    """How a model reads a page, its recogniser where it has one, and the size of its files."""

    read: ReadPage
    recogniser: Reader | None
    n_bytes: int


def open_page_model(locator: str | Path, recogniser: str | Path | None = None) -> PageModel:
    """Open a locator, a locator's teacher or a file of both networks, and the recogniser that reads their lines.

    `recogniser` is of either kind, and takes the place of that in a file of both. Raises `CheckpointError` for a file
    that is missing, damaged, foreign, or of another kind.
    """
    path = find_student_or_teacher(locator)
    n_bytes = path.stat().st_size
    if recogniser is not None:
        n_bytes += find_student_or_teacher(recogniser).stat().st_size
    if recogniser is None and kind_of(path) != "pages":
        return PageModel(found_by(teachers.load_locator(path)), None, n_bytes)
    reader = teachers.load_page(path, recogniser)
    return PageModel(read_by(reader), reader.recogniser, n_bytes)


def found_by(locator: Locates) -> ReadPage:
    """Return how a locator finds the lines of a page, as evaluation wants it."""

    def read(page_HWC: np.ndarray) -> list[FoundText]:
        return [FoundText(within(line.polygon_P2, size_px(page_HWC))) for line in lines_of(locator, page_HWC)]

    return read


def read_by(reader: PageReader) -> ReadPage:
    """Return how a page reader reads a page, as evaluation wants it."""

    def read(page_HWC: np.ndarray) -> list[FoundText]:
        lines = reader.read_page(page_HWC).lines
        return [FoundText(within(np.array(line.polygon, float), size_px(page_HWC)), line.text) for line in lines]

    return read


def size_px(page_HWC: np.ndarray) -> tuple[int, int]:
    """Return width and height of a page, (H, W) or (H, W, C)."""
    return page_HWC.shape[1], page_HWC.shape[0]
