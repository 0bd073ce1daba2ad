"""Lines that a command names, opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from distill.evaluation.evaluate import open_data
from students.errors import DataError
from students.image import Preparation


def test_a_place_that_is_not_there_is_told_before_another_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distill.evaluation.evaluate.open_source", None)
    with pytest.raises(DataError, match="gone: no such file or folder"):
        open_data([str(tmp_path), str(tmp_path / "gone")], Preparation())
