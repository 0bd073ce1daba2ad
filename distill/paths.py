"""Paths as people write them."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from students.errors import UserError


def expanded(path: str | PathLike[str]) -> Path:
    """Return a path with `~` and `~user` as home folders; raises `UserError` for a user who has none."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:  # of pathlib
        raise UserError(
            f"{path}: no home folder is known for {Path(path).parts[0]}; write the whole path instead"
        ) from error
