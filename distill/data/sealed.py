"""Arrow files of a cache, with the SHA-256 of their bytes behind them: a damaged one is made anew, not read.

The digest stands behind the end of the Arrow stream, where readers stop. Caches of earlier versions have none.
"""

from __future__ import annotations

import hashlib
import logging
import mmap
from functools import lru_cache
from pathlib import Path

import pyarrow as pa

SEAL = b"sha256:"
LENGTH = len(SEAL) + 64
END_OF_STREAM = b"\xff\xff\xff\xff\x00\x00\x00\x00"
log = logging.getLogger(__name__)


def sealed(table: pa.Table) -> bytes:
    """Return an Arrow stream of a table, with its digest behind it."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    stream: bytes = sink.getvalue().to_pybytes()
    return stream + SEAL + hashlib.sha256(stream).hexdigest().encode()


def is_whole(path: Path) -> bool:
    """Return whether a file is there and holds what was written; False with a warning for a damaged one.

    A file is read once in a process, unless it changes.
    """
    try:
        known = path.stat()
    except FileNotFoundError:
        return False
    problem = _problem(path, known.st_mtime_ns, known.st_size)
    if problem:
        log.warning("%s: %s; it is made anew", path, problem)
    return not problem


@lru_cache(maxsize=4096)
def _problem(path: Path, _: int, size: int) -> str:
    """Why a file cannot be trusted; empty if it can."""
    if size < len(END_OF_STREAM):
        return "the cache was cut short"
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        seal = data[-LENGTH:]
        if seal.startswith(SEAL):
            with memoryview(data) as view, view[:-LENGTH] as stream:
                whole = hashlib.sha256(stream).hexdigest().encode() == seal[len(SEAL) :]
            return "" if whole else "the cache was altered"
        return "" if seal.endswith(END_OF_STREAM) else "the cache was cut short"
