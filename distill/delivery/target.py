"""Where a result goes, looked at before anything is computed: no file that is read, and a name that opens it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from students.errors import CheckpointError, ExportError, UserError
from students.model_file import MODEL_NAME, is_onnx, weights_of


def expect_other(out: Path | None, read: Iterable[str | Path]) -> None:
    """Raise `UserError` where a result would take the place of a file that it is made from."""
    if out is None or not out.exists():
        return
    its = os.stat(out)
    for path in read:
        with contextlib.suppress(OSError):
            if os.path.samestat(its, os.stat(path)):
                raise UserError(f"{out}: is read here, and would be written over; choose another name")


def expect_target(out: Path, read: Iterable[str | Path], suffix: str | None) -> None:
    """Raise `UserError` where a result would take the place of what is `read`, or can be no file that ends in `suffix`.

    None: a folder is written.
    """
    expect_other(out, read)
    if suffix is None:
        if out.is_file():
            raise ExportError(f"{out}: is a file, and a folder is written; choose another --out")
        return
    if out.is_dir():
        raise ExportError(f"{out}: is a folder; name a file in it that ends in {suffix}")
    if out.suffix.lower() != suffix:
        raise ExportError(f"{out}: what is written is opened by its suffix; choose a name that ends in {suffix}")


def expect_no_other(out: Path, model: Path) -> None:
    """Raise `ExportError` where an ONNX file of another model has the name that an export takes by itself.

    A model that is called `model.safetensors` has a folder of its own, in which every export is of it.
    """
    if model.name == MODEL_NAME or not is_onnx(out) or not out.is_file():
        return
    try:
        same = weights_of(out) == weights_of(model)
    except CheckpointError:
        same = False
    if not same:
        raise ExportError(f"{out}: is of another model, and would be written over; name a file with --out, or move it")


def expect_own(folder: Path, mark: str, names: Iterable[str]) -> None:
    """Raise `ExportError` where files of a folder would be written over that no earlier export wrote.

    An earlier one has left the file `mark`.
    """
    there = [name for name in names if (folder / name).exists()]
    if there and not (folder / mark).is_file():
        which = "name another folder, or that of an earlier export"
        raise ExportError(f"{folder}: holds {there[0]}, which would be written over; {which}")
