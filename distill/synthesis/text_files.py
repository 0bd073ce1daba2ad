"""Text files of a user: read whole, in UTF-8; another encoding is refused with the one that it seems to be."""

from __future__ import annotations

from pathlib import Path

from students.encodings import saved_as_utf8
from students.errors import DataError


def utf8_of(path: Path) -> str:
    """Return the text of a file, without a byte order mark. Raises `DataError` for another encoding."""
    data = bytes_of(path)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 text (byte {error.start}); {saved_as_utf8(error)}") from error


def bytes_of(path: Path) -> bytes:
    """Return the bytes of a text file. Raises `DataError` where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"text file {path} cannot be read: {reason}; its path starts from data.root") from error
