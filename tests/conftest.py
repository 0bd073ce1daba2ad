"""Fixtures that several tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.samples import write_student


@pytest.fixture
def student_file(tmp_path: Path) -> Path:
    return write_student(tmp_path / "model.safetensors")
