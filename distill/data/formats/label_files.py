"""Files that name the text of every image: tab-separated, CSV, JSON, JSON lines.

`.tsv`: file, tab, text; `.txt`: the same, as PaddleOCR's lists, where a JSON list of files may stand for one, or with a
space or comma in the place of the tab; `.csv`: by commas or semicolons; `.json`: {file: text}, or a list of objects;
`.jsonl`: an object a row, as `metadata.jsonl` of an image folder. What headings, further columns and quotes mean says
`label_tables`. A text null is an unlabelled line.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from distill.data.formats.contents import HOW_UNLABELLED, text_of
from distill.data.formats.json_files import text_at
from distill.data.formats.label_tables import (
    FILE_COLUMNS,
    FILE_TIERS,
    TEXT_COLUMNS,
    TEXT_TIERS,
    Cells,
    NamesImage,
    column_of,
    columns_of,
    delimited,
    delimiter_of,
    numbered_rows,
    spaced,
    tabbed,
)
from distill.data.formats.listing import ALL, Files
from students.errors import DataError

SUFFIXES = (".tsv", ".txt", ".csv", ".json", ".jsonl")


class Row(NamedTuple):
    """One row: where it stands, the image it names, its text."""

    where: str
    name: str
    text: str | None


class LabelFile(NamedTuple):
    """The rows of a label file; not `sure` where no heading says which column holds the text."""

    rows: list[Row]
    sure: bool


def read_label_file(files: Files, file: str) -> LabelFile:
    """Read the rows of a label file in their order; raises `DataError` for what is none."""
    where = files.where(file)
    base = posixpath.dirname(file)
    suffix = posixpath.splitext(file)[1].lower()
    if suffix not in SUFFIXES:
        raise DataError(f"{where}: a label file ends in {', '.join(SUFFIXES)}")
    content = text_of(files.read(file, ALL), where)

    def names_image(cell: str) -> bool:
        return bool(cell) and files.index.find(cell, base) is not None

    sure = True
    if suffix == ".txt" and content.lstrip().startswith("{") and _holds_json_lines(content):
        suffix = ".jsonl"
    match suffix:
        case ".tsv" | ".txt" | ".csv":
            rows, sure = _table(content, where, suffix, names_image)
        case ".json":
            rows = list(_json(content, where))
        case _:
            rows = list(_json_lines(content, where))
    for row in rows:
        if row.text is not None and "\0" in row.text:
            raise DataError(f"{row.where}: the text of {row.name} holds a null byte")
    return LabelFile(rows, sure)


def _table(content: str, where: str, suffix: str, names_image: NamesImage) -> LabelFile:
    """Rows of a table: of CSV, of tab-separated cells, or of names and texts with another separator."""
    quoted = re.match(r'"[^"\n]*"([ ,;|])"', content) if suffix == ".txt" else None
    if quoted:  # as R writes a table
        cells = delimited(content, where, quoted[1])
    elif suffix == ".csv":
        content = re.sub(r"\Asep=.\r?\n", "", content)  # a first row that Excel writes and reads
        cells = delimited(content, where, delimiter_of(content, names_image))
    elif suffix == ".txt" and "\t" not in content:
        cells = spaced(content, where)
    else:
        cells = tabbed(content, where)
    if suffix == ".txt":
        cells = [each for row in cells for each in _unlisted(row, where, names_image)]
    columns = columns_of(cells, where, names_image, needs_heading=suffix == ".csv")
    width = len(cells[0].values) if cells else 0
    rows = []
    for number, values in cells[columns.heading :]:
        if len(values) < 2 and suffix != ".csv":
            raise DataError(
                f"{where}:{number}: no tab between file name and text: {values[0][:60]!r}; {HOW_UNLABELLED}"
            )
        if len(values) != width or width < 2:
            begin = "heading" if columns.heading else "first row"
            raise DataError(
                f"{where}:{number}: {len(values)} fields where the {begin} has {width}; a text with "
                + ("a comma stands in double quotes" if suffix == ".csv" else "a tab cannot be told from two columns")
            )
        rows.append(Row(f"{where}:{number}", values[columns.file], values[columns.text]))
    return LabelFile(rows, columns.sure)


def _unlisted(row: Cells, where: str, names_image: NamesImage) -> Iterator[Cells]:
    """A row for each file of a list of files."""
    names, *rest = row.values or [""]
    if not names.startswith("[") or names_image(names):
        yield row
        return
    listed = _parsed(names, f"{where}:{row.number}")
    if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
        raise DataError(f"{where}:{row.number}: a list of files is a JSON list of strings, not {names[:60]!r}")
    for name in listed:
        yield Cells(row.number, [name, *rest])


def _json(content: str, where: str) -> Iterator[Row]:
    if _holds_json_lines(content):
        yield from _json_lines(content, where)
        return
    values = _parsed(content, where)
    if isinstance(values, dict):
        for name, text in values.items():
            yield Row(f"{where}: {name!r}", name, text_at(text, f"{where}: {name!r}"))
    elif isinstance(values, list):
        for number, value in enumerate(values, 1):
            yield _record(value, f"{where}: entry {number}")
    else:
        raise DataError(f"{where}: holds neither an object of file: text nor a list of objects")


def _holds_json_lines(content: str) -> bool:
    """Whether a first row is an object by itself and others follow, as `distill read --to json` writes them."""
    rows = [row for _, row in numbered_rows(content.strip())]
    try:
        return len(rows) > 1 and isinstance(json.loads(rows[0]), dict)
    except (ValueError, RecursionError):
        return False


def _json_lines(content: str, where: str) -> Iterator[Row]:
    for number, row in numbered_rows(content):
        yield _record(_parsed(row, f"{where}:{number}"), f"{where}:{number}")


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
    keys = list(values)
    name = values[keys[column_of(FILE_TIERS, keys, where)]]
    if not isinstance(name, str):
        raise DataError(f"{where}: the file name is {name!r}, not text")
    return Row(where, name, text_at(values[keys[column_of(TEXT_TIERS, keys, where)]], where))
