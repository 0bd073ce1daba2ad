"""LMDB as scene-text recognition keeps it: `num-samples`, `image-%09d`, `label-%09d`, numbered from 1.

`path-%09d`, where it is there, holds the name of a line; other programs ignore it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import lmdb

from distill.data.formats.contents import Contents, first_of, text_of
from students.errors import DataError

log = logging.getLogger(__name__)

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
    """Open an LMDB: names and texts are read, images stay in the memory map.

    Raises `DataError` for a damaged one.
    """
    try:
        return _opened(path)
    except lmdb.Error as error:
        raise DataError(f"{path}: damaged ({error}); fetch or convert it anew") from error


def _opened(path: Path) -> Contents:
    with _environment(*_identity(path)).begin() as transaction:
        count = transaction.get(COUNT)
        if count is None:
            raise DataError(f"{path}: has no key num-samples; it is not a scene-text LMDB")
        count = count.strip()
        if not count.isdigit():
            raise DataError(f"{path}: num-samples is {count[:20]!r}, not a number")
        n_keys = transaction.stat()["entries"]
        if len(count) > MOST_DIGITS or int(count) > n_keys:
            raise DataError(f"{path}: num-samples is {count[:20].decode()}, but it holds {n_keys} keys")
        cursor = transaction.cursor()
        names: list[str] = []
        labels: list[bytes | None] = []
        missing = []
        for number in range(1, int(count) + 1):
            labels.append(transaction.get(label_key(number)))
            if not cursor.set_key(image_key(number)):
                missing += [
                    key(number).decode() for key in (label_key, image_key) if transaction.get(key(number)) is None
                ]
            name = transaction.get(path_key(number))
            names.append(f"{number:09d}" if name is None else _name(name, f"{path}: path-{number:09d}"))
    if missing:
        raise DataError(f"{path}: {len(missing)} keys of {int(count)} samples are missing: {first_of(missing)}")
    texts, unreadable = _texts(path, labels)
    return Contents(names, texts, LmdbFetch(path, unreadable))


def _name(name: bytes, where: str) -> str:
    """A name as it was written: nothing that it begins with is a byte order mark."""
    try:
        return name.decode()
    except UnicodeDecodeError as error:
        raise DataError(f"{where}: not UTF-8 text (byte {error.start})") from error


def _texts(path: Path, labels: Sequence[bytes | None]) -> tuple[list[str | None], dict[int, str]]:
    """The texts of labels, None where there is none, and what is wrong with the rows whose label cannot be read.

    Without any label key the samples are unlabelled; where only some are missing, those are named.
    """
    texts: list[str | None] = []
    unreadable: dict[int, str] = {}
    begin = f"{path}: label-"
    for row, label in enumerate(labels):
        text = None if label is None else _text_or_error(label, f"{begin}{row + 1:09d}")
        if isinstance(text, DataError):
            unreadable[row] = str(text)
        texts.append(None if isinstance(text, DataError) else text)
    missing = [label_key(row + 1).decode() for row, label in enumerate(labels) if label is None]
    if missing and len(missing) < len(labels):
        log.warning(
            "%s: %d of %d labels are missing, and their lines unlabelled: %s",
            path,
            len(missing),
            len(labels),
            first_of(missing),
        )
    return texts, unreadable


def _text_or_error(label: bytes, where: str) -> str | DataError:
    try:
        return text_of(label, where)
    except DataError as error:
        return error


@dataclass(frozen=True)
class LmdbFetch:
    """Image bytes of a row. Only the path travels to another process, which opens the file for itself.

    `unreadable` says what is wrong with the label of a row, which is refused.
    """

    path: Path
    unreadable: Mapping[int, str] = field(default_factory=dict)

    def __call__(self, row: int) -> bytes:
        if reason := self.unreadable.get(row):
            raise DataError(reason)
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
