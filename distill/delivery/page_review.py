"""One self-contained HTML page on which a person corrects pages: where their lines are, and what they say.

The page itself is `pages/page_review.html`. It saves a `pages.json`, which holds also what the one in the same folder
says of other pages, so that the new file takes its place and nothing is lost.
"""

from __future__ import annotations

import hashlib
import heapq
import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from distill.data.formats.json_files import PAGES_JSON, json_of, list_at, object_at
from distill.data.formats.notes import Notes
from distill.data.formats.page_images import FOLDERS_ABOVE, PageImages
from distill.data.lines import Refusal
from distill.data.pages.opening import PagePicture, records_at
from distill.data.pages.record import MarkedLine
from distill.data.pages.sources import PageFileSource
from distill.delivery.html_page import SURROGATES, expect_writable, webp_of, write_html
from students.charset import Charset
from students.errors import DataError
from students.pages.page import Page, PageLine

MOST_PAGES = 100
MOST_PIXELS, LONGEST_PX = 3_000_000, 16_000  # of the picture on the page; WebP ends at 16,383
PLACES = 2  # decimal places of pixels, of what a locator finds
NOTHING_FOUND = -1.0  # before the least sure line: such a page may lack all of its lines


@dataclass(frozen=True)
class Written:
    """What was written: pages shown, pages beyond `MOST_PAGES`, images that no `pages.json` can name, and what it has.

    `target`: where to save; `kept`: how many pages of the folder's own `pages.json` stand in what is saved as they are.
    """

    path: Path
    target: Path
    shown: int
    left_out: int
    unnameable: tuple[str, ...]
    kept: int
    earlier: Path | None = None  # where another file of the page's name lies now


@dataclass(frozen=True)
class _Entry:
    """A page as the HTML has it. `lines` None: nobody has marked or found any."""

    file: str
    size_px: tuple[int, int]
    lines: list[dict[str, Any]] | None
    found: bool
    picture: str


class PageReview:
    """Collects the pages that a person is to look at; of too many, those of the least sure lines."""

    def __init__(self, path: Path, folder: Path) -> None:
        """Write to `path` later on; images are named relative to `folder`, where what is saved is to lie.

        Raises `DataError` where no page can be written, and for a `pages.json` of the folder that cannot be read.
        """
        expect_writable(path)
        self._path, self._folder = path, Path(os.path.abspath(folder))
        self._images = PageImages()
        self._earlier = self._of_folder()
        self._least_sure: list[tuple[float, int, _Entry]] = []  # a heap: the surest page first, then the latest
        self._beyond: list[_Entry] = []  # without pictures
        self._numbers, self._unnameable = count(), list[str]()

    def add_found(self, image: Path, page_HWC: np.ndarray, page: Page) -> None:
        """Add a page that was read."""
        least = min((line.confidence for line in page.lines), default=NOTHING_FOUND)
        self._add(image, page_HWC, [_found(line) for line in page.lines], True, least)

    def add_marked(self, image: Path, page_HWC: np.ndarray, lines: Sequence[MarkedLine] | None) -> None:
        """Add a page with its marked lines; None: nobody marked it."""
        marked = None if lines is None else [_marked(line) for line in lines]
        self._add(image, page_HWC, marked, False, NOTHING_FOUND if lines is None else 1.0)

    def write(self, charset: Charset | None = None) -> Written:
        """Write the HTML, whole or not at all, and return what is on it; nothing is written without a page.

        Characters that the charset lacks, where there is one, are named when they are typed.
        """
        entries = [entry for _, _, entry in sorted(self._least_sure, key=lambda each: (-each[0], -each[1]))]
        target = self._folder / PAGES_JSON
        shown = {entry.file for entry in entries}
        beyond = {entry.file: _saved(entry) for entry in self._beyond if not entry.found}
        kept = [page for name, page in self._earlier.items() if name not in shown and name not in beyond]
        data = {
            "pages": [self._data(entry) for entry in entries],
            "rest": [*kept, *beyond.values()],
            "charset": None if charset is None else list(charset.writable),
            "target": str(target),
            "left_out": len(self._beyond),
        }
        data["key"] = hashlib.sha256(
            json.dumps([[e.file, e.size_px, e.lines] for e in entries], sort_keys=True).encode()
        ).hexdigest()[:16]
        earlier = write_html(self._path, "page_review.html", data) if entries else None
        return Written(self._path, target, len(entries), len(self._beyond), tuple(self._unnameable), len(kept), earlier)

    def _add(
        self, image: Path, page_HWC: np.ndarray, lines: list[dict[str, Any]] | None, found: bool, least: float
    ) -> None:
        name = self._name(image)
        if name is None:
            self._unnameable.append(str(image))
            return
        size_px = page_HWC.shape[1], page_HWC.shape[0]
        if len(self._least_sure) == MOST_PAGES:
            if least >= -self._least_sure[0][0]:  # surer than all that are shown: no picture needs to be made
                self._beyond.append(_Entry(name, size_px, lines, found, ""))
                return
            self._beyond.append(replace(heapq.heappop(self._least_sure)[2], picture=""))
        entry = _Entry(name, size_px, lines, found, _picture(page_HWC))
        heapq.heappush(self._least_sure, (-least, -next(self._numbers), entry))

    def _name(self, image: Path) -> str | None:
        """What a `pages.json` in the folder calls an image; None where it would not find it by any name."""
        path = Path(os.path.abspath(image))
        if SURROGATES & set(str(path)):
            return None
        for base in (self._folder, *self._folder.parents[:FOLDERS_ABOVE]):
            if path.is_relative_to(base):
                name = path.relative_to(base).as_posix()
                found = self._images.named(name, self._folder / PAGES_JSON)
                if found is not None and found.samefile(path):
                    return name
        return None

    def _of_folder(self) -> dict[str, dict[str, Any]]:
        """The pages of the folder's own `pages.json`, by the images that they name."""
        path = self._folder / PAGES_JSON
        if not path.is_file():
            return {}
        content = json_of(path)
        listed = list_at(content.get("pages") if isinstance(content, dict) else content, str(path))
        pages: dict[str, dict[str, Any]] = {}
        for number, each in enumerate(listed, 1):
            page = object_at(each, f"{path}: page {number}")
            image = self._images.named(page["file"], path) if isinstance(page.get("file"), str) else None
            name = None if image is None else self._name(image)
            if name in pages:
                raise DataError(f"{path}: names {name} twice; keep one of the pages")
            pages[name or f"page {number} without an image"] = page
        return pages

    def _data(self, entry: _Entry) -> dict[str, Any]:
        marked = not entry.found and entry.lines is not None
        width, height = entry.size_px
        return {
            "file": entry.file,
            "width": width,
            "height": height,
            "lines": entry.lines or [],
            "marked": marked,
            "earlier": None if marked else self._earlier.get(entry.file),
            "picture": entry.picture,
        }


def add_pages_at(review: PageReview, path: Path) -> list[Refusal]:
    """Add the pages of a folder, or of a file that marks them, and return what cannot be used, which a warning names.

    Raises `DataError` where there is none.
    """
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    notes, refused = Notes(), list[Refusal]()
    for record in records_at(path, PageFileSource(name="pages", path=str(path)), notes, refused):
        assert isinstance(record.load, PagePicture)
        review.add_marked(record.load.path, record.load(), record.lines)
    notes.say(path)
    return refused


def _saved(entry: _Entry) -> dict[str, Any]:
    """A page as the HTML saves one that nobody has touched."""
    width, height = entry.size_px
    lines = entry.lines and [
        {"polygon": line["points"], "text": line["text"], **({"ignored": True} if line["ignored"] else {})}
        for line in entry.lines
    ]
    return {"file": entry.file, "width": width, "height": height, "lines": lines}


def _found(line: PageLine) -> dict[str, Any]:
    """A line that was read; places of characters are shares of its length, from left to right."""
    return {
        "points": [[round(x, PLACES), round(y, PLACES)] for x, y in line.polygon],
        "text": line.text,
        "ignored": False,
        "confidence": round(line.confidence, 6),
        "found": round(line.found, 4),
        "characters": [
            [character.text, round(character.confidence, 4), round(left, 4), round(right, 4)]
            for character, (left, right) in zip(line.characters, line.extents, strict=True)
        ],
        "problem": line.problem,
    }


def _marked(line: MarkedLine) -> dict[str, Any]:
    points_P2 = line.corners_42 if line.outline_P2 is None else line.outline_P2
    return {"points": points_P2.tolist(), "text": line.text, "ignored": line.ignored}


def _picture(page_HWC: np.ndarray) -> str:
    """A page small enough for a screen."""
    picture = Image.fromarray(page_HWC)
    share = min(1.0, math.sqrt(MOST_PIXELS / (picture.width * picture.height)), LONGEST_PX / max(picture.size))
    if share < 1:
        size = (max(1, round(picture.width * share)), max(1, round(picture.height * share)))
        picture = picture.resize(size, Image.Resampling.BOX if share < 0.3 else Image.Resampling.LANCZOS)
    return webp_of(picture)
