"""The fonts that lie in font files, and the code points that each of them has."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from fontTools.ttLib import TTCollection, TTFont

from distill.synthesis.glyphs import rendered_characters
from students.errors import DataError

log = logging.getLogger(__name__)

COLLECTIONS = {".ttc", ".otc"}
_SUFFIXES = {".ttf", ".otf", *COLLECTIONS}


@dataclass(frozen=True)
class Font:
    """One font of a file: a collection holds several."""

    path: Path
    index: int
    family: str
    weight: int
    axes: tuple[tuple[str, float, float, float], ...]

    @property
    def characters(self) -> frozenset[int]:
        """Return the code points that it has; read at the first use, since the system may have hundreds of fonts."""
        return _characters_in(self.path, self.index)


def slug(family: str) -> str:
    """Return the family name as it is written in recipes: "IBM Plex Mono" becomes "ibm-plex-mono"."""
    return re.sub(r"[^a-z0-9]+", "-", family.lower()).strip("-")


def font_files(folder: Path | None) -> list[Path]:
    """Return the font files in a folder and those in it, sorted; none where there is no such folder."""
    if folder is None or not folder.is_dir():
        return []
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES)


@lru_cache(maxsize=4096)
def read_fonts(path: Path) -> tuple[Font, ...]:
    """Return the fonts of a file; raises `DataError` for a damaged one."""
    with _whole(path), closing(_opened(path)) as opened:
        fonts = opened.fonts if isinstance(opened, TTCollection) else [opened]
        return tuple(_described(path, index, font) for index, font in enumerate(fonts))


def read_if_whole(path: Path) -> tuple[Font, ...]:
    """Return the fonts of a file of the system; of a damaged one none, with a warning.

    Nobody here answers for the files of the system.
    """
    try:
        return read_fonts(path)
    except DataError as error:
        log.warning("%s", error)
        return ()


@lru_cache(maxsize=4096)
def _characters_in(path: Path, index: int) -> frozenset[int]:
    with _whole(path), closing(TTFont(path, lazy=True, fontNumber=index)) as font:
        return rendered_characters(font)


def _opened(path: Path) -> TTCollection | TTFont:
    collection = path.suffix.lower() in COLLECTIONS
    return TTCollection(path, lazy=True) if collection else TTFont(path, lazy=True, fontNumber=0)


@contextmanager
def _whole(path: Path) -> Iterator[None]:
    """Raise `DataError` where a font file is damaged."""
    try:
        yield
    except Exception as error:  # fontTools raises whatever a damaged table makes it stumble over
        raise DataError(f"font file {path} cannot be read ({error}): replace or remove it") from error


def _described(path: Path, index: int, font: TTFont) -> Font:
    axes = font["fvar"].axes if "fvar" in font else []
    names = font["name"]
    return Font(
        path=path,
        index=index,
        family=slug(names.getDebugName(16) or names.getDebugName(1) or path.stem),
        weight=font["OS/2"].usWeightClass if "OS/2" in font else 400,
        axes=tuple((axis.axisTag, axis.minValue, axis.defaultValue, axis.maxValue) for axis in axes),
    )
