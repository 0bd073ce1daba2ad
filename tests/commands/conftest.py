"""What the tests of `distill read --pages` read with, and the pages that they read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pages import write_loose_locator, write_noisy_pages


@pytest.fixture
def locator_file(tmp_path: Path) -> Path:
    return write_loose_locator(tmp_path / "locator.safetensors")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of two pages, a.png and b.png."""
    return write_noisy_pages(tmp_path / "pages", ("a.png", "b.png"))
