"""Small sources of lines that tests write and open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import TypeAdapter

from distill.data.formats.opening import open_source
from distill.data.lines import Lines, Refusal
from distill.data.sources import FileSource
from students.image import Preparation
from tests.samples import png_bytes

SOURCES: TypeAdapter[FileSource] = TypeAdapter(FileSource)


def opened(root: Path, **source: Any) -> tuple[Lines, list[Refusal]]:
    """The lines of a source below `root`, and those that are refused."""
    return open_source(SOURCES.validate_python({"name": "mine", **source}), root, root / "cache", Preparation())


def parquet(path: Path, rows: list[dict[str, Any]]) -> Path:
    """A Parquet file of these rows."""
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def row(text: str | None, name: str = "001_a.png", data: bytes | None = None) -> dict[str, Any]:
    """A line as a row of such a file."""
    return {"image": {"bytes": data or png_bytes(), "path": name}, "text": text}


def many(names: list[str], texts: list[str | None], root: Path) -> Lines:
    """Lines of these names and texts, each with a picture of its own."""
    rows = [row(text, name, png_bytes(seed=i)) for i, (name, text) in enumerate(zip(names, texts, strict=True))]
    parquet(root / "many.parquet", rows)
    return opened(root, kind="parquet", path="many.parquet")[0]
