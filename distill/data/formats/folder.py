"""A folder of images with their texts in a label file or next to each image, or of images alone; or a tar of them."""

from __future__ import annotations

import logging
import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from distill.data.formats.contents import HOW_UNLABELLED, Contents, FilesFetch, counted, first_of, lies_inside
from distill.data.formats.label_files import SUFFIXES, Row, read_label_file
from distill.data.formats.label_search import (
    ALL_TEXTS,
    LABEL_FILES,
    PADDLE_LISTS,
    PAIRS,
    known_labels,
    search,
    warn_of_lists_above,
    warn_of_unused,
)
from distill.data.formats.listing import Files, files_of
from distill.data.formats.paddle_boxes import are_boxes
from distill.data.formats.pairs import read_pairs
from distill.data.formats.placeholders import read_texts
from students.errors import DataError

log = logging.getLogger(__name__)

AS_DOCTR = "images"  # the folder beside the label file in which docTR keeps what it names


@dataclass(frozen=True)
class Labelled:
    """Images as they are called, the files that they are, and their texts."""

    names: Sequence[str]
    files: Sequence[str]
    texts: Sequence[str | None]


def open_folder(folder: Path, labels: str | None) -> Contents:
    """Open the lines of a folder; `labels` names the label file where there is a choice.

    In the place of the folder a label file may be given: its images lie in its folder or below. Raises `DataError` for
    a folder that is missing, or holds neither images nor labels.
    """
    if folder.is_file() and folder.suffix.lower() in SUFFIXES:
        if labels is not None:
            raise DataError(f"{folder}: is a label file itself; leave out labels: {labels}, or give the folder")
        folder, labels = folder.parent, folder.name
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    files = files_of(folder)
    files.say_what_is_left_out()
    lines = labelled(files, labels)
    if not lines.names:
        raise DataError(
            f"{folder}: holds neither images nor one of {', '.join((*LABEL_FILES, *PADDLE_LISTS, PAIRS, ALL_TEXTS))}"
        )
    if labels is None and all(text is None for text in lines.texts):
        warn_of_lists_above(files)
    return Contents(lines.names, lines.texts, FilesFetch(folder, tuple(lines.files)))


def labelled(files: Files, labels: str | None = None) -> Labelled:
    """Return the lines of a place with their labels, by what names them there; raises `DataError` for a choice."""
    chosen = [labels] if labels is not None else known_labels(files)
    candidates = [] if chosen else search(files)
    chosen = chosen or [each.name for each in candidates if not each.problem]
    if len(chosen) > 1:
        raise DataError(f"{files.place}: holds {' and '.join(chosen)}; name the one to use (labels: {chosen[0]})")
    if not chosen and (broken := next((each for each in candidates if each.broken), None)):
        raise DataError(broken.problem)
    if not chosen:
        lines = Labelled(files.images, files.images, [None] * len(files.images))
    elif chosen[0].startswith("*"):
        lines = Labelled(files.images, files.images, read_pairs(files, chosen[0].removeprefix("*").lower()))
    else:
        lines = _listed(files, chosen[0])
    if labels is None and (None in lines.texts or len(lines.files) < len(files.images)):
        warn_of_unused(files, [each for each in candidates or search(files, chosen) if each.name not in chosen])
    return lines


def _listed(files: Files, file: str) -> Labelled:
    rows = read_label_file(files, file).rows
    where = files.where(file)
    if not rows:
        raise DataError(f"{where}: has no rows")
    if any(are_boxes(row.text or "") for row in rows):
        read = (
            "unpack the tar, or copy the folder here,"
            if files.elsewhere
            else "name the file as the path of a source of kind pages"
        )
        raise DataError(f"{where}: lists boxes on pages, not texts of lines; {read}")
    base = _base(files, posixpath.dirname(file), rows)
    found = [files.index.find(row.name, base) for row in rows]
    _check_named_once(rows, found)
    missing = [row.name for row, one in zip(rows, found, strict=True) if one is None]
    if missing:
        raise DataError(
            f"{where}: {len(missing)} of {len(rows)} images cannot be found, the first: {first_of(missing)}; "
            "add them or take their rows out"
        )
    present = [one for one in found if one is not None]
    if (unnamed := set(files.images) - set(present)) and (unused := len(unnamed - _named_elsewhere(files, file))):
        others = counted(unused, "other in the folder is", "others in the folder are")
        log.warning("%s: names %s; %s not used: %s", where, counted(len(rows), "image"), others, HOW_UNLABELLED)
    return Labelled(_names(rows, present, base), present, read_texts(file, where, rows))


def _named_elsewhere(files: Files, file: str) -> set[str]:
    """The images that other label files name: in PaddleOCR's layout those of the test lie beside those of the train."""
    named: set[str] = set()
    for other in known_labels(files):
        if other == file or other.startswith("*"):
            continue
        try:
            rows = read_label_file(files, other).rows
        except DataError:
            continue  # whoever opens it is told
        base = _base(files, posixpath.dirname(other), rows) if rows else ""
        named.update(found for row in rows if (found := files.index.find(row.name, base)) is not None)
    return named


def _base(files: Files, own: str, rows: Sequence[Row]) -> str:
    """The folder that names start from: the label file's, docTR's `images`, or the only one that has all of them."""
    own = "" if own.startswith(("/", "..")) else own
    first = rows[0].name
    as_doctr = posixpath.join(own, AS_DOCTR)
    for base in (own, as_doctr):
        there = base == own or any(name.startswith(f"{base}/") for name in files.names)
        if there and files.index.find(first, base) is not None:
            return base
    end = "/" + first.replace("\\", "/")
    bases = [name.removesuffix(end) for name in files.names if name.endswith(end)]
    fitting = [base for base in bases if all(files.index.find(row.name, base) is not None for row in rows)]
    return fitting[0] if len(fitting) == 1 else own


def _names(rows: Sequence[Row], found: Sequence[str], base: str) -> list[str]:
    """Images as the rows name them, where that is their path in the folder or in docTR's; else as files are named."""
    begin = f"{AS_DOCTR}/" if base == AS_DOCTR else ""

    def is_path_of(written: str, file: str) -> bool:
        return lies_inside(written) and begin + posixpath.normpath(written) == file

    return [row.name if is_path_of(row.name, one) else one for row, one in zip(rows, found, strict=True)]


def _check_named_once(rows: Sequence[Row], found: Sequence[str | None]) -> None:
    seen: dict[str, Row] = {}
    for row, one in zip(rows, found, strict=True):
        if one is None and not lies_inside(row.name):
            raise DataError(f"{row.where}: {row.name!r} lies outside the folder")
        first = seen.setdefault(posixpath.normpath(row.name) if one is None else one, row)
        if first is not row:
            raise DataError(f"{row.where}: {row.name} is named twice, first at {first.where}; keep one of the rows")
