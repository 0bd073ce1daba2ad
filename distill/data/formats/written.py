"""Lines written to a Parquet file, whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import datasets
import pyarrow as pa
import pyarrow.parquet as pq

from distill.data.columns import SCHEMA
from distill.durable import naming_file
from students.model_file import fsync_folder

CHECKED = b"crnn-distill checksums"  # key in the metadata of a file whose pages have checksums
GROUP_LINES = 1024
GROUP_BYTES = 32 * 2**20


class Written(NamedTuple):
    """One line of a table."""

    image: bytes
    name: str | None
    text: str | None


@contextmanager
def parquet_file(target: Path) -> Iterator[Callable[[Written], None]]:
    """Return a function that adds a line. The file takes its name when all are in; after an error there is none."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.tmp")
    described = datasets.Features({"image": datasets.Image(), "text": datasets.Value("string")}).arrow_schema
    metadata = {**described.metadata, CHECKED: b"pages"}  # the first so that `datasets` and the hub's viewer see images
    schema = SCHEMA.with_metadata(metadata)
    waiting: list[Written] = []
    n_bytes = 0

    def flush() -> None:
        images = [{"bytes": line.image, "path": line.name} for line in waiting]
        writer.write_table(pa.table({"image": images, "text": [line.text for line in waiting]}, schema=schema))
        waiting.clear()

    def add(line: Written) -> None:
        nonlocal n_bytes
        waiting.append(line)
        n_bytes += len(line.image)
        if len(waiting) == GROUP_LINES or n_bytes > GROUP_BYTES:
            flush()
            n_bytes = 0

    try:
        with naming_file(target, temporary):
            with temporary.open("wb") as file:
                with pq.ParquetWriter(file, schema, write_page_checksum=True) as writer:
                    yield add
                    flush()
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    fsync_folder(target.parent)


def verify(path: str) -> None:
    """Read a file that was written here, and raise `OSError` where a page of it is not what was written.

    So are its columns.
    """
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        if CHECKED in (file.schema_arrow.metadata or {}):
            if not file.schema_arrow.equals(SCHEMA):  # its foot has no checksum
                raise OSError("its columns are not those that were written")
            for _ in file.iter_batches(GROUP_LINES):
                pass
