"""A page to learn from, or to judge by: its picture, and where its lines are."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class MarkedLine:
    """A line on a page. `corners_42`: its corners in pixels of the page as shown, from the text's top left, clockwise.

    `text` None: where it is is known, but not what it says. A line that is `ignored` is neither missed nor wrong:
    illegible ones, and those that their source marks as not to be counted. `name`: page/line, where it has one.
    `outline_P2`: the points of a line that bends, clockwise from the text's top left; None where its corners are all.
    """

    corners_42: np.ndarray
    text: str | None = None
    ignored: bool = False
    name: str = ""
    outline_P2: np.ndarray | None = None


@dataclass(frozen=True)
class PageRecord:
    """A page. `lines` None: nobody marked them; empty: it has none.

    `load` returns the page as shown, uint8 (H, W) or (H, W, 3) RGB, and raises `DataError` naming it.
    """

    key: str
    source: str
    load: Callable[[], np.ndarray]
    lines: Sequence[MarkedLine] | None
    sha256: str  # of the encoded picture, or of all that a synthetic page is a function of


def pages_digest(pages: Iterable[PageRecord]) -> str:
    """Return the SHA-256 over keys, pictures and lines of pages, in order, in hexadecimal."""
    sha = hashlib.sha256()
    for page in pages:
        described = [(line.corners_42.tolist(), line.text, line.ignored) for line in page.lines or ()]
        lines = page.lines and described
        sha.update(repr((page.key, page.sha256, lines)).encode())
    return sha.hexdigest()
