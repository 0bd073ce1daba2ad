"""The document that a line belongs to, by its name."""

from __future__ import annotations

import re

from students.errors import DataError


def document_of(pattern: re.Pattern[str], line: str, part: str = "cut", needed: bool = False) -> str | None:
    """Return what the first group of the expression finds in a name; raises `DataError` for nothing if `needed`."""
    found = pattern.search(line)
    document = found.group(min(1, pattern.groups)) if found else None
    if document is None and needed:
        raise DataError(f"{part}: {pattern.pattern!r} finds no document in the name {line!r}")
    return document
