"""Folders are copied whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from distill.comparison.sharing import reuse
from distill.runs.extending import Extensions, keep_earlier
from students.errors import UserError
from tests.runs.test_interruption import contents


def shared(run: Path) -> Path:
    reuse(run / "teacher", run.parent / "other" / "teacher")
    return run.parent / "other" / "teacher"


def extended(run: Path) -> Path:
    keep_earlier(run, Extensions(kept="earlier/1"))
    return run / "earlier" / "1"


@pytest.mark.parametrize("copied", [shared, extended])
def test_a_copy_that_the_disk_refuses_leaves_nothing_that_is_taken_for_it(
    copied: Callable[[Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    (tmp_path / "other").mkdir()
    for name in ("model.safetensors", "metrics.jsonl"):
        (run / "teacher").mkdir(parents=True, exist_ok=True)
        (run / "teacher" / name).write_text(name)
    before = contents(tmp_path)
    copyfile = shutil.copyfile

    def no_link(*_: object) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    def full(source: str, target: str, **options: bool) -> str:
        if Path(source).name == "model.safetensors":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), target)
        return copyfile(source, target, **options)

    monkeypatch.setattr(os, "link", no_link)
    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(UserError, match=r"cannot be copied there.*No space left on device.*start the same command"):
        copied(run)
    assert contents(tmp_path) == before
    monkeypatch.setattr(shutil, "copyfile", copyfile)
    assert {path.name for path in copied(run).rglob("m*.*")} == {"model.safetensors", "metrics.jsonl"}
