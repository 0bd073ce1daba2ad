"""LMDB as scene-text recognition keeps it: `num-samples`, `image-%09d`, `label-%09d`, numbered from 1.

`path-%09d`, where it is there, holds the name of a line; other programs ignore it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import lmdb

from distill.data.formats.contents import Contents, first_of, text_of
from students.errors import DataError

DATA_FILE = "data.mdb"
COUNT = b"num-samples"
MOST_DIGITS = 9  # as the keys have


def image_key(number: int) -> bytes:
    """Return the key of the image of line `number`, counted from 1."""
    return b"image-%09d" % number


def label_key(number: int) -> bytes:
    """Return the key of the label of line `number`, counted from 1."""
    return b"label-%09d" % number


def path_key(number: int) -> bytes:
    """Return the key of the name of line `number`, counted from 1."""
    return b"path-%09d" % number


def open_lmdb(path: Path) -> Contents:
    """Open an LMDB: names and texts are read, images stay in the memory map."""
    try:
        return _opened(path)
    except lmdb.Error as error:
        raise DataError(f"{path}: damaged ({error}); fetch or convert it anew") from error


def _opened(path: Path) -> Contents:
    with _environment(*_identity(path)).begin() as transaction:
        count = transaction.get(COUNT)
        if count is None:
            raise DataError(f"{path}: has no key num-samples; it is not a scene-text LMDB")
        if not count.isdigit():
            raise DataError(f"{path}: num-samples is {count[:20]!r}, not a number")
        n_keys = transaction.stat()["entries"]
        if len(count) > MOST_DIGITS or int(count) > n_keys:
            raise DataError(f"{path}: num-samples is {count[:20].decode()}, but it holds {n_keys} keys")
        cursor = transaction.cursor()
        names, texts, missing = [], [], []
        for number in range(1, int(count) + 1):
            label = transaction.get(label_key(number))
            missing += [label_key(number).decode()] if label is None else []
            missing += [] if cursor.set_key(image_key(number)) else [image_key(number).decode()]
            name = transaction.get(path_key(number))
            names.append(f"{number:09d}" if name is None else text_of(name, f"{path}: path-{number:09d}"))
            texts.append(text_of(label or b"", f"{path}: label-{number:09d}"))
    if missing:
        raise DataError(f"{path}: {len(missing)} keys of {int(count)} samples are missing: {first_of(missing)}")
    return Contents(names, texts, LmdbFetch(path))


@dataclass(frozen=True)
class LmdbFetch:
    """Image bytes of a row. Only the path travels to another process, which opens the file for itself."""

    path: Path

    def __call__(self, row: int) -> bytes:
        try:
            with _environment(*_identity(self.path)).begin() as transaction:
                image = transaction.get(image_key(row + 1))
        except lmdb.Error as error:
            raise DataError(f"{self.path}: {image_key(row + 1).decode()} is damaged ({error})") from error
        if image is None:
            raise DataError(f"{self.path}: {image_key(row + 1).decode()} went missing")
        return bytes(image)


def _identity(path: Path) -> tuple[str, int]:
    """A path, and the file that is there now: another may take its place."""
    try:
        return str(path), (path / DATA_FILE if path.is_dir() else path).stat().st_ino
    except OSError as error:
        raise DataError(f"{path}: not an LMDB: {DATA_FILE}: {error.strerror or error}") from error


@cache
def _environment(path: str, _inode: int) -> lmdb.Environment:
    """The one environment that a process may have of a file."""
    file = os.path.join(path, DATA_FILE) if os.path.isdir(path) else path
    try:
        environment = lmdb.open(file, subdir=False, readonly=True, lock=False, readahead=False, create=False)
    except lmdb.Error as error:
        raise DataError(f"{path}: not an LMDB: {str(error).rpartition(': ')[2]}") from error
    n_bytes = (environment.info()["last_pgno"] + 1) * environment.stat()["psize"]
    if os.path.getsize(file) < n_bytes:  # reading behind the end of a memory map ends the process
        environment.close()
        raise DataError(f"{path}: cut short: {os.path.getsize(file):,} of {n_bytes:,} bytes; copy it anew")
    return environment


if hasattr(os, "register_at_fork"):  # an environment must not be used by a forked process
    os.register_at_fork(after_in_child=_environment.cache_clear)
