"""What a log of barriers says of the order of writing, flushing and renaming."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath


def renamed_before_flushed(log: Sequence[str]) -> list[tuple[str, str]]:
    """Return for each renaming of the log its phase, and what was not on disk at that time; empty where all was.

    A file is on disk that was flushed after it was last opened for writing; a folder, once everything in it is. The
    folder that holds the name has to be flushed before the next renaming in it.
    """
    return list(_renamings([line.split("\t") for line in log]))


def _renamings(log: Sequence[Sequence[str]]) -> Iterator[tuple[str, str]]:
    dirty: set[str] = set()
    for position, (phase, what, _) in enumerate(log):
        operation, _, path = what.partition(" ")
        if operation == "open":
            dirty.add(path)
        elif operation == "fsync":
            dirty.discard(path)
        elif operation == "rename":
            name = PurePosixPath(path)
            written = {each for each in dirty if _becomes(each, name)}
            later = [each[1] for each in log[position + 1 :]]
            named = next((i for i, each in enumerate(later) if each == f"fsync {name.parent}"), None)
            problem = f"{path}: has its name before {sorted(written)} is on disk" if written else ""
            if named is None:
                problem = f"{path}: the folder that holds its name is never flushed"
            dirty -= written
            yield phase, problem


def _becomes(path: str, name: PurePosixPath) -> bool:
    """Whether a file is what gets a name: a hidden file beside it, or one within a hidden folder beside it."""
    beside = re.compile(re.escape(f"{name.parent}/") + r"\." + re.escape(name.name) + r"(\.[^/]*)?(/.*)?")
    return bool(beside.fullmatch(path))
