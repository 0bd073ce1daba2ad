"""A column of Arrow files that stays on disk: values are read where they are used.

To another process goes the name of the files, not what is in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc


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
    """The column at `path` of Arrow stream files, nothing of it read yet."""
    tables = [pa.ipc.open_stream(pa.memory_map(file)).read_all() for file in files]
    values = pa.concat_tables([table.select([path[0]]) for table in tables]).column(0)
    for name in path[1:]:
        values = pc.struct_field(values, name)
    return Column(values, tuple(path), tuple(files))
