"""The files of a folder or a tar by their names, without what systems lay beside them.

Links to folders are followed, each folder once. Files and folders whose name begins with a dot, and the copies that
macOS and Synology make, are left out; the pictures among them are counted.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from distill.data.formats.contents import bytes_of, is_picture
from distill.data.formats.finding import Index
from distill.data.formats.notes import Notes
from distill.data.formats.stores import Stored
from students.image import UNREAD_SUFFIXES

log = logging.getLogger(__name__)

COPIES = ("__MACOSX", "@eaDir", "#recycle", "$RECYCLE.BIN", "System Volume Information")
ALL = -1


@dataclass(frozen=True)
class Files:
    """Files by their relative names, sorted, in a folder or `elsewhere`: in a tar, or in a store.

    `read(name, n)` gives the first n bytes of one, `ALL` of them for -1.
    `hidden` are pictures and folders of pictures that are left out, `repeated` links to folders that are read already,
    `lost` links to nowhere that are not named as pictures are.
    """

    place: Path | Stored
    names: tuple[str, ...]
    read: Callable[[str, int], bytes]
    elsewhere: bool = False
    hidden: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()

    @cached_property
    def images(self) -> tuple[str, ...]:
        """Return the names that end as those of images do."""
        return tuple(filter(is_picture, self.names))

    @cached_property
    def index(self) -> Index:
        """Return what finds a file by the name that a label file gives it."""
        return Index(self.place, self.names, self.elsewhere)

    def where(self, name: str) -> str:
        """Return the place of a file, for messages."""
        return (
            str(self.place / name) if isinstance(self.place, Path) and not self.elsewhere else f"{self.place}: {name}"
        )

    def say_what_is_left_out(self) -> None:
        """Warn of hidden pictures, of pictures that are not read, and of links that are not followed."""
        notes = Notes()
        unread = tuple(name for name in self.names if name.lower().endswith(UNREAD_SUFFIXES))
        for what, names in (
            ("pictures of formats that are not read", unread),
            ("hidden files and folders, not used", self.hidden),
            ("links to nothing that is there, not used", self.lost),
            ("links to folders that are read already, not followed", self.repeated),
        ):
            for name in names:
                notes.add(what, name)
        notes.say(self.place)


def is_hidden(name: str) -> bool:
    """Return whether a relative name leads to a file that a system laid beside the files."""
    if not (name.startswith(".") or "/." in name or any(copies in name for copies in COPIES)):
        return False
    return any((part.startswith(".") and part not in (".", "..")) or part in COPIES for part in name.split("/"))


def files_of(folder: Path) -> Files:
    """List a folder and the folders in it."""

    def read(name: str, n_bytes: int) -> bytes:
        return bytes_of(folder / name, n_bytes)

    walk = _Walk([], [], [], [])
    seen = {_identity(parent) for parent in folder.resolve().parents}
    folders, links = [""], list[str]()
    while folders or links:
        is_link = not folders
        links.sort()  # the order of the system is no order
        name = links.pop(0) if is_link else folders.pop()
        identity = _identity(folder / name)
        if identity in seen:
            walk.repeated.append(name)
            continue
        seen.add(identity)
        inner, linked = _entries(folder, name, walk)
        folders += inner
        links += linked
    parts = (tuple(sorted(names)) for names in walk)
    names, hidden, repeated, lost = parts
    return Files(folder, names, read, False, hidden, repeated, lost)


class _Walk(NamedTuple):
    """What was met: files, hidden pictures, links to folders that were read already, links to nowhere."""

    names: list[str]
    hidden: list[str]
    repeated: list[str]
    lost: list[str]


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


def _entries(folder: Path, name: str, walk: _Walk) -> tuple[list[str], list[str]]:
    """Add the files of one folder to the walk; return the folders and the linked folders in it."""
    folders, links = [], []
    try:
        with os.scandir(folder / name) as found:
            entries = list(found)
    except OSError as error:
        log.warning("%s: cannot be read, and is left out: %s", folder / name, error.strerror or error)
        return [], []
    for entry in entries:
        relative = f"{name}/{entry.name}" if name else entry.name
        if is_hidden(entry.name):
            if _holds_pictures(entry):
                walk.hidden.append(relative)
        elif entry.is_dir(follow_symlinks=False):
            folders.append(relative)
        elif entry.is_symlink() and _leads_to_a_folder(entry):
            links.append(relative)
        elif entry.is_symlink() and not is_picture(relative) and not _leads_to_a_file(entry):
            walk.lost.append(relative)
        elif entry.is_symlink() or entry.is_file():  # a picture that is a link to nowhere is refused by its name
            walk.names.append(relative)
    return folders, links


def _leads_to_a_folder(link: os.DirEntry[str]) -> bool:
    try:
        return link.is_dir()
    except OSError:  # a link to itself
        return False


def _leads_to_a_file(link: os.DirEntry[str]) -> bool:
    try:
        return link.is_file()
    except OSError:
        return False


def _holds_pictures(entry: os.DirEntry[str]) -> bool:
    """Whether a hidden file is a picture, or a hidden folder holds one."""
    try:
        if not entry.is_dir():
            return is_picture(entry.name)
        return any(map(is_picture, os.listdir(entry.path)))
    except OSError:
        return False


def images_below(folder: Path, also: Sequence[str] = ()) -> list[str]:
    """Return the relative names of all images in and below a folder, sorted, with files that end in one of `also`."""
    files = files_of(folder)
    files.say_what_is_left_out()
    suffixes = tuple(also)
    return [name for name in files.names if is_picture(name) or name.lower().endswith(suffixes)]
