"""From the name that a label file or a table gives an image to the file that is meant.

A name is relative to its label file or to the folder, with slashes or back slashes. Of a path behind the folder's own
name the rest counts, and of an absolute path the longest end that is a file here: `/photos/set/0.png` is `0.png` of a
folder `set`. Names are compared in NFC, then without regard to case, then, where they lack the suffix of an image,
without it. A name that several files share means none of them, and nothing outside the folder is ever meant.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from distill.data.formats.contents import is_file, is_picture, lies_inside
from distill.data.formats.stores import Stored
from students.charset import normalise

ABSOLUTE = re.compile(r"/|[A-Za-z]:")
NEVER_A_FOLDER = 2  # the root of an absolute path, and the folder below it


@dataclass(frozen=True)
class Index:
    """Files by their relative names, in a folder, or elsewhere: in a tar, in a store.

    In a folder, hidden ones are found where they are named.
    """

    place: Path | Stored
    names: tuple[str, ...]
    elsewhere: bool = False

    def find(self, written: str, base: str = "") -> str | None:
        """Return the relative name of the file that is meant, seen from the folder `base`; None: there is none."""
        if not base and written in self._exact:
            return written
        meant = list(self._meant(written, base))
        for name in meant:
            if name in self._exact or (lies_inside(name) and self._is_file(name)):
                return name
        for name in meant:
            if found := self._composed.get(normalise(name)) or self._caseless.get(_folded(name)):
                return found
        if is_picture(written):
            return None
        return next((found for name in meant if (found := self._stems.get(_folded(name)))), None)

    def _is_file(self, name: str) -> bool:
        return isinstance(self.place, Path) and not self.elsewhere and is_file(self.place / name)

    @cached_property
    def _exact(self) -> frozenset[str]:
        return frozenset(self.names)

    @cached_property
    def _composed(self) -> dict[str, str | None]:
        return _unique((normalise(name), name) for name in self.names)

    @cached_property
    def _caseless(self) -> dict[str, str | None]:
        return _unique((_folded(name), name) for name in self.names)

    @cached_property
    def _stems(self) -> dict[str, str | None]:
        return _unique((_folded(posixpath.splitext(name)[0]), name) for name in self.names if is_picture(name))

    def _meant(self, written: str, base: str) -> Iterator[str]:
        """Relative names that may be meant, the likeliest first."""
        plain = written.replace("\\", "/")
        parts = posixpath.normpath(plain).split("/")
        absolute = ABSOLUTE.match(plain) is not None
        if not absolute and ".." not in (inside := posixpath.normpath(posixpath.join(base, plain))).split("/"):
            yield inside
        if not absolute and base and parts[0] != "..":
            yield "/".join(parts)
        for root in self._roots:
            whole = posixpath.normpath(posixpath.join(root, base, plain))
            if whole.startswith(f"{root}/"):
                yield whole.removeprefix(f"{root}/")
        for i, part in enumerate(parts[:-1], 1):
            if part and (normalise(part) == self._own_name or (absolute and i >= NEVER_A_FOLDER)):
                yield "/".join(parts[i:])

    @cached_property
    def _roots(self) -> tuple[str, ...]:
        if self.elsewhere or not isinstance(self.place, Path):
            return ()
        return tuple(dict.fromkeys(Path(to(self.place)).as_posix() for to in (os.path.abspath, os.path.realpath)))

    @cached_property
    def _own_name(self) -> str:
        if isinstance(self.place, Path) and not self.elsewhere:
            return normalise(self.place.resolve().name)
        return normalise(self.place.stem)


def _folded(name: str) -> str:
    return normalise(name).casefold()


def _unique(pairs: Iterable[tuple[str, str]]) -> dict[str, str | None]:
    """Values by their keys, None where several have one."""
    found: dict[str, str | None] = {}
    for key, value in pairs:
        found[key] = None if key in found else value
    return found
