"""Folders and pictures that are whole on disk before they take their name, and what killed processes have left."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from students.abandoned import is_abandoned
from students.errors import DataError, UserError
from students.model_file import fsync_folder, write_whole


def take_name(folder: Path, name: Path) -> None:
    """Rename a folder that is finished, once every file in it is on disk."""
    with naming_file(name, folder):
        for path in sorted(folder.rglob("*")):
            if path.is_dir():
                fsync_folder(path)
            elif not path.is_symlink():
                with path.open("rb") as file:
                    os.fsync(file.fileno())
        fsync_folder(folder)
        folder.rename(name)
        fsync_folder(name.parent)


def expect_new_file(path: Path) -> None:
    """Raise `DataError` where something has the name of a file that is to be written."""
    if path.exists():
        raise DataError(f"{path}: is there already; remove it, or name another file")


def expect_new_folder(path: Path) -> None:
    """Raise `DataError` where something has the name of a folder that is to be written; an empty folder may."""
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise DataError(f"{path}: is there already and not an empty folder; name another")


def copy_folder(
    source: Path, target: Path, left_out: Sequence[str], copy: Callable[[str, str], object] = shutil.copy2
) -> None:
    """Copy a folder by `copy`, but for files and folders that match a pattern of `left_out`.

    Raises `UserError` where the disk refuses; nothing of the copy is left then.
    """
    begun = target.with_name(f".{target.name}")
    shutil.rmtree(begun, ignore_errors=True)  # of a process that was killed
    try:
        shutil.copytree(source, begun, ignore=shutil.ignore_patterns(*left_out), copy_function=copy)
        take_name(begun, target)
    except OSError as error:
        shutil.rmtree(begun, ignore_errors=True)
        reason = error.args[0][0][2] if isinstance(error, shutil.Error) else error.strerror
        raise UserError(
            f"{target}: {source} cannot be copied there: {reason}; make room, or give the right to "
            "write there, and start the same command again"
        ) from error


@contextmanager
def naming_file(path: Path, temporary: Path) -> Iterator[None]:
    """Have an `OSError` of the block name `path`, which people know, instead of `temporary` or of nothing.

    A refused write knows no file.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None or not str(error.filename or temporary).startswith(str(temporary)):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def write_text(path: Path, text: str) -> None:
    """Write text, whole, as UTF-8; what is no text, as the name of a file can be, by its number: `\\udcff`."""
    write_whole(path, text.encode(errors="backslashreplace"))


def write_picture(path: Path, picture: Image.Image, **options: Any) -> None:
    """Write a picture, whole, in the format that the name of its file ends with; `options` are those of Pillow."""
    encoded = BytesIO()
    picture.save(encoded, Image.registered_extensions()[path.suffix.lower()], **options)
    write_whole(path, encoded.getvalue())


def write_chart(path: Path, figure: Any) -> None:
    """Write a figure of Matplotlib as PNG, whole; equal figures give equal bytes."""
    encoded = BytesIO()
    figure.savefig(encoded, format="png", dpi=110, metadata={"Software": None})
    write_whole(path, encoded.getvalue())


def remove_abandoned(folder: Path) -> None:
    """Remove what processes that were killed have half written in a folder; what a living one writes is left alone."""
    for path in [*folder.rglob(".*.tmp")]:
        if is_abandoned(path):
            path.unlink(missing_ok=True)
