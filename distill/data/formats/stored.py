"""Sources in a store: Parquet by row groups, tars by the places of their members, folders object by object."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from distill.data.columns import Column, ColumnFetch
from distill.data.formats.contents import Contents
from distill.data.formats.folder import labelled
from distill.data.formats.label_files import SUFFIXES
from distill.data.formats.label_search import known_labels
from distill.data.formats.listing import Files, is_hidden
from distill.data.formats.parts import of_one_split
from distill.data.formats.shards import open_tars
from distill.data.formats.stores import Stored, StoreError, below, parts_in_store, versions_of
from distill.data.formats.tables import contents_of, images_in
from distill.data.sources import FileSource, FolderSource, ParquetSource, WebDatasetSource
from students.errors import DataError

READ_FROM_STORES = "parquet, webdataset (tar) and folder"


def open_stored(source: FileSource) -> Contents:
    """Open the lines of a source whose path is the address of a store; raises `DataError`, also for other formats."""
    match source:
        case ParquetSource():
            return _open_parquet(source.path)
        case WebDatasetSource():
            parts = _parts(source.path, ".tar")
            return replace(open_tars(source.path, parts), version=versions_of(parts))
        case FolderSource():
            return _open_folder(source.path, source.labels)
        case _:
            raise DataError(
                f"{source.path}: {source.kind} cannot be read from a store; {READ_FROM_STORES} can; copy it here first"
            )


def kind_in_store(url: str) -> str:
    """Return the kind of source that an address in a store means; raises `DataError` where it could be several."""
    suffix = PurePosixPath(url).suffix.lower()
    if suffix in SUFFIXES:
        return "folder"
    kinds = {".parquet": "parquet", ".tar": "webdataset"}
    if suffix in kinds:
        return kinds[suffix]
    there = (
        {part.suffix for part in parts_in_store(url)} if "*" in url else {Stored(name).suffix for name in below(url)}
    )
    found = sorted(there & set(kinds))
    if len(found) > 1:
        raise DataError(f"{url}: holds {' and '.join(f'*{each}' for each in found)}; name one of them, or the format")
    return kinds[found[0]] if found else "folder"


def _parts(url: str, suffix: str) -> list[Stored]:
    parts = [part for part in parts_in_store(url) if part.suffix == suffix and not is_hidden(part.name)]
    if not parts:
        raise DataError(f"{url}: holds no object *{suffix}")
    return of_one_split(url, parts)


@dataclass(frozen=True)
class GroupsFetch:
    """Image bytes of a row of Parquet objects: the row group that it lies in is read, and kept until another is."""

    parts: tuple[Stored, ...]
    groups: tuple[tuple[int, int], ...]  # of each row group the number of its object, and its own in there
    starts: tuple[int, ...]  # its first row among those of all objects

    def __call__(self, row: int) -> bytes:
        i = bisect_right(self.starts, row) - 1
        part, group = self.groups[i]
        return ColumnFetch(Column(_images_of(self.parts[part], group)))(row - self.starts[i])


def _open_parquet(url: str) -> Contents:
    """Open a Parquet object, or those of a folder in the order of their names: texts are read now, images later."""
    parts = _parts(url, ".parquet")
    names: list[str] = []
    texts: list[str | None] = []
    groups: list[tuple[int, int]] = []
    starts: list[int] = []
    for number, part in enumerate(parts):
        for group, (paths, of_group) in enumerate(_names_and_texts(part)):
            groups.append((number, group))
            starts.append(len(texts))
            names += [str(path) if path else f"{row:06d}" for row, path in enumerate(paths, len(texts))]
            texts += of_group
    return Contents(names, texts, GroupsFetch(tuple(parts), tuple(groups), tuple(starts)), versions_of(parts))


def _names_and_texts(part: Stored) -> list[tuple[list[str | None], list[str | None]]]:
    """The paths and the texts of each row group; its images are not read."""
    try:
        file = _parquet(part)
        contents_of(file.schema_arrow.empty_table(), part)  # refuses other columns
        if _leaf(file) is None:
            raise DataError(f"{part}: the column image names files; in a store it must hold their bytes")
        columns = ["text", "image.path"] if _has_paths(file) else ["text"]
        tables = [file.read_row_group(group, columns=columns) for group in range(file.num_row_groups)]
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{part}: cannot be opened: {(str(error).splitlines() or [''])[0]}") from error
    return [
        (
            pc.struct_field(table.column("image"), "path").to_pylist() if len(columns) > 1 else [None] * len(table),
            table.column("text").to_pylist(),
        )
        for table in tables
    ]


@lru_cache(maxsize=16)
def _parquet(part: Stored) -> pq.ParquetFile:
    return pq.ParquetFile(part.open(), page_checksum_verification=True)


@lru_cache(maxsize=2)
def _images_of(part: Stored, group: int) -> pa.ChunkedArray:
    """The images of one row group; one that cannot be read is no fault of a line."""
    file = _parquet(part)
    try:
        images = images_in(file.read_row_group(group, columns=[str(_leaf(file))]).column("image"))[0]
    except (pa.ArrowException, OSError) as error:
        raise StoreError(f"{part}: row group {group} cannot be read: {error}; write the object anew") from error
    assert images is not None
    return images


def _leaf(file: pq.ParquetFile) -> str | None:
    """The column of image bytes as Parquet names it; None: images are names of files."""
    kind = file.schema_arrow.field("image").type
    data, place, _ = images_in(pa.chunked_array([], kind))
    return None if data is None else ".".join(place)


def _has_paths(file: pq.ParquetFile) -> bool:
    kind: Any = file.schema_arrow.field("image").type
    return bool(pa.types.is_struct(kind)) and any(field.name == "path" for field in kind)


@dataclass(frozen=True)
class ObjectsFetch:
    """Image bytes of an object a row."""

    objects: tuple[Stored, ...]

    def __call__(self, row: int) -> bytes:
        return self.objects[row].head()


def _open_folder(url: str, labels: str | None) -> Contents:
    """Open the lines of a folder of objects, or of a label file whose images lie in its folder or below."""
    if PurePosixPath(url).suffix.lower() in SUFFIXES:
        url, _, labels = url.rpartition("/")
    objects = below(url)
    visible = tuple(name for name in objects if not is_hidden(name))
    files = Files(Stored(url), visible, lambda name, n_bytes: objects[name].head(n_bytes), elsewhere=True)
    files.say_what_is_left_out()
    if labels is not None and labels not in objects:
        known = ", ".join(known_labels(files)) or "none"
        raise DataError(f"{url}: has no label file {labels}; label files there: {known}")
    lines = labelled(files, labels)
    found = tuple(objects[name] for name in lines.files)
    return Contents(lines.names, lines.texts, ObjectsFetch(found), versions_of(found))
