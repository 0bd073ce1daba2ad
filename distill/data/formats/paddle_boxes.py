"""`Label.txt` of PPOCRLabel: a page image a row, and the boxes and texts on it as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from distill.data.formats.contents import bytes_of, text_of
from distill.data.formats.page_lines import PageLine, page_image
from students.errors import DataError

FILE = "Label.txt"
ILLEGIBLE = "###"


def holds_boxes(path: Path) -> bool:
    """Return whether a file lists boxes on pages, and not the texts of line images."""
    if path.name != FILE or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.readline().partition(b"\t")[2].strip()[:2] in (b"[{", b"[]")


def read_boxes(path: Path) -> list[PageLine]:
    """The boxes of all pages, named page/number; one without a text, or marked illegible, is an unlabelled line."""
    rows = text_of(bytes_of(path), path).split("\n")
    return [line for number, row in enumerate(rows, 1) if row.strip() for line in _page(row, path, number)]


def _page(row: str, path: Path, number: int) -> Iterator[PageLine]:
    where = f"{path}:{number}"
    name, tab, content = row.rstrip("\r").partition("\t")
    if not tab:
        raise DataError(f"{where}: no tab between page and boxes: {row[:60]!r}")
    image = page_image(name, path)
    if image is None:
        raise DataError(f"{where}: the page image {name!r} does not exist in {path.parent}")
    try:
        boxes = [(box["transcription"], box["points"]) for box in json.loads(content)]
        for i, (text, points) in enumerate(boxes):
            polygon = " ".join(f"{x},{y}" for x, y in points)
            if not isinstance(text, str):
                raise TypeError(f"the transcription {text!r} is not text")
            known = None if text in ("", ILLEGIBLE) else text
            yield PageLine(f"{Path(name).stem}/{i:04d}", known, image, polygon, None)
    except (json.JSONDecodeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise DataError(
            f"{where}: not a JSON list of boxes with transcription and points ({type(error).__name__}: {error})"
        ) from error
