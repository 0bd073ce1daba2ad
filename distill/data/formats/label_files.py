"""Files that name the text of every image: tab-separated, CSV, JSON, JSON lines.

`.tsv`: file, tab, text (a first row `file<TAB>text` is a heading); `.txt`: the same, as PaddleOCR's lists, where a
JSON list of files may stand for one; `.csv`: a heading and a column each; `.json`: {file: text}, or a list of
objects; `.jsonl`: an object a row, as `metadata.jsonl` of an image folder. A text null is an unlabelled line.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from distill.data.formats.contents import bytes_of, lies_inside, text_of
from students.errors import DataError

FILE_COLUMNS = ("file", "file_name", "filename")
TEXT_COLUMNS = ("text", "label", "words")
SUFFIXES = (".tsv", ".txt", ".csv", ".json", ".jsonl")


class Row(NamedTuple):
    """One row: where it stands, the image it names, its text."""

    where: str
    name: str
    text: str | None


def read_label_file(path: Path) -> list[Row]:
    """Read the rows in their order, every image inside the folder and named once; raises `DataError`."""
    content = text_of(bytes_of(path), path)
    match path.suffix.lower():
        case ".tsv" | ".txt":
            rows = list(_tabbed(content, path))
        case ".csv":
            rows = list(_csv(content, path))
        case ".json":
            rows = list(_json(content, path))
        case ".jsonl":
            rows = list(_json_lines(content, path))
        case _:
            raise DataError(f"{path}: a label file ends in {', '.join(SUFFIXES)}")
    seen: dict[Path, str] = {}
    for row in rows:
        if not lies_inside(row.name):
            raise DataError(f"{row.where}: {row.name!r} lies outside the folder")
        if row.text is not None and "\0" in row.text:
            raise DataError(f"{row.where}: the text of {row.name} holds a null byte")
        if (first := seen.setdefault(Path(row.name), row.where)) != row.where:
            raise DataError(f"{row.where}: {row.name} is named twice, first at {first}; keep one of the rows")
    return rows


def _rows(content: str) -> Iterator[tuple[int, str]]:
    """Numbered rows that are not empty; only line feeds end a row, since labels may hold other separators."""
    return ((number, row) for number, row in enumerate(re.split(r"\r?\n", content), 1) if row)


def _tabbed(content: str, path: Path) -> Iterator[Row]:
    for number, row in _rows(content):
        where = f"{path}:{number}"
        name, tab, text = row.partition("\t")
        if number == 1 and (name, text) == ("file", "text"):
            continue
        if not tab:
            raise DataError(f"{where}: no tab between file name and text: {row[:60]!r}")
        listed = path.suffix.lower() == ".txt" and name.startswith("[")
        for i, one in enumerate(_listed(name, where) if listed else [name]):
            yield Row(f"{where} ({i + 1})" if i else where, one, text)


def _listed(names: str, where: str) -> list[str]:
    values = _parsed(names, where)
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise DataError(f"{where}: a list of files is a JSON list of strings, not {names[:60]!r}")
    return values


def _csv(content: str, path: Path) -> Iterator[Row]:
    rows = csv.reader(io.StringIO(content, newline=""), strict=True)
    try:
        heading = next(rows, [])
        for values in rows:
            where = f"{path}:{rows.line_num}"
            if values and len(values) != len(heading):
                raise DataError(
                    f"{where}: {len(values)} fields where the heading has {len(heading)}; a text with a comma stands "
                    "in double quotes"
                )
            if values:
                yield _record(dict(zip(heading, values, strict=True)), where)
    except csv.Error as error:
        raise DataError(f"{path}:{rows.line_num}: not CSV: {error}") from error
    if rows.line_num <= 1:
        _record(dict.fromkeys(heading, "-"), f"{path}:1")  # the heading alone can be wrong too


def _json(content: str, path: Path) -> Iterator[Row]:
    values = _parsed(content, str(path))
    if isinstance(values, dict):
        for name, text in values.items():
            yield Row(f"{path}: {name!r}", name, _text(text, f"{path}: {name!r}"))
    elif isinstance(values, list):
        for number, value in enumerate(values, 1):
            yield _record(value, f"{path}: entry {number}")
    else:
        raise DataError(f"{path}: holds neither an object of file: text nor a list of objects")


def _json_lines(content: str, path: Path) -> Iterator[Row]:
    for number, row in _rows(content):
        yield _record(_parsed(row, f"{path}:{number}"), f"{path}:{number}")


def _parsed(content: str, where: str) -> Any:
    def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        values = dict(pairs)
        if len(values) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in values if names.count(name) > 1)
            raise DataError(f"{where}: {twice!r} is named twice; keep one of them")
        return values

    try:
        return json.loads(content, object_pairs_hook=distinct)
    except ValueError as error:  # an integer of thousands of digits is one too
        raise DataError(f"{where}: not JSON: {error}") from error
    except RecursionError as error:
        raise DataError(f"{where}: nested too deep") from error


def _record(values: object, where: str) -> Row:
    if not isinstance(values, dict):
        raise DataError(f"{where}: not an object with {' and '.join((FILE_COLUMNS[0], TEXT_COLUMNS[0]))}")
    name = _one_of(FILE_COLUMNS, values, where)
    if not isinstance(name, str):
        raise DataError(f"{where}: the file name is {name!r}, not text")
    return Row(where, name, _text(_one_of(TEXT_COLUMNS, values, where), where))


def _one_of(columns: Sequence[str], values: Mapping[str, Any], where: str) -> object:
    present = [column for column in columns if column in values]
    if len(present) != 1:
        has = ", ".join(map(str, values)) or "nothing"
        raise DataError(f"{where}: needs exactly one of {', '.join(columns)}; it has {has}")
    return values[present[0]]


def _text(value: object, where: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise DataError(f"{where}: the text is {value!r}; put it in quotes")
    return value
