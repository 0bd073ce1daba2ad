"""Detection lists of PaddleOCR and PPOCRLabel: a page image a row, a tab, and the boxes and texts on it as JSON.

They bear many names (`Label.txt`, `train_icdar2015_label.txt`, `det_gt.txt`), so they are told by their content.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath
from typing import Any

from distill.data.formats.contents import bytes_of, encoding_of, text_of
from distill.data.formats.label_tables import numbered_rows
from distill.data.formats.notes import Notes
from distill.data.formats.page_frames import DescribedPage
from distill.data.formats.page_images import PageImages
from distill.data.formats.page_lines import DescribedLine, ReadPage
from distill.data.formats.placeholders import is_not_to_read, meaning_of
from students.errors import DataError
from students.image import IMAGE_SUFFIXES

FILE = "Label.txt"
SNIFFED_BYTES = 2**16
KEYS = ("points", "transcription")
DOUBTED = ("difficult", "illegibility")
OTHERS = (*IMAGE_SUFFIXES, ".gt.txt", ".cach", ".bak")  # the last two: what PPOCRLabel keeps for itself, and copies


def box_lists_in(folder: Path) -> list[Path]:
    """Return the detection lists of a folder, sorted; a text that bears the name of an image is none."""
    paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    images = {path.stem for path in paths if path.suffix.lower() in IMAGE_SUFFIXES}
    others = (path for path in paths if path.stem not in images and not path.name.lower().endswith(OTHERS))
    return [path for path in others if holds_boxes(path)]


def holds_boxes(path: Path) -> bool:
    """Return whether a file lists boxes on pages, and not the texts of line images."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(SNIFFED_BYTES)
    text = head.decode(encoding_of(head), errors="replace")
    rows = [row.partition("\t")[2].strip() for _, row in numbered_rows(text)]
    first = next((row for row in rows if row != "[]"), None)
    if first is None:  # pages without boxes, or nothing
        return bool(rows) and path.name == FILE
    return are_boxes(first)


def are_boxes(text: str) -> bool:
    """Return whether what stands for a text begins as a list of boxes."""
    return text[:1] == "[" and text[1:].lstrip()[:1] == "{" and any(key in text for key in KEYS)


def read_boxes(path: Path, notes: Notes) -> list[ReadPage]:
    """Return all pages with their boxes, named page/number; one without a text, or marked illegible, is unlabelled.

    Which are taken to be unlabelled, in spite of a text, is added to `notes`. Raises `DataError` for a row that is
    none, and for a page that is missing or named twice.
    """
    images = PageImages()
    seen: dict[Path, str] = {}
    pages: list[ReadPage] = []
    for number, row in numbered_rows(text_of(bytes_of(path), path)):
        where = f"{path}:{number}"
        name, tab, content = row.partition("\t")
        if not tab:
            raise DataError(f"{where}: no tab between page and boxes: {row[:60]!r}")
        image = images.named(name, path)
        if image is None:
            raise DataError(f"{where}: the page image {name!r} does not exist in {path.parent}")
        if (first := seen.setdefault(image, where)) != where:
            raise DataError(f"{where}: {name} is named twice, first at {first}; keep one of the rows")
        pages.append(_page(name, image, content, where, notes))
    return pages


def _page(name: str, image: Path, content: str, where: str, notes: Notes) -> ReadPage:
    page = DescribedPage(image, None, shown=True)
    try:
        return ReadPage(page, list(_boxes(json.loads(content), page, PureWindowsPath(name).stem, notes)))
    except (json.JSONDecodeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise DataError(
            f"{where}: not a JSON list of boxes with transcription and points ({type(error).__name__}: {error})"
        ) from error


def _boxes(boxes: Any, page: DescribedPage, stem: str, notes: Notes) -> Iterator[DescribedLine]:
    for i, box in enumerate(boxes):
        text, points, doubted = box["transcription"], box["points"], _doubted(box)
        polygon = " ".join(f"{x},{y}" for x, y in points)
        if not isinstance(text, str):
            raise TypeError(f"the transcription {text!r} is not text")
        line = f"{stem}/{i:04d}"
        ignored = bool(doubted) or is_not_to_read(text)
        yield DescribedLine(line, _label(text, doubted, line, notes), page, polygon, ordered=True, ignored=ignored)


def _doubted(box: dict[str, object]) -> str:
    """The mark by which a box says that its text cannot be read; some programs write its value as a string."""
    return next((key for key in DOUBTED if str(box.get(key, False)).lower() in ("true", "1")), "")


def _label(text: str, doubted: str, line: str, notes: Notes) -> str | None:
    """The text of a box; None for a placeholder, and where the box is marked."""
    if not text.strip():
        return None
    if meaning := f"marked by {doubted}" if doubted else meaning_of(text):
        notes.add(f"boxes {meaning}, taken as unlabelled", line)
        return None
    return text
