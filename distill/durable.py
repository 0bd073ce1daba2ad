"""Folders and pictures that are whole on disk before they take their name, and what killed processes have left."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from students.abandoned import is_abandoned
from students.model_file import fsync_folder, write_whole


def take_name(folder: Path, name: Path) -> None:
    """Rename a folder that is finished, once every file in it is on disk."""
    with naming(name, folder):
        for path in sorted(folder.rglob("*")):
            if path.is_dir():
                fsync_folder(path)
            elif not path.is_symlink():
                with path.open("rb") as file:
                    os.fsync(file.fileno())
        fsync_folder(folder)
        folder.rename(name)
        fsync_folder(name.parent)


@contextmanager
def naming(path: Path, temporary: Path) -> Iterator[None]:
    """Have an `OSError` of the block name `path`, which people know, instead of `temporary` or of nothing.

    A refused write knows no file.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None or not str(error.filename or temporary).startswith(str(temporary)):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def write_picture(path: Path, picture: Image.Image, **options: Any) -> None:
    """Write a picture, whole, in the format that the name of its file ends with; `options` are those of Pillow."""
    encoded = BytesIO()
    picture.save(encoded, Image.registered_extensions()[path.suffix], **options)
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
