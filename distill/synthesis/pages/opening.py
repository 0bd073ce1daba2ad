"""Drawn pages, opened like those of any other source: drawn once into Arrow files, in parallel, part by part.

Page `i` is a pure function of the source and `i`. Every part is written whole or not at all; an interrupted drawing
goes on behind the parts that are finished.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL
import pyarrow as pa

from distill.data.augment import Pixels
from distill.data.columns import Column, mapped
from distill.data.formats.naming import naming, problems_of
from distill.data.pages.record import MarkedLine, PageRecord
from distill.data.sealed import is_whole, sealed
from distill.digests import digest_of, file_digest
from distill.processes import Poll, never_stop
from distill.synthesis.pages.draw import draw_page, faces_of
from distill.synthesis.pages.source import DrawnPagesSource
from distill.synthesis.text import texts_of_mix
from distill.synthesis.workers import in_parallel
from distill.track import progress
from students.errors import DataError
from students.model_file import canonical_json, write_whole

PART_PAGES = 16
KEPT_PAGES = 16  # of those that are drawn on demand: lines and picture of a page are asked for one after the other
DRAWER_VERSION = 1  # part of the cache key: raise it whenever the same source gives other pages
_PNG = (cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE)
_SCHEMA = pa.schema([("image", pa.binary()), ("lines", pa.string())])


@dataclass(frozen=True)
class _Part:
    """Up to `PART_PAGES` pages of a source, from page `start` on: one file, drawn by one process."""

    source: DrawnPagesSource
    root: Path
    path: Path
    start: int

    @property
    def n_pages(self) -> int:
        """Return the number of pages: fewer than `PART_PAGES` only in the last part."""
        return min(PART_PAGES, self.source.pages - self.start)


@dataclass(frozen=True)
class _Load:
    """The picture of a page, decoded at each call."""

    images: Column
    row: int
    key: str

    def __call__(self) -> Pixels:
        encoded = np.frombuffer(self.images[self.row], np.uint8)
        page = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED)
        if page is None:
            raise DataError(f"{self.key}: the drawn page cannot be decoded; remove {self.images.files[0]}")
        return np.asarray(page if page.ndim == 2 else page[..., ::-1], np.uint8)


def problems_of_sources(sources: Iterable[DrawnPagesSource], root: Path) -> list[str]:
    """Return what keeps sources from being drawn, such as fonts or texts that are not there; nothing is drawn."""
    return problems_of(sources, lambda source: faces_of(source, root))


def open_drawn_pages(
    source: DrawnPagesSource, root: Path, cache: Path, poll: Poll = never_stop
) -> tuple[PageRecord, ...]:
    """Return the pages of a source, drawn where they are missing or damaged.

    `poll` is called after every part and may raise.
    Raises `DataError` that names the source for fonts or texts that cannot be used.
    """
    with naming(source):
        key = cache_key(source, root)
    folder = cache / f"pages-{digest_of(key, source.pages)[:16]}"
    parts = [
        _Part(source, root, folder / f"part-{start // PART_PAGES:06d}.arrow", start)
        for start in range(0, source.pages, PART_PAGES)
    ]
    missing = [part for part in parts if not is_whole(part.path)]
    if missing:
        folder.mkdir(parents=True, exist_ok=True)
        with progress("drawing", source.pages, "page", source.pages - sum(part.n_pages for part in missing)) as bar:
            for n_drawn in in_parallel(_draw, missing, len(missing) // 2):
                bar.update(n_drawn)
                poll()
    files = [str(part.path) for part in parts]
    images, lines = mapped(files, ["image"]), mapped(files, ["lines"])
    return tuple(_record(source, key, images, lines, row) for row in range(source.pages))


@dataclass(frozen=True)
class _OnDemand(Sequence[MarkedLine]):
    """The lines of a page, and by a call its picture, drawn when they are asked for."""

    source: DrawnPagesSource
    root: Path
    row: int

    def __call__(self) -> Pixels:
        return _drawn(self.source, self.root, self.row)[0]

    def __len__(self) -> int:
        return len(_drawn(self.source, self.root, self.row)[1])

    def __getitem__(self, i: Any) -> Any:
        return _drawn(self.source, self.root, self.row)[1][i]


@lru_cache(maxsize=KEPT_PAGES)
def _drawn(source: DrawnPagesSource, root: Path, row: int) -> tuple[Pixels, tuple[MarkedLine, ...]]:
    return draw_page(source, row, root)


def pages_on_demand(source: DrawnPagesSource, root: Path) -> tuple[PageRecord, ...]:
    """Return the pages that `open_drawn_pages` gives, each drawn when its picture or its lines are looked at.

    Raises `DataError` that names the source for fonts or texts that cannot be used.
    """
    with naming(source):
        key = cache_key(source, root)
    pages = (_OnDemand(source, root, row) for row in range(source.pages))
    return tuple(_record_of(source, key, page.row, page, None if source.drop_labels else page) for page in pages)


def cache_key(source: DrawnPagesSource, root: Path) -> str:
    """Return a digest of everything that pages depend on, but neither their number nor the name of the source."""
    settings = source.model_dump(mode="json", exclude={"name", "drop_labels", "font_folders", "pages"})
    files = sorted({face.path for face in faces_of(source, root)})
    fonts = [file_digest(path) for path in files]
    texts = texts_of_mix(source.text, root).digests
    return digest_of(settings, fonts, texts, PIL.__version__, cv2.__version__, DRAWER_VERSION)


def _record(source: DrawnPagesSource, key: str, images: Column, lines: Column, row: int) -> PageRecord:
    marked = None if source.drop_labels else tuple(_line(line) for line in json.loads(lines[row]))
    return _record_of(source, key, row, _Load(images, row, f"{source.name}/{row:06d}"), marked)


def _record_of(
    source: DrawnPagesSource, key: str, row: int, load: Callable[[], Pixels], lines: Sequence[MarkedLine] | None
) -> PageRecord:
    digest = hashlib.sha256(f"{key} {row}".encode()).hexdigest()
    return PageRecord(f"{source.name}/{row:06d}", source.name, load, lines, digest)


def _line(line: list[object]) -> MarkedLine:
    text, ignored, *corners = line
    return MarkedLine(np.array(corners, np.float64).reshape(4, 2), str(text), bool(ignored))


def _draw(part: _Part) -> int:
    """Write the file of a part; the number of its pages."""
    images, lines = [], []
    for number in range(part.start, part.start + part.n_pages):
        page, marked = draw_page(part.source, number, part.root)
        _, data = cv2.imencode(".png", page if page.ndim == 2 else page[..., ::-1], _PNG)
        images.append(data.tobytes())
        lines.append(canonical_json([[line.text, line.ignored, *line.corners_42.ravel().tolist()] for line in marked]))
    write_whole(part.path, sealed(pa.table({"image": images, "lines": lines}, schema=_SCHEMA)))
    return part.n_pages
