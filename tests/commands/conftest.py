"""What the tests of `distill read` read, and what those of `--pages` read with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pages import write_loose_locator, write_noisy_pages
from tests.samples import png_bytes


@pytest.fixture
def locator_file(tmp_path: Path) -> Path:
    return write_loose_locator(tmp_path / "locator.safetensors")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of two pages, a.png and b.png."""
    return write_noisy_pages(tmp_path / "pages", ("a.png", "b.png"))


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of three pictures of lines, one of them in a folder inside, and a file that is none."""
    folder = tmp_path / "lines"
    (folder / "deep").mkdir(parents=True)
    for number, name in enumerate(("b.png", "a.png", "deep/c.PNG")):
        (folder / name).write_bytes(png_bytes(width=60 + 40 * number, seed=number))
    (folder / "notes.txt").write_text("not an image")
    return folder
