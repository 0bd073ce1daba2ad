"""Fixtures that several tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.samples import write_student

REAL_DATA = Path(os.environ.get("DATA") or Path(__file__).parents[2] / "shared" / "data")


@pytest.fixture
def student_file(tmp_path: Path) -> Path:
    return write_student(tmp_path / "model.safetensors")


@pytest.fixture
def real_data() -> Path:
    """The folder of real lines that the environment variable DATA names, else the one beside the project."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"no folder of real lines at {REAL_DATA}; set DATA")
    return REAL_DATA
