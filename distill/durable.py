"""Folders that are whole on disk before they take their name, and what killed processes have left behind."""

from __future__ import annotations

import os
from pathlib import Path

from students.abandoned import is_abandoned
from students.model_file import fsync_folder


def take_name(folder: Path, name: Path) -> None:
    """Rename a folder that is finished, once every file in it is on disk."""
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            fsync_folder(path)
        elif not path.is_symlink():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    fsync_folder(folder)
    folder.rename(name)
    fsync_folder(name.parent)


def remove_abandoned(folder: Path) -> None:
    """Remove what processes that were killed have half written in a folder; what a living one writes is left alone."""
    for path in [*folder.rglob(".*.tmp")]:
        if is_abandoned(path):
            path.unlink(missing_ok=True)
