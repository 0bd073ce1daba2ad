"""Where an export goes, looked at before anything is computed: under a name that opens it, in no model's place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from students.errors import ExportError


def expect_target(out: Path, models: Sequence[Path], suffix: str | None) -> None:
    """Raise `ExportError` where `out` is one of the models that are read, or can be no file that ends in `suffix`.

    None: a folder is written.
    """
    if out.exists() and any(model.exists() and out.samefile(model) for model in models):
        raise ExportError(f"{out}: is the model itself; choose another --out")
    if suffix is None:
        if out.is_file():
            raise ExportError(f"{out}: is a file, and a folder is written; choose another --out")
        return
    if out.is_dir():
        raise ExportError(f"{out}: is a folder; name a file in it that ends in {suffix}")
    if out.suffix.lower() != suffix:
        raise ExportError(f"{out}: what is written is opened by its suffix; choose an --out that ends in {suffix}")
