"""Tables of the columns `image` (bytes, or bytes and path) and `text`: Parquet, Arrow, `datasets`, the hub."""

from __future__ import annotations

import atexit
import glob
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TypeVar

import datasets
import pyarrow as pa
import pyarrow.compute as pc

from distill.data.columns import Column, ColumnFetch, PathsFetch, arrow_table
from distill.data.formats.contents import Contents
from distill.data.formats.finding import Index
from distill.data.formats.label_tables import FILE_COLUMNS
from distill.data.formats.listing import files_of
from distill.data.formats.parts import parts_of
from distill.data.formats.written import Written, parquet_file, verify
from distill.data.sources import HubSource
from distill.track import progress
from students.errors import DataError
from students.model_file import canonical_json

BASE64 = ("data:", "iVBORw0", "/9j/", "UklGR", "SUkqA", "TU0AK")  # how images begin that were written as text
Loaded = TypeVar("Loaded")


def open_parquet(path: Path) -> Contents:
    """Open a Parquet file, or those of a folder in the order of their names."""
    parts = [str(part) for part in parts_of(path, ".parquet")]

    def load() -> datasets.Dataset:
        for part in parts:
            verify(part)
        files = [glob.escape(part) for part in parts]  # `datasets` takes names for patterns
        return datasets.Dataset.from_parquet(files, cache_dir=_arrow_cache())

    return contents_of(_guarded(path, load), path)


def open_arrow(path: Path) -> Contents:
    """Open an Arrow file (IPC stream or file), or those of a folder in the order of their names; memory-mapped."""
    parts = [str(part) for part in parts_of(path, ".arrow")]

    def load() -> pa.Table:
        table = pa.concat_tables([arrow_table(part) for part in parts])
        table.validate(full=True)  # places in a damaged file may lie outside of it
        return table

    return contents_of(_guarded(path, load), path, parts)


def open_saved(path: Path) -> Contents:
    """Open a folder written by `datasets.Dataset.save_to_disk`."""

    def load() -> datasets.Dataset:
        loaded = datasets.load_from_disk(str(path))
        if not isinstance(loaded, datasets.Dataset):
            raise ValueError(f"holds several splits ({', '.join(loaded)}); name the folder of one")
        loaded.data.validate(full=True)
        return loaded

    return contents_of(_guarded(path, load), path)


def open_hub(source: HubSource, cache_folder: Path) -> Contents:
    """Open a data set of the hub: copied whole by `datasets`, or streamed once into the cache, in the hub's order."""
    name = source.path.removeprefix("hf://")
    if source.streaming:
        return open_parquet(_streamed(source, name, cache_folder))
    table = _guarded(source.path, lambda: datasets.load_dataset(name, split=source.split, revision=source.revision))
    return contents_of(table, source.path)


def _streamed(source: HubSource, name: str, cache_folder: Path) -> Path:
    """The Parquet file of a streamed data set, written whole or not at all."""
    chosen = canonical_json([name, source.split, source.revision, source.first_lines])
    target = cache_folder / f"streamed-{hashlib.sha256(chosen.encode()).hexdigest()[:16]}.parquet"
    if target.is_file():
        return target

    def copy() -> None:
        rows = datasets.load_dataset(name, split=source.split, revision=source.revision, streaming=True)
        if isinstance((rows.features or {}).get("image"), datasets.Image):
            rows = rows.cast_column("image", datasets.Image(decode=False))
        with parquet_file(target) as write, progress(source.path, source.first_lines, "line") as bar:
            for row in rows if source.first_lines is None else rows.take(source.first_lines):
                if missing := _missing(list(row)):
                    raise ValueError(missing)
                image = row["image"] if isinstance(row["image"], dict) else {"bytes": row["image"]}
                write(Written(image["bytes"], image.get("path"), row["text"]))
                bar.update(1)

    _guarded(source.path, copy)
    return target


@cache
def _arrow_cache() -> str:
    """Where `datasets` lays its Arrow copies of Parquet files: it writes paths and locks there, so not into a run."""
    folder = tempfile.mkdtemp(prefix="crnn-distill-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _guarded(where: object, load: Callable[[], Loaded]) -> Loaded:
    """`datasets` raises many kinds of errors; all of them mean that this source cannot be opened."""
    datasets.disable_progress_bars()
    try:
        return load()
    except Exception as error:
        cause = error.__cause__ or error
        reason = (str(cause).splitlines() or [""])[0] or type(cause).__name__
        raise DataError(f"{where}: cannot be opened: {reason}") from error


def _missing(columns: Sequence[str]) -> str:
    """The message about columns that lack image or text; empty if they do not."""
    missing = sorted({"image", "text"} - set(columns))
    return f"has no column {' or '.join(missing)}; it has {', '.join(columns)}" if missing else ""


def contents_of(table: datasets.Dataset | pa.Table, where: object, files: Sequence[str] = ()) -> Contents:
    """Return the lines of a table, that of `files` if it lies in some; raises `DataError` where its columns are others.

    Images are bytes, lists of bytes, or paths; a path is seen from the folder of the table, `where`.
    """
    table = _with_image(table)
    if missing := _missing(table.column_names):
        raise DataError(f"{where}: {missing}")
    if isinstance(table, datasets.Dataset):
        if isinstance(table.features["image"], datasets.Image):
            table = table.cast_column("image", datasets.Image(decode=False))
        table = table.flatten_indices() if table._indices is not None else table
        files, table = [file["filename"] for file in table.cache_files], table.data
    images, texts = table.column("image"), table.column("text")
    if not (_is_text(texts.type) or pa.types.is_null(texts.type)):
        raise DataError(
            f"{where}: the column text holds {texts.type}, not text: where labels look like dates or numbers, the "
            "library that made the table took them for such, and what they looked like is lost; make it of texts "
            "(`datasets`: features of Value('string')), or name the folder of images and its metadata file as a folder"
        )
    data, place, paths = images_in(images)
    if data is not None and not (_is_bytes(data.type) or pa.types.is_null(data.type)):
        raise DataError(f"{where}: the column image holds {data.type}, not image bytes")
    fetch = None if data is None else ColumnFetch(Column(data, place, tuple(files)))
    names = [str(path) if path else f"{row:06d}" for row, path in enumerate(paths)]
    rows = [row for row, path in enumerate(paths) if path] if data is None else _rows_of_null(data)
    if fetch is not None and not rows:
        return Contents(names, texts.to_pylist(), fetch)
    folder, found, lost = _files_of(where, {row: path for row in rows if (path := paths[row])})
    names = [found.get(row, name) for row, name in enumerate(names)]
    return Contents(names, texts.to_pylist(), PathsFetch(fetch, folder, found, lost))


def _with_image(table: datasets.Dataset | pa.Table) -> datasets.Dataset | pa.Table:
    """The table with its column of file names, as `metadata.parquet` of an image folder has it, as the images."""
    columns = table.column_names
    files = [column for column in columns if column in FILE_COLUMNS]
    if "image" in columns or "text" not in columns or len(files) != 1:
        return table
    if isinstance(table, datasets.Dataset):
        return table.rename_column(files[0], "image")
    return table.rename_columns(["image" if column == files[0] else column for column in columns])


def images_in(images: pa.ChunkedArray) -> tuple[pa.ChunkedArray | None, tuple[str, ...], list[str | None]]:
    """Return the column of image bytes and its place in the table, and the paths; None: there are paths alone.

    Raises `DataError` for images as text.
    """
    if _is_text(images.type):
        paths = images.to_pylist()
        if any(path.startswith(BASE64) for path in paths if path):
            raise DataError("the column image holds images as text (base64); write them as bytes")
        return None, (), paths
    fields = {field.name for field in images.type} if pa.types.is_struct(images.type) else set()
    paths = pc.struct_field(images, "path").to_pylist() if "path" in fields else [None] * len(images)
    if "bytes" in fields:
        return pc.struct_field(images, "bytes"), ("image", "bytes"), paths
    return (None, (), paths) if "path" in fields else (images, ("image",), paths)


def _is_text(kind: pa.DataType) -> bool:
    """Whether values are texts, or categories of texts."""
    types = pa.types
    if types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _is_bytes(kind: pa.DataType) -> bool:
    """Whether values are bytes, or lists of numbers that may be bytes."""
    types = pa.types
    if types.is_dictionary(kind):
        return _is_bytes(kind.value_type)
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return bool(types.is_integer(kind.value_type))
    return bool(types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind))


def _rows_of_null(data: pa.ChunkedArray) -> list[int]:
    """The rows without bytes."""
    return pc.indices_nonzero(pc.is_null(data)).to_pylist() if data.null_count else []


def _files_of(where: object, paths: Mapping[int, str]) -> tuple[Path, dict[int, str], dict[int, str]]:
    """The folder of a table, the files in it that paths mean, by row, and what is wrong with those that mean none."""
    table = Path(str(where))
    inside, beside = Index(table, ()), Index(table.parent, ())
    folder = table if table.is_dir() and any(inside.find(path) for path in paths.values()) else table.parent
    index = inside if folder == table else beside
    found = {row: index.find(path) for row, path in paths.items()}
    if None in found.values() and folder.is_dir():  # names may be written otherwise than files
        index = files_of(folder).index
        found |= {row: index.find(paths[row]) for row, file in found.items() if file is None}
    lost = {
        row: f"{paths[row]}: holds no image bytes, and {folder} no such file"
        for row, file in found.items()
        if file is None
    }
    return folder, {row: file for row, file in found.items() if file is not None}, lost
