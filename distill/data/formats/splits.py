"""The parts of a set that names tell: lists, tables, tars or folders of training, validation and test."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

from distill.data.formats.contents import is_picture
from distill.data.formats.label_files import SUFFIXES
from distill.data.formats.label_search import lists_images
from distill.data.formats.listing import files_of, is_hidden
from distill.data.formats.marking import marks_pages
from distill.data.formats.parts import SPLIT_OF, pattern_of, splits_of
from students.errors import DataError

log = logging.getLogger(__name__)

TABLES = (".parquet", ".arrow", ".tar")
ORDER = ("train", "validation", "test")


def splits_at(folder: Path) -> dict[str, Path]:
    """Return where each part of the set in a folder lies, train, validation and test by name; {} where it is no set.

    Tables and tars of several splits are parts of a set, then lists of images, then folders. A part of several files is
    a pattern. Raises `DataError` where two lists or folders are one part.
    """
    if not folder.is_dir():
        return {}
    there = sorted(path for path in folder.iterdir() if not is_hidden(path.name))
    files = [path for path in there if path.is_file()]
    found = _tables(files) or _lists(folder, files) or _folders(there)
    return {part: found[part] for part in ORDER if part in found}


def _tables(files: list[Path]) -> dict[str, Path]:
    for suffix in TABLES:
        of_kind = [path for path in files if path.suffix.lower() == suffix]
        splits = splits_of(of_kind)
        if len(splits) > 1:
            return {part: some[0].parent / pattern_of(some, of_kind) for part, some in splits.items()}
    return {}


def _lists(folder: Path, files: list[Path]) -> dict[str, Path]:
    """Lists of line images, or of boxes on pages, whose names tell parts: `rec_gt_train.txt`, `val.csv`."""
    named = {path.name: path for path in files if path.suffix.lower() in SUFFIXES}
    if len(splits_of(list(named.values()))) < 2:
        return {}
    listed = files_of(folder)
    lists = [path for name, path in named.items() if marks_pages(path) or lists_images(listed, name)]
    splits = splits_of(lists)
    return _of_each(splits) if len(splits) > 1 else {}


def _folders(there: list[Path]) -> dict[str, Path]:
    if any(is_picture(path.name) or (path.suffix.lower() == ".json" and marks_pages(path)) for path in there):
        return {}
    folders = [path for path in there if path.is_dir()]
    splits: dict[str, list[Path]] = {}
    for path in folders:
        if part := SPLIT_OF.get(path.name.lower()):
            splits.setdefault(part, []).append(path)
    found = _of_each(splits)
    others = [path for path in folders if path not in found.values() and next(_pictures(path), None)]
    if found and others:
        looked, passed = (", ".join(sorted(path.name for path in some)) for some in (found.values(), others))
        log.warning("%s: %s are taken as the parts of a set; not used: %s", others[0].parent, looked, passed)
    return found


def _pictures(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if is_picture(path.name) and not is_hidden(path.name))


def _of_each(splits: Mapping[str, list[Path]]) -> dict[str, Path]:
    for part, some in splits.items():
        if len(some) > 1:
            names = " and ".join(path.name for path in some)
            raise DataError(f"{some[0].parent}: {names} are both {part} by their names; name the one that is meant")
    return {part: some[0] for part, some in splits.items()}
