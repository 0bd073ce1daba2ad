"""Images that a command is to read, and where it writes what it read."""

from __future__ import annotations

import argparse
import glob
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from distill.commands import UNWRITABLE
from distill.data.formats.listing import images_below
from students.errors import DataError

Found = tuple[Path, Path]  # an image, and the folder that was named for it


def found_images(given: Sequence[str], also: Sequence[str] = ()) -> tuple[list[Found], int]:
    """Return every image once, in the order given, those of a folder or glob sorted; and how many words mean none.

    Of a folder, files that end in one of `also`, in small letters, are taken as well. Raises `DataError` where there
    are none at all.
    """
    found: dict[str, Found] = {}
    empty = 0
    for word in given:
        path = Path(word)
        if path.is_dir():
            some = [path / name for name in images_below(path, also)]
        elif not path.exists() and glob.has_magic(word):
            some = sorted(p for p in map(Path, glob.glob(word, recursive=True)) if p.is_file())
        else:
            some = [path]
        if not some:
            empty += 1
            say(f"{word}: no images there")
        for image in some:
            found.setdefault(os.path.abspath(image), (image, path if path.is_dir() else image.parent))
    if not found:
        raise DataError("no images to read")
    return list(found.values()), empty


def form_of(options: argparse.Namespace, forms: Sequence[str]) -> str:
    """Return the form that is asked for, the first without any; raises `DataError` for one that does not exist here."""
    if options.to is not None and options.to not in forms:
        raise DataError(f"--to {options.to}: {'pages' if options.pages else 'lines'} are written as {', '.join(forms)}")
    return options.to or forms[0]


def opened(path: Path) -> TextIO:
    """Open a file to write; names of files that are no text do not end a command."""
    return path.open("w", encoding="utf-8", errors=UNWRITABLE, newline="")


def say(message: str) -> None:
    """Tell the user something that is no result."""
    print(f"distill: {message}", file=sys.stderr)
