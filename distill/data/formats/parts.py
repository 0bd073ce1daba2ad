"""The files of a folder that are one source together: parts of a table, or tars, of one split."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from itertools import takewhile
from pathlib import Path, PurePath
from typing import TypeVar

from distill.data.formats.listing import is_hidden
from distill.data.formats.stores import Stored
from students.errors import DataError

Part = TypeVar("Part", Path, Stored)
NUMBERED = re.compile(r"(?P<split>.+)-\d{5}-of-\d{5}")  # as `datasets` and the hub name them
SPLIT_OF = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation"), "test"),
}


def parts_of(path: Path, suffix: str) -> list[Path]:
    """Return a file, or the files of a folder or a pattern (`train-*`) with this suffix, in the order of their names.

    Raises `DataError` where they belong to several splits: `train-*` and `test-*` are not one source.
    """
    if path.is_file():
        return [path]
    folder, pattern = (path, "*") if path.is_dir() else (path.parent, path.name)
    parts = sorted(p for p in folder.glob(pattern) if _is_part(p, suffix))
    if not parts:
        raise DataError(f"{path}: holds no file *{suffix}")
    return of_one_split(path, parts)


def of_one_split(place: object, parts: list[Part]) -> list[Part]:
    """Return the parts of a place as they are; raises `DataError` where their names tell several splits."""
    splits = splits_of(parts)
    if len(splits) > 1:
        names = ", ".join(f"{split} ({len(some)})" for split, some in splits.items())
        first = next(iter(splits.values()))
        one = str(first[0]).removesuffix(first[0].name) + pattern_of(first, parts)
        raise DataError(f"{place}: holds files of several splits: {names}; name one of them, as in path: {one}")
    return parts


def _is_part(path: Path, suffix: str) -> bool:
    return path.suffix.lower() == suffix and path.is_file() and not is_hidden(path.name)


def is_there(path: Path) -> bool:
    """Return whether there is a file, a folder, or a file of this pattern."""
    return path.exists() or ("*" in path.name and next(path.parent.glob(path.name), None) is not None)


def expect_named_once(places: Iterable[str]) -> None:
    """Raise `DataError` for a place among several that is named twice: its lines would count twice."""
    seen = set[str]()
    for place in places:
        real = place if "://" in place else os.path.realpath(place)
        if real in seen:
            raise DataError(f"{place}: is named twice, and what lies there would count twice; name it once")
        seen.add(real)


def expect_there(places: Sequence[str]) -> None:
    """Raise `DataError` for the first of several places where nothing lies, or for one that is named twice.

    So it is told before those before it are opened.
    """
    expect_named_once(places)
    for place in places:
        if not is_there(Path(place)):
            raise DataError(f"{place}: no such file or folder")


def splits_of(parts: Sequence[Part]) -> dict[str, list[Part]]:
    """Return the files of each split that their names tell; those that tell none are left out."""
    splits: dict[str, list[Part]] = {}
    for part in parts:
        if numbered := NUMBERED.fullmatch(part.stem):
            split = SPLIT_OF.get(numbered["split"].lower(), numbered["split"])
        else:
            words = (word.removesuffix("set") for word in re.split(r"[\W\d_]+", part.stem.lower()))
            split = next((SPLIT_OF[word] for word in words if word in SPLIT_OF), "")
        if split:
            splits.setdefault(split, []).append(part)
    return splits


def pattern_of(some: Sequence[Part], parts: Sequence[Part]) -> str:
    """Return a pattern that the names of `some` of the parts have and no other; the first name where there is none."""
    names = {part.name for part in some}
    if len(names) == 1:
        return min(names)
    letters = zip(*names, strict=False)
    begin = "".join(some[0] for some in takewhile(lambda some: len(set(some)) == 1, letters))
    pattern = begin.rstrip("0123456789") + "*"
    return pattern if {part.name for part in parts if PurePath(part.name).match(pattern)} == names else min(names)
