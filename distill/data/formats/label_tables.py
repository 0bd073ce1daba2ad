"""Tables of labels: which column names the image and which holds its text, and what headings and quotes mean.

A first row of known names is a heading; so is one that names no image where the next row does. Without one the column
that names an image is the file and the other the text; a third column of confidences, as `distill read` writes it, is
left out. Tab-separated cells are quoted as in CSV where every cell with a quote is, and one of them doubles a quote.
"""

from __future__ import annotations

import csv
import io
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from distill.data.formats.contents import BYTE_ORDER_MARK, HOW_UNLABELLED, is_picture
from students.errors import DataError
from students.image import IMAGE_SUFFIXES

log = logging.getLogger(__name__)

FILE_COLUMNS = ("file", "file_name", "filename")
TEXT_COLUMNS = ("text", "label", "words")
MORE_FILE_COLUMNS = (
    *("image", "image_file", "image_filename", "image_name", "image_path", "imagefile", "imagename", "imagepath"),
    *("img", "img_file", "img_filename", "img_name", "img_path", "file_path", "filepath", "path", "name", "picture"),
)
MORE_TEXT_COLUMNS = (
    *("transcription", "transcript", "ground_truth", "groundtruth", "gt", "gt_text", "plate_text", "plate"),
    *("labels", "label_text", "text_label", "texts", "word", "sentence", "string", "caption", "content", "ocr"),
    *("ocr_text", "target", "value", "number", "reading", "latex", "line_text", "true_text", "plate_number"),
)
FILE_TIERS, TEXT_TIERS = (FILE_COLUMNS, MORE_FILE_COLUMNS), (TEXT_COLUMNS, MORE_TEXT_COLUMNS)
ROW_END = re.compile(r"\r*\n|\r")  # a file that was saved as text twice has \r\r\n
DELIMITERS = ",;\t|"
CONFIDENCE = re.compile(r"0?\.\d+|[01](\.0*)?|0\.\d*")
PICTURE_THEN = re.compile(rf"(.+?(?:{'|'.join(map(re.escape, IMAGE_SUFFIXES))}))(\s*[,;]|\s)\s*(.*)", re.IGNORECASE)
NamesImage = Callable[[str], bool]


class Cells(NamedTuple):
    """A row of a table: the number of the line that it ends in, and its cells."""

    number: int
    values: list[str]


class Columns(NamedTuple):
    """How many rows the heading takes, 0 or 1, and the columns of file and text; not `sure`: told by elimination."""

    heading: int
    file: int
    text: int
    sure: bool = True


def numbered_rows(content: str) -> Iterator[tuple[int, str]]:
    """Yield numbered rows that hold more than white space, with the line breaks of any system.

    A byte order mark before a row is none of its characters. Other separators of lines may be in labels.
    """
    rows = content.split("\n") if "\r" not in content else ROW_END.split(content)
    return (
        (number, row.lstrip(BYTE_ORDER_MARK))
        for number, row in enumerate(rows, 1)
        if row.strip(f"{BYTE_ORDER_MARK} \t")
    )


def tabbed(content: str, where: str) -> list[Cells]:
    """Split rows at tabs; where cells are quoted as in CSV, quotes are taken off."""
    rows = [Cells(number, row.split("\t")) for number, row in numbered_rows(content)]
    if _quoted_as_csv([row.values for row in rows]) or _spans_rows(rows, content, where):
        log.warning('%s: its cells are quoted as in CSV, "" for a quote, and are read so', where)
        return delimited(content, where, "\t")
    if doubled := [row.number for row in rows if any(map(_doubles_quotes, row.values))]:
        log.warning(
            '%s:%d: holds "" as CSV doubles quotes, but others are not doubled; all are read as they stand',
            where,
            doubled[0],
        )
    return rows


def tab_separated(rows: Sequence[Sequence[str]]) -> str:
    """Return rows of a file that `tabbed` splits into the same cells: quotes that look like those of CSV are quoted."""
    if _quoted_as_csv(rows):
        rows = [['"' + cell.replace('"', '""') + '"' if '"' in cell else cell for cell in row] for row in rows]
    return "".join("\t".join(row) + "\n" for row in rows)


def _quoted_as_csv(rows: Sequence[Sequence[str]]) -> bool:
    """Whether every cell is quoted, or every one that has a quote, and one of them doubles a quote."""
    with_quotes = [cell for row in rows for cell in row if '"' in cell]
    if not with_quotes or not all(map(_is_quoted, with_quotes)):
        return False
    return any(map(_doubles_quotes, with_quotes)) or all(_is_quoted(cell) for row in rows for cell in row)


def _doubles_quotes(cell: str) -> bool:
    return _is_quoted(cell) and '""' in cell[1:-1]


def _is_quoted(cell: str) -> bool:
    inner = cell[1:-1]
    return len(cell) > 1 and cell[0] == cell[-1] == '"' and '"' not in inner.replace('""', "")


def _spans_rows(rows: Sequence[Cells], content: str, where: str) -> bool:
    """Whether quotes hold tabs or line feeds together: rows are uneven as they stand, and even once unquoted."""
    if len({len(row.values) for row in rows}) < 2 or not any(c.startswith('"') for row in rows for c in row.values):
        return False
    try:
        return len({len(row.values) for row in delimited(content, where, "\t")}) == 1
    except DataError:
        return False


def delimited(content: str, where: str, delimiter: str) -> list[Cells]:
    """Return the rows of CSV; raises `DataError` with the number of a row that is none."""
    begins = [re.match(rf'[^"]*?{re.escape(delimiter)} +"', row) for _, row in numbered_rows(content)]
    apart = bool(begins) and all(begins[1:] or begins)  # a space before every quote is no part of the text
    rows = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True, skipinitialspace=apart)
    try:
        return [Cells(rows.line_num, values) for values in rows if values]
    except csv.Error as error:
        raise DataError(f"{where}:{rows.line_num}: not CSV: {error}") from error


def delimiter_of(content: str, names_image: NamesImage) -> str:
    """Return what separates the cells of a CSV file: what splits its first row into a file and a text."""
    first = next((row for _, row in numbered_rows(content)), "")
    for delimiter in DELIMITERS:
        cells = [cell.strip().strip('"') for cell in first.split(delimiter)]
        if len(cells) > 1 and (_known(cells) or any(is_picture(cell) or names_image(cell) for cell in cells)):
            return delimiter
    return max(DELIMITERS, key=first.count)


def spaced(content: str, where: str) -> list[Cells]:
    """Return rows of an image's name and its text without a tab: `0.png text`, `0.png,text` or `0.png, "text"`.

    Raises `DataError` for a row without such a gap, and for gaps of several kinds.
    """
    found = []
    for number, row in numbered_rows(content):
        match = PICTURE_THEN.fullmatch(row)
        if match is None:
            raise DataError(f"{where}:{number}: no tab between file name and text: {row[:60]!r}; {HOW_UNLABELLED}")
        found.append((match[2].strip(), Cells(number, [match[1], match[3]])))
    gaps = {gap for gap, _ in found}
    if len(gaps) > 1:
        raise DataError(
            f"{where}: file name and text are separated by {' and '.join(sorted(map(repr, gaps)))}; use tabs"
        )
    rows = [row for _, row in found]
    if gaps != {""} and all(len(text) > 1 and text[0] == text[-1] == '"' for _, (_, text) in rows):
        return [Cells(number, [name, re.sub(r'\\"|""', '"', text[1:-1])]) for number, (name, text) in rows]
    return rows


def columns_of(rows: Sequence[Cells], where: str, names_image: NamesImage, needs_heading: bool) -> Columns:
    """Return where the files and texts of a table stand; raises `DataError` where that is not clear."""
    first = rows[0].values if rows else []
    if (known := _known(first)) and not any(map(is_picture, first)):
        return Columns(1, *known)
    for shows in (is_picture, names_image):
        if files := [i for i, cell in enumerate(first) if shows(cell)]:
            return Columns(0, *_placed(rows, files[0], where))
    second = rows[1].values if len(rows) > 1 else []
    files = [i for i, cell in enumerate(second) if names_image(cell)]
    if len(files) == 1 and len(first) == len(second) and len(_others(rows[1:], files[0])) == 1:
        return Columns(1, *_placed(rows[1:], files[0], where), sure=False)
    if needs_heading:
        return Columns(1, column_of(FILE_TIERS, first, f"{where}:1"), column_of(TEXT_TIERS, first, f"{where}:1"))
    return Columns(0, *_placed(rows, 0, where))


def _known(heading: Sequence[str]) -> tuple[int, int] | None:
    try:
        return column_of(FILE_TIERS, heading, ""), column_of(TEXT_TIERS, heading, "")
    except DataError:
        return None


def column_of(tiers: Sequence[Sequence[str]], columns: Sequence[str], where: str) -> int:
    """Return the one column that has a name of the first tier, or else of the next; raises `DataError`."""
    plain = [re.sub(r"[\s-]+", "_", column.strip().lower()) for column in columns]
    for names, given in ((tiers[0], columns), (tiers[0], plain), (tiers[1], plain)):
        present = [i for i, column in enumerate(given) if column in names]
        if len(present) == 1:
            return present[0]
        if present:
            break
    has = ", ".join(columns) or "nothing"
    raise DataError(f"{where}: needs exactly one of {', '.join(tiers[0])}; it has {has}")


def _others(rows: Sequence[Cells], file: int) -> list[int]:
    """The columns that may hold the text: not that of the files, nor empty ones, nor a last one of confidences."""
    width = len(rows[0].values)
    even = [row.values for row in rows if len(row.values) == width]
    others = [i for i in range(width) if i != file]
    if len(others) > 1:
        others = [i for i in others if any(values[i] for values in even)] or others[:1]
    if len(others) == 2 and all(CONFIDENCE.fullmatch(values[others[1]]) for values in even):
        return others[:1]
    return others


def _placed(rows: Sequence[Cells], file: int, where: str) -> tuple[int, int]:
    """The columns of file and text of rows without a heading."""
    others = _others(rows, file) if rows else [1]
    if len(others) > 1:
        raise DataError(
            f"{where}:{rows[0].number}: {len(rows[0].values)} columns without a heading; which one holds the text? "
            "Write a first row of names, such as file and text"
        )
    return file, others[0] if others else 1
