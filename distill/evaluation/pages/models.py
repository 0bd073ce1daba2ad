"""Models that are judged on pages: a locator alone, or one with a recogniser that reads what it finds."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

import teachers
from distill.evaluation.pages.matching import FoundText
from distill.evaluation.pages.peers import ReadPage
from students.model_file import kind_of
from students.pages.reader import Locates, PageReader, lines_of
from students.reading import Reader
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
        return [FoundText(on_page(line.polygon_P2, page_HWC)) for line in lines_of(locator, page_HWC)]

    return read


def read_by(reader: PageReader) -> ReadPage:
    """Return how a page reader reads a page, as evaluation wants it."""

    def read(page_HWC: np.ndarray) -> list[FoundText]:
        lines = reader.read_page(page_HWC).lines
        return [FoundText(on_page(np.array(line.polygon, float), page_HWC), line.text) for line in lines]

    return read


def on_page(outline_P2: np.ndarray, page_HWC: np.ndarray) -> np.ndarray:
    """Return an outline without what leaves the page, (H, W) or (H, W, C): marked lines lie on it, too."""
    height, width = page_HWC.shape[:2]
    return np.clip(outline_P2, 0, (width, height))
