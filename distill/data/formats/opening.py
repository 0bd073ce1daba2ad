"""From a source, or from a path alone, to its lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from typing_extensions import assert_never

from distill.data.formats.contents import LINE_ENDS, Contents
from distill.data.formats.folder import open_folder
from distill.data.formats.label_files import SUFFIXES
from distill.data.formats.label_search import known_labels
from distill.data.formats.listing import files_of, is_hidden
from distill.data.formats.marking import marks_pages
from distill.data.formats.naming import naming, placed
from distill.data.formats.notes import Notes
from distill.data.formats.pages import open_lines_of_pages, page_file_in
from distill.data.formats.parts import expect_there
from distill.data.formats.scene_lmdb import DATA_FILE, open_lmdb
from distill.data.formats.shards import open_shards
from distill.data.formats.stored import kind_in_store, open_stored
from distill.data.formats.stores import is_url
from distill.data.formats.tables import open_arrow, open_hub, open_parquet, open_saved
from distill.data.lines import Lines, Refusal, scan
from distill.data.pages.cuts import cut_pages
from distill.data.sources import (
    AnySource,
    ArrowSource,
    FileSource,
    FolderSource,
    HubSource,
    LmdbSource,
    PagesSource,
    ParquetSource,
    SavedSource,
    WebDatasetSource,
)
from distill.schema import message_of, plain_name
from students.errors import DataError
from students.image import Preparation

SURROGATE = re.compile("[\ud800-\udfff]")
SOURCES: TypeAdapter[FileSource] = TypeAdapter(FileSource)
SUFFIX_FORMATS = {".parquet": "parquet", ".arrow": "arrow", ".tar": "webdataset", ".mdb": "lmdb", ".xml": "pages"}


def open_source(
    source: FileSource, root: Path, cache_folder: Path, preparation: Preparation
) -> tuple[Lines, list[Refusal]]:
    """Open one source and decode every line of it once; what cannot be decoded is refused by name.

    Raises `DataError` where the source itself cannot be opened.
    """
    return scan(source, open_contents(source, root, cache_folder), preparation)


def open_contents(source: FileSource, root: Path, cache_folder: Path) -> Contents:
    """Open the lines of a source. Raises `DataError` that names the source."""
    with naming(source):
        if not isinstance(source, HubSource) and not is_url(source.path):
            placed(source, root)
        return declared(source, _opened(source, root, cache_folder))


def declared(source: AnySource, contents: Contents) -> Contents:
    """Return what lies at a source, with labels or without as it declares; raises `DataError` where nothing does."""
    if not contents.names:
        raise DataError("holds no lines")
    if source.drop_labels:
        contents = replace(contents, texts=[None] * len(contents.names))
    contents = _without_line_ends(source, contents)
    _check_encodable(contents)
    return contents


def _without_line_ends(source: AnySource, contents: Contents) -> Contents:
    """Take the line breaks off the ends of texts, as programs leave them; one inside a text stays, and is said."""
    texts, notes = list(contents.texts), Notes()
    for row, text in enumerate(texts):
        if text and ("\n" in text or "\r" in text or "\f" in text):
            texts[row] = plain = text.strip(LINE_ENDS)
            if plain != text:
                notes.add("texts with a line break at an end, which is left out", contents.names[row])
            if "\n" in plain or "\r" in plain:
                notes.add("texts with a line break inside, which stays; an image is one line", contents.names[row])
    notes.say(f"source {source.name}")
    return replace(contents, texts=texts) if notes.names else contents


def _check_encodable(contents: Contents) -> None:
    """JSON can name half of a surrogate pair, and a file name can be any bytes, which no file of labels can hold."""
    for name, text in zip(contents.names, contents.texts, strict=True):
        if SURROGATE.search(name):
            raise DataError(f"the name {name!a} is not UTF-8; rename the file")
        if text is not None and SURROGATE.search(text):
            raise DataError(f"{name}: the text {text!a} holds half of a surrogate pair; write a whole one")


def _opened(source: FileSource, root: Path, cache_folder: Path) -> Contents:
    if is_url(source.path):
        return open_stored(source)
    match source:
        case ParquetSource():
            return open_parquet(root / source.path)
        case ArrowSource():
            return open_arrow(root / source.path)
        case SavedSource():
            return open_saved(root / source.path)
        case FolderSource():
            return open_folder(root / source.path, source.labels)
        case LmdbSource():
            return open_lmdb(root / source.path)
        case WebDatasetSource():
            return open_shards(root / source.path)
        case PagesSource():
            path = root / source.path
            return cut_pages(source, path) if source.cut_as_found else open_lines_of_pages(path, source.margin_px)
        case HubSource():
            return open_hub(source, cache_folder)
        case _:
            assert_never(source)


def source_at(where: str, name: str, kind: str | None = None, **settings: object) -> FileSource:
    """Return the source that a path, `hf://user/name` or an address in a store means; `settings` are of its kind.

    `kind` is needed where neither name nor contents show it. Raises `DataError` for what is none, or could be several.
    """
    if not where:
        raise DataError(f"{where!r}: names no lines; is a variable of the shell empty? What lies here is '.'")
    path = Path(where)
    if kind is None:
        kind = "hub" if where.startswith("hf://") else kind_in_store(where) if is_url(where) else _kind_of(path)
    name = plain_name(name, "data")
    if kind == "folder" and path.is_file():
        where, settings = str(path.parent), settings | {"labels": path.name}
    try:
        return SOURCES.validate_python({"kind": kind, "name": name, "path": where} | settings)
    except ValidationError as error:
        problem = error.errors()[0]
        if problem["type"] == "extra_forbidden":
            raise DataError(f"{where}: is read as {kind}, which knows no {problem['loc'][-1]}; leave it out") from error
        key = [str(part) for part in problem["loc"][1:] if part != "path"]
        raise DataError(": ".join([where, f"as {kind}", *key, message_of(problem)])) from error


def _kind_of(path: Path) -> str:
    expect_there([str(path)])
    if path.is_dir():
        found = dict(_kinds_in(path))
        if len(found) > 1:
            kinds = " and ".join(f"{what} ({kind})" for kind, what in found.items())
            raise DataError(f"{path}: holds {kinds}; name the file, or the format")
        return next(iter(found), "folder")
    if not path.exists():  # a pattern
        path = next(iter(sorted(path.parent.glob(path.name))))
    suffix = path.suffix.lower()
    if marks_pages(path):
        return "pages"
    kind = "folder" if suffix in SUFFIXES else SUFFIX_FORMATS.get(suffix)
    if kind is None:
        known = ", ".join((*SUFFIX_FORMATS, *SUFFIXES))
        raise DataError(f"{path}: its format is not known by its name; known: {known}; or name the format")
    return kind


def _kinds_in(folder: Path) -> Iterator[tuple[str, str]]:
    """Every kind that a folder may be, and the file that shows it."""
    for file in ("state.json", "dataset_dict.json"):
        if (folder / file).is_file():
            yield "saved", file
            return  # its Arrow files are parts of it
    if (folder / DATA_FILE).is_file():
        yield "lmdb", DATA_FILE
    suffixes = {part.suffix.lower() for part in folder.iterdir() if not is_hidden(part.name)}
    for suffix in (".parquet", ".arrow", ".tar"):
        if suffix in suffixes:
            yield SUFFIX_FORMATS[suffix], f"*{suffix}"
    if page := page_file_in(folder):
        yield "pages", page
    if labels := known_labels(files_of(folder)):
        yield "folder", labels[0]
