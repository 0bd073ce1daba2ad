"""What a check of pages leaves in its folder: `check.html` with its pictures inside, and `check.json`."""

from __future__ import annotations

from html import escape
from pathlib import Path

from distill.evaluation.doctor.diagnosis import Diagnosis
from distill.evaluation.doctor.page import findings_in_html, table, whole_page, write_page
from distill.evaluation.doctor.pages.album import LEGEND, PageAlbum


def write_page_check(folder: Path, name: str, about: str, found: Diagnosis) -> list[Path]:
    """Write what was found on pages into a folder and return the files; the page is called `name`."""
    album = PageAlbum(found.places)
    blocks = []
    if found.pages:
        heads, *rows = found.pages
        blocks.append(table(heads, rows, words=2))
    blocks += [*findings_in_html(found, album), f"<p>{escape(LEGEND)}</p>"]
    return write_page(folder, found, whole_page(name, about, found, blocks, album.room))
