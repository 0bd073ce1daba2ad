"""Whether a file marks lines on pages, and is no file of the texts of line images."""

from __future__ import annotations

from pathlib import Path

from distill.data.formats.json_files import json_kind
from distill.data.formats.paddle_boxes import holds_boxes


def marks_pages(path: Path) -> bool:
    """Return whether a file that is no XML marks lines on pages, by its content: a detection list, or JSON."""
    return json_kind(path) is not None or holds_boxes(path)
