"""The image of a page: found by the name that a description has for it, and its size without decoding it."""

from __future__ import annotations

import re
import struct
import unicodedata
from pathlib import Path, PurePath, PureWindowsPath
from typing import BinaryIO, NamedTuple
from urllib.parse import unquote, urlsplit

from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from distill.data.formats.contents import is_file
from students.errors import DataError
from students.image import FORMATS, IMAGE_SUFFIXES, ORIENTATION, UPRIGHT, decode_image, stored_size

FOLDERS_ABOVE = 3
PARTS_TRIED = 4  # of a path with folders: the last so many, from the longest on
IIIF = re.compile(r"/(?P<identifier>[^/]+)/[^/]+/[^/]+/!?[\d.]+/(?:default|native|color|gray|bitonal)\.\w+$")
PNG_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
PNG_TURNS = (b"Raw profile type exif\0", b"XML:com.adobe.xmp\0")


class PageImages:
    """Finds the images of pages. Every folder is listed at most once."""

    def __init__(self) -> None:
        self._listed: dict[Path, dict[str, list[Path]]] = {}

    def named(self, name: str, described_by: Path) -> Path | None:
        """Return the image that a description calls `name`, a path or URL; None where it is not there.

        A path with folders is tried from the folder of the description and from the three above it, whole and then
        without its first parts; the last part alone beside the description and one folder above.
        """
        folder = described_by.parent
        above = (folder, *folder.parents[:FOLDERS_ABOVE])
        for parts in _parts(name):
            tails = [parts[-n:] for n in range(min(len(parts), PARTS_TRIED), 1, -1)]
            candidates = [place.joinpath(*tail) for tail in tails for place in above]
            candidates += [place / parts[-1] for place in above[:2]]
            if found := next((image for path in candidates if (image := self._there(path))), None):
                return found
        return None

    def of_like_name(self, name: str, described_by: Path) -> list[Path]:
        """Return the images beside a description with its own name or the one that it gives, but for their suffix."""
        own = described_by.name.rpartition(".")[0]
        given = [PurePath(parts[-1]).stem for parts in _parts(name)]
        stems = dict.fromkeys(stem for stem in (*given, own, own.rpartition(".")[0]) if stem)
        listed = self._in(described_by.parent)
        keys = [_key(f"{stem}{suffix}") for stem in stems for suffix in IMAGE_SUFFIXES]
        found = [path for key in keys for path in listed.get(key, ())]
        folded = {key.casefold() for key in keys}
        return found or [path for key, paths in listed.items() if key.casefold() in folded for path in paths]

    def _there(self, path: Path) -> Path | None:
        """The file of this path, or else one that differs in its Unicode form or its case, or has a suffix."""
        if is_file(path):
            return path
        listed = self._in(path.parent)
        suffixes = ("",) if path.suffix.lower() in IMAGE_SUFFIXES else ("", *IMAGE_SUFFIXES)
        keys = [_key(f"{path.name}{suffix}") for suffix in suffixes]
        if found := next((found for key in keys for found in listed.get(key, ())), None):
            return found
        folded = {key.casefold() for key in keys}
        alike = [found for key, images in listed.items() if key.casefold() in folded for found in images]
        return alike[0] if len(alike) == 1 else None

    def _in(self, folder: Path) -> dict[str, list[Path]]:
        if folder not in self._listed:
            keyed: dict[str, list[Path]] = {}
            try:
                paths = sorted(folder.iterdir())
            except (OSError, ValueError):
                paths = []
            for path in paths:
                if path.suffix.lower() in IMAGE_SUFFIXES and is_file(path):
                    keyed.setdefault(_key(path.name), []).append(path)
            self._listed[folder] = keyed
        return self._listed[folder]


def _key(name: str) -> str:
    stem, dot, suffix = unicodedata.normalize("NFC", name).rpartition(".")
    return f"{stem}{dot}{suffix.lower()}"


def _parts(name: str) -> list[tuple[str, ...]]:
    """The parts of a path or URL, each reading of it, likeliest first, without what leads upwards or names a drive."""
    name = name.strip()
    readings = [name]
    if "://" in name or name.startswith("file:"):
        path = urlsplit(name).path
        readings = [unquote(path)]
        if found := IIIF.search(path):
            readings.insert(0, unquote(found["identifier"]))
    elif "%" in name:
        readings.append(unquote(name))
    windows = (PureWindowsPath(reading) for reading in readings)  # which knows both slashes, and drives
    split = (tuple(p for p in path.parts if p not in (path.anchor, "..", ".")) for path in windows)
    return [parts for parts in split if parts]


class Header(NamedTuple):
    """Size in pixels of an image as it is stored, and how EXIF turns it (1 to 8; 1: not)."""

    width_px: int
    height_px: int
    orientation: int

    @property
    def shown(self) -> tuple[int, int]:
        """Return width and height as it is shown."""
        return (self.height_px, self.width_px) if self.orientation >= 5 else self.stored

    @property
    def stored(self) -> tuple[int, int]:
        """Return width and height as it is stored."""
        return self.width_px, self.height_px


def header_of(path: Path) -> Header:
    """Return what the header of an image file says; raises the `DataError` of an image that cannot be read."""
    try:
        with path.open("rb") as file, Image.open(file, formats=FORMATS) as image:
            width, height = stored_size(image)
            turned = not isinstance(image, PngImageFile) or _may_be_turned(file)
            found = image.getexif().get(ORIENTATION, UPRIGHT) if turned else UPRIGHT
            return Header(width, height, found if found in range(1, 9) else UPRIGHT)
    except Exception as error:  # Pillow raises OSError, ValueError, SyntaxError, struct.error and more
        decode_image(path)
        raise DataError(f"{path}: its header cannot be read ({error})") from error


def _may_be_turned(file: BinaryIO) -> bool:
    """Whether a PNG has a chunk that can hold an orientation; asking Pillow would decode all of it."""
    place = file.tell()
    file.seek(8)
    try:
        while len(head := file.read(8)) == 8:
            length, kind = struct.unpack(">I4s", head)
            begin = file.tell()
            if kind == b"eXIf" or (kind in PNG_TEXTS and file.read(24).startswith(PNG_TURNS)):
                return True
            file.seek(begin + length + 4)
        return False
    finally:
        file.seek(place)
