"""Pages with the lines that were found on them, and their review page, opened in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from distill.delivery.page_review import PageReview
from students.charset import Charset
from students.pages.page import Page, PageLine
from tests import browsing
from tests.read_pages import box, read_line

WIDTH, HEIGHT = 600, 800
FIRST, SECOND, THIRD = box(60, 60, 360, 100), box(60, 160, 260, 200), box(300, 160, 500, 200)
SLANTED = (60.0, 260.0), (460.0, 280.0), (458.0, 320.0), (58.0, 300.0)
LINES = (
    read_line("two words", *FIRST, confidence=0.9),
    read_line("left", *SECOND, confidence=0.4),
    read_line("right", *THIRD, confidence=0.6),
    read_line("slanted", *SLANTED, confidence=0.8),
)


def scans_in(parent: Path) -> Path:
    folder = parent / "scans"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        Image.fromarray(np.full((HEIGHT, WIDTH), 220, np.uint8)).save(folder / name)
    return folder


def review_of(folder: Path, *pages: tuple[str, tuple[PageLine, ...]]) -> Path:
    path = folder.parent / "review.html"
    review = PageReview(path, folder)
    for name, lines in pages:
        review.add_found(folder / name, np.asarray(Image.open(folder / name)), Page(WIDTH, HEIGHT, lines))
    review.write(Charset(characters="abcdefghijklmnopqrstuvwxyz "))
    return path


def opened(browser: Any, page_file: Path, **settings: object) -> tuple[Any, list[str]]:
    page, troubles = browsing.opened(browser, page_file, **{"viewport": {"width": 1400, "height": 900}, **settings})
    page.wait_for_function("ui.picture.complete && ui.picture.naturalWidth > 0")
    return page, troubles


def texts(page: Any) -> list[str | None]:
    found: list[str | None] = page.evaluate("pages[at].lines.map(line => line.text)")
    return found
