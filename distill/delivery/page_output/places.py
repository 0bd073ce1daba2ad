"""Which file each page is written to: named as its picture is, in folders as it lies in; nothing is replaced."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from distill.data.formats.contents import first_of
from students.errors import DataError


def places_of(images: Sequence[tuple[Path, Path]], folder: Path, suffix: str) -> dict[Path, Path]:
    """Return the file to write of every image, given with the folder that was named for it.

    Images that differ in their suffix alone keep it: `a.png` and `a.jpg` become `a.png.xml` and `a.jpg.xml`. Raises
    `DataError` where two of them would still be written to one file, or one to itself.
    """
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder}: is a file; --out names a folder here")
    names = [image.relative_to(root) if image.is_relative_to(root) else Path(image.name) for image, root in images]
    shared = Counter(_key(name.with_suffix("")) for name in names)
    kept = [name if shared[_key(name.with_suffix(""))] > 1 else name.with_suffix("") for name in names]
    places = {image: folder / name.with_name(name.name + suffix) for (image, _), name in zip(images, kept, strict=True)}
    twice = Counter(_key(place) for place in places.values())
    if both := [str(image) for image, place in places.items() if twice[_key(place)] > 1]:
        raise DataError(f"{folder}: {first_of(both)} would be written to one file; read them one after the other")
    own = next((image for image, place in places.items() if os.path.abspath(place) == os.path.abspath(image)), None)
    if own is not None:
        raise DataError(f"{own}: would be written to itself; name another folder by --out")
    return places


def numbered(place: Path, number: int) -> Path:
    """Return the file of a page of a document, from 1: `scan-0002.xml` of `scan.xml`."""
    return place.with_name(f"{place.stem}-{number:04d}{place.suffix}")


def from_folder(path: Path, folder: Path) -> str:
    """Return the path of a file from a folder, with forward slashes; a whole path where there is none."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive
        return path.resolve().as_posix()


def _key(path: Path) -> str:
    return str(path).casefold()
