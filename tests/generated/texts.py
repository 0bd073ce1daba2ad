"""Texts, names and pictures that files of labels are made of: valid, and of every form that people write."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from PIL import Image

SCRIPTS = (
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "0123456789.,:;-+/()%€$#&@!?*=_'\"<>[]{}|~^`\\",
    "äöüßéèñçøåœžščřłćÀÉÎ",
    "абвгдежзийАБВГД",
    "αβγδεζηθΑΒΓ",
    "漢字かなカナ中文한국어",
    "אבגדהוזחטי",
    "ابتثجحخد",
    "😀𝔘ﬁ½²№",
)
ODD = (
    "007",
    "1e5",
    "null",
    "None",
    "NaN",
    "true",
    "yes",
    "-",
    "0",
    "3.0",
    "=1+1",
    "a  b",
    "text",
    "label",
    "12,50",
    "#1",
)
WRITTEN = (".tsv", ".txt", ".csv", ".json", ".jsonl", ".xml")  # files that a person can look at
words = st.one_of(st.sampled_from(SCRIPTS).flatmap(lambda s: st.text(s, min_size=1, max_size=8)), st.sampled_from(ODD))


def _line(parts: list[str]) -> str:
    return " ".join(" ".join(parts).split())


lines = st.lists(words, min_size=1, max_size=4).map(_line)
"""A label: no white space at its ends, single spaces within."""


@dataclass(frozen=True, repr=False)
class Made:
    """Files below a folder, what of it is opened, and the texts of its lines in their order or, `named`, by name."""

    kind: str
    files: dict[str, bytes]
    texts: list[str | None]
    names: list[str] | None = None  # None: lines have names that the suite gives them
    opened: str = "."
    build: Callable[[Path], None] | None = None  # what files alone cannot say

    def _repr_pretty_(self, printer: Any, _: bool) -> None:
        printer.text(repr(self))

    def __repr__(self) -> str:
        shown = {name: data[:1000] for name, data in self.files.items() if name.endswith(WRITTEN)}
        return f"{self.kind}: {sorted(self.files)}, {shown}, {self.names}, {self.texts}"

    def write(self, folder: Path) -> Path:
        """Write everything and return what is to be opened."""
        for name, data in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        if self.build is not None:
            self.build(folder)
        return folder / self.opened


def picture(form: str = "PNG", height: int = 12, width: int = 40) -> bytes:
    """A grey gradient, encoded."""
    levels = np.tile(np.linspace(0, 255, width).astype(np.uint8), (height, 1))
    buffer = io.BytesIO()
    Image.fromarray(levels).save(buffer, form)
    return buffer.getvalue()


PICTURES = {
    ".png": picture(),
    ".PNG": picture(),
    ".jpg": picture("JPEG"),
    ".JPEG": picture("JPEG"),
    ".tif": picture("TIFF"),
    ".webp": picture("WEBP"),
    ".bmp": picture("BMP"),
    ".jp2": picture("JPEG2000"),
}
stems = st.one_of(
    st.from_regex(r"[a-z0-9]{1,6}([ ._-][a-z0-9]{1,4}){0,2}", fullmatch=True),
    st.sampled_from(["größe", "中文", "a#b", "50%", "it's", "x (1)", "[y]", "a+b", "αβ", "строка", "p&q"]),
)


@st.composite
def named_pictures(draw: st.DrawFn, least: int = 1, most: int = 5, folders: bool = True) -> dict[str, bytes]:
    """Pictures by their relative names; no two share a stem."""
    folder = draw(st.sampled_from(["", "", "crops/", "a b/c/"])) if folders else ""
    found = draw(st.lists(stems, min_size=least, max_size=most, unique_by=str.casefold))
    suffixes = draw(st.lists(st.sampled_from(sorted(PICTURES)), min_size=len(found), max_size=len(found)))
    return {f"{folder}{stem}{suffix}": PICTURES[suffix] for stem, suffix in zip(found, suffixes, strict=True)}
