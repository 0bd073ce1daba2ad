"""A column of Arrow files that stays on disk: values are read where they are used.

To another process goes the name of the files, not what is in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from distill.data.formats.contents import bytes_of
from students.errors import DataError

SCHEMA = pa.schema([("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])), ("text", pa.string())])


@dataclass(frozen=True)
class Column:
    """The values at `path`, a column and the fields within it, of `files` one behind the other, as they were mapped."""

    values: pa.ChunkedArray
    path: tuple[str, ...] = ()
    files: tuple[str, ...] = ()  # none: the values are in memory alone

    def __getitem__(self, row: int) -> Any:
        return self.values[row].as_py()

    def __reduce__(self) -> tuple[Any, ...]:
        if self.files and len(mapped(self.files, self.path).values) == len(self.values):  # not so for part of a file
            return mapped, (self.files, self.path)
        return Column, (self.values, self.path)


def mapped(files: Sequence[str], path: Sequence[str]) -> Column:
    """Return the column at `path` of Arrow files, nothing of it read yet."""
    values = pa.concat_tables([arrow_table(file).select([path[0]]) for file in files]).column(0)
    for name in path[1:]:
        values = pc.struct_field(values, name)
    return Column(values, tuple(path), tuple(files))


def arrow_table(file: str) -> pa.Table:
    """Map an Arrow file, IPC stream or IPC file, into memory."""
    source = pa.memory_map(file)
    try:
        return pa.ipc.open_stream(source).read_all()
    except pa.ArrowInvalid:
        source.seek(0)
        return pa.ipc.open_file(source).read_all()


@dataclass(frozen=True)
class ColumnFetch:
    """Image bytes of a row of a column."""

    data: Column

    def __call__(self, row: int) -> bytes:
        value = self.data[row]
        if value is None:
            raise DataError("holds no image bytes")
        try:
            return bytes(value)
        except ValueError as error:  # a list of numbers may hold others than those of bytes
            raise DataError(f"its image is no list of bytes: {error}") from error


@dataclass(frozen=True)
class PathsFetch:
    """Image bytes of a row, those of the column `data` where it has them, or else of a file of `folder`.

    `files` are relative names by row; a row with a message in `missing` is refused.
    """

    data: ColumnFetch | None
    folder: Path
    files: Mapping[int, str]
    missing: Mapping[int, str]

    def __call__(self, row: int) -> bytes:
        if reason := self.missing.get(row):
            raise DataError(reason)
        if file := self.files.get(row):
            return bytes_of(self.folder / file)
        if self.data is None:
            raise DataError("names no image")
        return self.data(row)
