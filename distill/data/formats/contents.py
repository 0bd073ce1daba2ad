"""What every reader gives, and the checks that several readers share.

A fault in the structure of a source is one `DataError` that names the place; a fault of a single image is raised
when that image is fetched, so that the line can be refused by name and the rest be used.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from students.encodings import saved_as_utf8
from students.errors import DataError
from students.image import IMAGE_SUFFIXES

NAMED_AT_MOST = 5
NAME_SHOWN = 200
BYTE_ORDER_MARK = "\ufeff"  # read as none of a text's characters where it begins a file, a row or an LMDB's label
LINE_ENDS = "\r\n\f"
HOW_UNLABELLED = "pictures in a folder without a label file are unlabelled lines"
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
FIRST_OF_MARKS = {mark[:1] for mark, _ in MARKS}
Fetch = Callable[[int], bytes]


class OtherEncoding(DataError):
    """A text that is not in the encoding that it is read in."""


@dataclass(frozen=True)
class Contents:
    """The lines of a source, in its order; text None: unlabelled. `fetch(row)` raises `DataError` for a bad line.

    `version` tells objects of a store from other versions of them; empty for files.
    """

    names: Sequence[str]
    texts: Sequence[str | None]
    fetch: Fetch
    version: str = ""


@dataclass(frozen=True)
class FilesFetch:
    """Image bytes of a file a row."""

    folder: Path
    names: tuple[str, ...]

    def __call__(self, row: int) -> bytes:
        return bytes_of(self.folder / self.names[row])


def bytes_of(path: Path, n_bytes: int = -1) -> bytes:
    """Return the bytes of a file, or the first `n_bytes` of them; raises `DataError`."""
    try:
        with path.open("rb") as file:
            return file.read(n_bytes)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error


def encoding_of(data: bytes) -> str:
    """Return the encoding that the byte order mark tells, UTF-8 without one."""
    if data[:1] not in FIRST_OF_MARKS:
        return "utf-8-sig"
    return next((encoding for mark, encoding in MARKS if data.startswith(mark)), "utf-8-sig")


def text_of(data: bytes, where: object) -> str:
    """Decode UTF-8, or UTF-16 with its byte order mark; raises `DataError` for other encodings and for null bytes."""
    try:
        text = data.decode(encoding_of(data))
    except UnicodeDecodeError as error:
        name = error.encoding.upper()
        raise OtherEncoding(f"{where}: not {name} text (byte {error.start}); {saved_as_utf8(error)}") from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise DataError(f"{where}:{line}: holds a null byte; the file is damaged or not a text file")
    return text


def label_of(data: bytes, where: object) -> str:
    """Return the label that a file of its own holds: one line of text among empty ones, which a form feed may end.

    Raises `DataError` for several lines of text.
    """
    text = text_of(data, where).strip(LINE_ENDS)
    if "\n" not in text and "\r" not in text:
        return text
    lines = [line for line in re.split(r"[\r\n]+", text) if line.strip()]
    if len(lines) > 1:
        raise DataError(f"{where}: holds several lines of text; an image is one line and has one label")
    return lines[0] if lines else ""


def first_of(names: Sequence[str]) -> str:
    """Return the first few names, for a message."""
    more = f" and {len(names) - NAMED_AT_MOST} more" if len(names) > NAMED_AT_MOST else ""
    return ", ".join(name[:NAME_SHOWN] for name in names[:NAMED_AT_MOST]) + more


def counted(n: int, one: str, many: str = "") -> str:
    """Return a number with its noun, in the plural where it is not 1; `many` is a plural that is more than an s."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def reason_of(error: DataError, name: str) -> str:
    """Return the reason why a line is refused, in which its name occurs once."""
    return str(error) if name in str(error) else f"{name}: {error}"


def lies_inside(name: str) -> bool:
    """Return whether a relative name stays in its folder, on any system."""
    path = PureWindowsPath(name)  # knows both slashes, and drives
    return bool(name) and not path.anchor and ".." not in path.parts


def is_file(path: Path) -> bool:
    """Return whether there is such a file; a name that no file system takes is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_picture(name: str) -> bool:
    """Return whether a name ends as that of an image does."""
    return name.lower().endswith(IMAGE_SUFFIXES)
