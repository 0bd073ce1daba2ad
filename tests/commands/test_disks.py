"""A disk that refuses is one message with the reason, also where the system names no file."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from distill.cli import DISK_REFUSES, main
from tests.samples import png_bytes


@pytest.mark.parametrize("number", DISK_REFUSES, ids=errno.errorcode.get)
def test_a_flush_that_the_disk_refuses_is_one_message(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "lines").mkdir()
    (tmp_path / "lines" / "0.png").write_bytes(png_bytes())
    (tmp_path / "lines" / "labels.tsv").write_text("0.png\tzero\n")

    def refused(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refused)
    assert main(["import", str(tmp_path / "lines"), str(tmp_path / "lines.parquet")]) == 2
    assert os.strerror(number) in capsys.readouterr().err
    assert not (tmp_path / "lines.parquet").exists()
