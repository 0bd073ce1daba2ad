"""What every reader gives, and the checks that several readers share.

A fault in the structure of a source is one `DataError` that names the place; a fault of a single image is raised
when that image is fetched, so that the line can be refused by name and the rest be used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from students.errors import DataError
from students.image import IMAGE_SUFFIXES

NAMED_AT_MOST = 5
NAME_SHOWN = 200
Fetch = Callable[[int], bytes]


@dataclass(frozen=True)
class Contents:
    """The lines of a source, in its order; text None: unlabelled. `fetch(row)` raises `DataError` for a bad line."""

    names: Sequence[str]
    texts: Sequence[str | None]
    fetch: Fetch


@dataclass(frozen=True)
class FilesFetch:
    """Image bytes of a file a row."""

    folder: Path
    names: tuple[str, ...]

    def __call__(self, row: int) -> bytes:
        return bytes_of(self.folder / self.names[row])


def bytes_of(path: Path) -> bytes:
    """Return the bytes of a file; raises `DataError`."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error


def text_of(data: bytes, where: object) -> str:
    """UTF-8 text without a byte order mark; raises `DataError` for other encodings and for null bytes."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{where}: not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise DataError(f"{where}:{line}: holds a null byte; the file is damaged or not a text file")
    return text


def label_of(data: bytes, where: object) -> str:
    """Return the label that a file of its own holds: one line of text."""
    text = text_of(data, where).rstrip("\r\n")
    if "\n" in text or "\r" in text:
        raise DataError(f"{where}: holds several lines of text; an image is one line and has one label")
    return text


def first_of(names: Sequence[str]) -> str:
    """Return the first few names, for a message."""
    more = f" and {len(names) - NAMED_AT_MOST} more" if len(names) > NAMED_AT_MOST else ""
    return ", ".join(name[:NAME_SHOWN] for name in names[:NAMED_AT_MOST]) + more


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


def images_below(folder: Path) -> list[str]:
    """Relative names of all images of a folder and the folders in it, sorted."""
    return sorted(
        p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES and is_file(p)
    )


def parts_of(path: Path, suffix: str) -> list[Path]:
    """Return a file, or the files of a folder with this suffix in the order of their names."""
    if path.is_file():
        return [path]
    parts = sorted(p for p in path.glob(f"*{suffix}") if p.is_file())
    if not parts:
        raise DataError(f"{path}: holds no file *{suffix}")
    return parts
