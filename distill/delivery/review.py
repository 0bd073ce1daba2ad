"""One self-contained HTML page with the lines that a person should look at; it saves their `labels.tsv`.

The page itself is `pages/review.html`; here its data are made: pictures, readings, names relative to one folder.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from distill.data.formats.contents import BYTE_ORDER_MARK, lies_inside
from distill.delivery.html_page import SURROGATES, webp_of, write_html
from students.charset import Charset
from students.image import Preparation, decode_image
from students.reading import Reading
from students.turning import after, size_after

MOST_LINES = 1000
HIGHEST_PX, WIDEST_PX = 96, 2400
NOT_IN_ROWS = frozenset(f"\t\r\n\0{BYTE_ORDER_MARK}") | SURROGATES


@dataclass(frozen=True)
class Doubtful:
    """A line to look at, and the folder that the user named for it."""

    image: Path
    folder: Path
    reading: Reading


@dataclass(frozen=True)
class Page:
    """What was written: lines shown, lines beyond `MOST_LINES`, files whose name no `labels.tsv` can hold."""

    folder: Path
    shown: int
    left_out: int
    unnameable: tuple[str, ...]
    earlier: Path | None = None  # where another file of the page's name lies now


def write_review(path: Path, lines: Sequence[Doubtful], charset: Charset, preparation: Preparation) -> Page:
    """Write the page of the lines, those of the lowest confidence first, and return what is on it.

    Nothing is written where no line can be on it. Another file of its name, as the page of an earlier reading, is kept
    under a number.
    """
    nameable = [line for line in lines if _is_nameable(line.image)]
    shown = sorted(nameable, key=lambda line: line.reading.confidence)[:MOST_LINES]
    folders = [os.path.abspath(line.folder) for line in shown]
    unnameable = tuple(str(line.image) for line in lines if not _is_nameable(line.image))
    if not shown:
        return Page(Path(), 0, 0, unnameable)
    folder = Path(os.path.commonpath(folders))
    entries = [_entry(line, folder, preparation) for line in shown]
    data = {
        "lines": entries,
        "charset": list(charset.writable),
        "folder": str(folder),
        "left_out": len(nameable) - len(shown),
        "key": hashlib.sha256("\0".join(f"{e['file']}\0{e['text']}" for e in entries).encode()).hexdigest()[:16],
    }
    earlier = write_html(path, "review.html", data)
    return Page(folder, len(shown), len(nameable) - len(shown), unnameable, earlier)


def _is_nameable(image: Path) -> bool:
    """Whether a `labels.tsv` can hold the name, in whichever folder it will lie, and be read back."""
    path = Path(os.path.abspath(image))
    return not NOT_IN_ROWS & set(str(path)) and all(map(lies_inside, path.parts[1:]))


def _entry(line: Doubtful, folder: Path, preparation: Preparation) -> dict[str, Any]:
    """A line as the page wants it, turned as it was read; edges of characters as shares of the picture's width."""
    pixels = decode_image(line.image)
    height, width = pixels.shape[:2]
    picture = Image.fromarray(after(line.reading.quarters, pixels))
    picture.thumbnail((WIDEST_PX, HIGHEST_PX))
    reading = line.reading
    read_width = size_after(reading.quarters, height, width)[1]
    extents = reading.extents_px(preparation, height, width)
    return {
        "file": Path(os.path.abspath(line.image)).relative_to(folder).as_posix(),
        "text": reading.text,
        "confidence": round(reading.confidence, 6),
        "characters": [
            [c.text, round(c.confidence, 4), round(left / read_width, 4), round(right / read_width, 4)]
            for c, (left, right) in zip(reading.characters, extents, strict=True)
        ],
        "alternatives": [[text, round(p, 6)] for text, p in reading.alternatives],
        "picture": webp_of(picture),
        "width": picture.width,
        "height": picture.height,
    }
