"""One record for a line, whatever its source, and an ordered set of lines whose images stay on disk.

`datasets` opens the sources; afterwards texts and sizes are in memory and image bytes are read from the
memory-mapped Arrow table (or the folder) when a batch needs them. What cannot be used is refused by name.
"""

from __future__ import annotations

import atexit
import hashlib
import re
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from typing_extensions import assert_never

from distill.data.labels import LabelForm, as_label
from distill.data.materialise import materialise
from distill.data.sources import FolderSource, HubSource, ParquetSource, RenderedSource, SavedSource, Source
from students.errors import DataError
from students.image import IMAGE_SUFFIXES, Preparation, decode_image, image_size

LABEL_FILE = "labels.tsv"
HEADING = ("file", "text")
Fetch = Callable[[int], bytes]


@dataclass(frozen=True)
class Line:
    """One line: encoded image and its text (None: unlabelled, "": labelled as empty)."""

    key: str
    image: bytes
    text: str | None
    source: str


@dataclass(frozen=True)
class Refusal:
    """A line that is not used, and why."""

    key: str
    reason: str


@dataclass(frozen=True)
class Lines:
    """An ordered set of lines. `names` are what a source calls them: documents are cut by name."""

    keys: tuple[str, ...]
    names: tuple[str, ...]
    texts: tuple[str | None, ...]
    sources: tuple[str, ...]
    padded_width_px: np.ndarray
    image_digests: tuple[str, ...]
    fetch: Sequence[tuple[Fetch, int]]
    forms: Mapping[str, LabelForm] = field(default_factory=dict)  # of each source; exact where it is not named
    rewritten: frozenset[str] = frozenset()  # keys whose label was not NFC, or lost punctuation to its form
    preparation: Preparation | None = None  # that of the padded widths

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, i: int) -> Line:
        fetch, row = self.fetch[i]
        return Line(self.keys[i], fetch(row), self.texts[i], self.sources[i])

    def form(self, i: int) -> LabelForm:
        """What the label of line `i` tells."""
        return self.forms.get(self.sources[i], "exact")

    def take(self, indices: Sequence[int] | np.ndarray) -> Lines:
        """The lines at `indices`, in that order."""

        def pick(values: Sequence[Any]) -> tuple[Any, ...]:
            return tuple(values[int(i)] for i in indices)

        return Lines(
            pick(self.keys),
            pick(self.names),
            pick(self.texts),
            pick(self.sources),
            self.padded_width_px[np.asarray(indices, np.int64)],
            pick(self.image_digests),
            pick(self.fetch),
            self.forms,
            self.rewritten.intersection(self.keys[int(i)] for i in indices),
            self.preparation,
        )

    def prepared_by(self, preparation: Preparation) -> Lines:
        """The same lines with the padded widths of another preparation."""
        if self.preparation is not None and preparation.pads_like(self.preparation):
            return self
        sizes = (image_size(line.image, line.key) for line in map(self.__getitem__, range(len(self))))
        widths = np.array([preparation.padded_width_px(*size) for size in sizes], np.int64)
        return replace(self, padded_width_px=widths, preparation=preparation)

    def where(self, condition: Callable[[str | None], bool]) -> Lines:
        """The lines whose text fulfils `condition`."""
        return self.take([i for i, text in enumerate(self.texts) if condition(text)])

    def of_sources(self, names: Collection[str] | None) -> Lines:
        """The lines of the named sources; None: of all."""
        if names is None:
            return self
        return self.take([i for i, source in enumerate(self.sources) if source in names])

    @cached_property
    def digest(self) -> str:
        """SHA-256 over keys, texts and image digests, in order, and label forms."""
        sha = hashlib.sha256(repr(sorted((s, self.forms.get(s, "exact")) for s in set(self.sources))).encode())
        for record in zip(self.keys, self.texts, self.image_digests, strict=True):
            sha.update(repr(record).encode())
        return sha.hexdigest()


def joined(parts: Sequence[Lines]) -> Lines:
    """Several sets of lines, one behind the other."""

    def chain(field: str) -> tuple[Any, ...]:
        return tuple(value for part in parts for value in getattr(part, field))

    return Lines(
        chain("keys"),
        chain("names"),
        chain("texts"),
        chain("sources"),
        np.concatenate([p.padded_width_px for p in parts]) if parts else np.zeros(0, np.int64),
        chain("image_digests"),
        chain("fetch"),
        {source: form for part in parts for source, form in part.forms.items()},
        frozenset().union(*(part.rewritten for part in parts)),
        parts[0].preparation if parts else None,
    )


def open_source(
    source: Source, root: Path, cache_folder: Path, preparation: Preparation
) -> tuple[Lines, list[Refusal]]:
    """Open one source and look at every line of it once; what cannot be read is refused by name."""
    names, texts, fetch = _open(source, root, cache_folder, preparation)
    if not names:
        raise DataError(f"source {source.name}: holds no lines")
    if source.drop_labels:
        texts = [None] * len(names)
    return _scan(source, names, texts, fetch, preparation)


def _scan(
    source: Source, names: list[str], texts: list[str | None], fetch: Fetch, preparation: Preparation
) -> tuple[Lines, list[Refusal]]:
    drawn_here = isinstance(source, RenderedSource)
    keys = [f"{source.name}/{name}" for name in names]
    if len(set(keys)) < len(keys):
        keys = [f"{key}#{row}" for row, key in enumerate(keys)]
    kept: list[int] = []
    widths: list[int] = []
    digests: list[str] = []
    refused: list[Refusal] = []
    for row, key in enumerate(keys):
        try:
            data = fetch(row)
            size = image_size(data, key) if drawn_here else decode_image(data, key).shape[:2]
            if preparation.scaled_width_px(*size) > preparation.max_width_px:
                raise DataError(f"{key}: wider than image.max_width_px = {preparation.max_width_px} once scaled")
        except DataError as error:
            refused.append(Refusal(key, str(error)))
            continue
        kept.append(row)
        widths.append(preparation.padded_width_px(*size))
        digests.append(hashlib.blake2b(data, digest_size=16).hexdigest())
    labels = tuple(None if (text := texts[row]) is None else as_label(text, source.label_form) for row in kept)
    lines = Lines(
        tuple(keys[row] for row in kept),
        tuple(names[row] for row in kept),
        labels,
        (source.name,) * len(kept),
        np.asarray(widths, np.int64),
        tuple(digests),
        tuple((fetch, row) for row in kept),
        {source.name: source.label_form},
        frozenset(keys[row] for row, label in zip(kept, labels, strict=True) if label != texts[row]),
        preparation,
    )
    return lines, refused


def _open(
    source: Source, root: Path, cache_folder: Path, preparation: Preparation
) -> tuple[list[str], list[str | None], Fetch]:
    """Names and texts of a source, and a function that fetches the image bytes of a row."""
    match source:
        case FolderSource():
            return _open_folder(root / source.path, source)
        case ParquetSource():
            path = root / source.path
            return _columns(_guarded(path, source, lambda: _read_parquet(path)), source, path)
        case SavedSource():
            path = root / source.path
            return _columns(_guarded(path, source, lambda: _load_saved(path)), source, path)
        case HubSource():
            name = source.path.removeprefix("hf://")
            table = _guarded(source.path, source, lambda: datasets.load_dataset(name, split=source.split))
            return _columns(table, source, source.path)
        case RenderedSource():
            (folder,) = materialise([source], root, preparation.height_px, cache_folder)
            return _columns(_guarded(folder, source, lambda: _read_parts(folder)), source, folder)
        case _:
            assert_never(source)


def _read_parts(folder: Path) -> datasets.Dataset:
    parts = [datasets.Dataset.from_file(str(part)) for part in sorted(folder.glob("part-*.arrow"))]
    return datasets.concatenate_datasets(parts)


def _read_parquet(path: Path) -> datasets.Dataset:
    if not path.is_file():
        raise FileNotFoundError("no such file; set data.root (DATA=...) to the folder that holds it")
    return datasets.Dataset.from_parquet(str(path), cache_dir=_arrow_cache())


@cache
def _arrow_cache() -> str:
    """Where `datasets` lays its Arrow copies of Parquet files: it writes paths and locks there, so not into a run."""
    folder = tempfile.mkdtemp(prefix="crnn-distill-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _load_saved(path: Path) -> datasets.Dataset:
    if not path.is_dir():
        raise FileNotFoundError("no such folder; set data.root (DATA=...) to the folder that holds it")
    loaded = datasets.load_from_disk(str(path))
    if not isinstance(loaded, datasets.Dataset):
        raise ValueError(f"holds several splits ({', '.join(loaded)}); name the folder of one")
    return loaded


def _guarded(where: object, source: Source, load: Callable[[], datasets.Dataset]) -> datasets.Dataset:
    """`datasets` raises many kinds of errors; all of them mean that this source cannot be opened."""
    datasets.disable_progress_bars()
    try:
        return load()
    except Exception as error:
        cause = error.__cause__ or error
        reason = (str(cause).splitlines() or [""])[0] or type(cause).__name__
        raise DataError(f"source {source.name}: {where}: cannot be opened: {reason}") from error


def _columns(table: datasets.Dataset, source: Source, where: object) -> tuple[list[str], list[str | None], Fetch]:
    missing = {"image", "text"} - set(table.column_names)
    if missing:
        raise DataError(
            f"source {source.name}: {where}: has no column {' or '.join(sorted(missing))}; "
            f"it has {', '.join(table.column_names)}"
        )
    if isinstance(table.features["image"], datasets.Image):
        table = table.cast_column("image", datasets.Image(decode=False))
    table = table.flatten_indices() if table._indices is not None else table
    arrow = table.data
    images, texts = arrow.column("image"), arrow.column("text")
    if not (pa.types.is_string(texts.type) or pa.types.is_large_string(texts.type) or pa.types.is_null(texts.type)):
        raise DataError(f"source {source.name}: {where}: the column text holds {texts.type}, not text")
    if pa.types.is_struct(images.type) and {"bytes", "path"} <= {field.name for field in images.type}:
        data, paths = pc.struct_field(images, "bytes"), pc.struct_field(images, "path").to_pylist()
    else:
        data, paths = images, [None] * len(images)
    if not (pa.types.is_binary(data.type) or pa.types.is_large_binary(data.type)):
        raise DataError(f"source {source.name}: {where}: the column image holds {data.type}, not image bytes")
    names = [str(path) if path else f"{row:06d}" for row, path in enumerate(paths)]
    return names, texts.to_pylist(), TableFetch(data, tuple(f"{source.name}/{name}" for name in names))


@dataclass(frozen=True)
class TableFetch:
    """Image bytes of a row of a memory-mapped column."""

    data: pa.ChunkedArray
    keys: tuple[str, ...]

    def __call__(self, row: int) -> bytes:
        value = self.data[row].as_py()
        if value is None:
            raise DataError(f"{self.keys[row]}: holds no image bytes")
        return bytes(value)


@dataclass(frozen=True)
class FolderFetch:
    """Image bytes of a file of a folder."""

    folder: Path
    names: tuple[str, ...]

    def __call__(self, row: int) -> bytes:
        path = self.folder / self.names[row]
        try:
            return path.read_bytes()
        except OSError as error:
            raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error


def _open_folder(folder: Path, source: Source) -> tuple[list[str], list[str | None], Fetch]:
    if not folder.is_dir():
        raise DataError(f"source {source.name}: {folder}: no such folder; set data.root (DATA=...)")
    label_file = folder / LABEL_FILE
    texts: list[str | None]
    if label_file.is_file():
        rows = list(_read_labels(label_file))
        names, texts = [name for name, _ in rows], [text for _, text in rows]
    else:
        names = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES)
        texts = [None] * len(names)
    if not names:
        what = f"{LABEL_FILE} has no rows" if label_file.is_file() else f"holds neither {LABEL_FILE} nor images"
        raise DataError(f"source {source.name}: {folder}: {what}")
    missing = [name for name in names if not _is_file(folder / name)]
    if missing:
        raise DataError(
            f"{label_file}: {len(missing)} of {len(names)} images do not exist, the first: "
            f"{', '.join(name[:60] for name in missing[:5])}; add them or take their rows out"
        )
    return names, texts, FolderFetch(folder, tuple(names))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no file system takes
        return False


def _read_labels(path: Path) -> Iterator[tuple[str, str]]:
    """Rows of file name, tab, text; a first row `file<TAB>text` is a heading."""
    try:
        rows = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    if "\0" in rows:
        line = rows[: rows.index("\0")].count("\n") + 1
        raise DataError(f"{path}:{line}: holds a null byte; the file is damaged or not a text file")
    for number, row in enumerate(re.split(r"\r?\n", rows), 1):
        if not row:
            continue
        name, tab, text = row.partition("\t")
        if number == 1 and (name, text) == HEADING:
            continue
        if not tab:
            raise DataError(f"{path}:{number}: no tab between file name and text: {row[:60]!r}")
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise DataError(f"{path}:{number}: {name!r} lies outside the folder")
        yield name, text
