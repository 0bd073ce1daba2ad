"""Lines that a recipe is proposed for."""

from __future__ import annotations

from pathlib import Path

import pytest

from distill.proposing import proposing
from distill.proposing.shipped import Accuracy
from tests.line_files import parquet, row
from tests.samples import png_bytes


@pytest.fixture
def lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of 90 labelled lines of 30 documents, in the working directory; this machine's speed is not measured."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(proposing, "learning_speed", lambda *_: 900)
    monkeypatch.setattr(proposing, "_teacher_speeds", lambda *_: (200, 900))
    monkeypatch.setattr(proposing, "readings_of", lambda *_: {"receipts": Accuracy(0.1, 0.3)})
    rows = [row(f"Line {d}, {i}", f"{d:03d}_{i}.png", png_bytes(seed=3 * d + i)) for d in range(30) for i in range(3)]
    return parquet(tmp_path / "lines.parquet", rows)
