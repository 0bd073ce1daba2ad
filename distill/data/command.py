"""Texts from a command: any program that reads pictures of lines and prints a text a line.

The command gets the paths of the pictures, one or many, and prints one line for each: the text, or the text, a tab and
a confidence from 0 to 1.
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from distill.data.formats.contents import counted
from students.charset import normalise
from students.errors import DataError
from students.image import decode_image

PLACE = "{}"  # stands for a picture, as in find -exec
LIST = "{list}"  # stands for a file that names one picture a row
SHOWN_CHARACTERS = 300


class CommandReading(NamedTuple):
    """What a command read on a line; the confidence is None where it printed none."""

    text: str
    confidence: float | None


@dataclass(frozen=True)
class ReadingCommand:
    """A command line in which `{}` stands for one picture, or `{list}` for a file with one path a row.

    Without a shell: words are split as a shell would, and nothing in them is expanded. `timeout_s` holds for one start.
    """

    line: str
    timeout_s: float = 60.0

    def __post_init__(self) -> None:
        try:
            words = shlex.split(self.line)
        except ValueError as error:
            raise DataError(f"{self.line}: cannot be split into words: {error}") from error
        places = sum(word.count(PLACE) + word.count(LIST) for word in words)
        if not words or places != 1:
            raise DataError(
                f"{self.line!r}: needs {PLACE} once, where the path of a picture goes, or {LIST} for a file of paths"
            )

    def read(self, pictures: Sequence[bytes]) -> list[CommandReading | DataError]:
        """Read encoded pictures in their order; a picture that the command fails on has its error there.

        Raises `DataError` where the command cannot be started, or fails on a whole list.
        """
        with TemporaryDirectory() as folder:
            paths = [self._written(Path(folder), i, picture) for i, picture in enumerate(pictures)]
            if LIST in self.line:
                return list(self._read_list(Path(folder), paths)) if paths else []
            return [self._read_one(path) for path in paths]

    def _written(self, folder: Path, number: int, picture: bytes) -> Path:
        """A picture as PNG, which every program reads."""
        from PIL import Image

        path = folder / f"{number:06d}.png"
        Image.fromarray(decode_image(picture)).save(path)
        return path

    def _read_one(self, path: Path) -> CommandReading | DataError:
        try:
            rows = self._printed(PLACE, path)
        except _Failed as error:
            return DataError(str(error))
        if len(rows) > 1:
            return DataError(f"{self.line}: printed {len(rows)} lines of text on one picture: {rows[:2]}")
        return _parsed(rows[0]) if rows else CommandReading("", None)

    def _read_list(self, folder: Path, paths: Sequence[Path]) -> Sequence[CommandReading]:
        listed = folder / "list.txt"
        listed.write_text("".join(f"{path}\n" for path in paths))
        try:
            rows = self._printed(LIST, listed, keep_empty=True)
        except _Failed as error:
            raise DataError(str(error)) from error
        if len(rows) != len(paths):
            raise DataError(
                f"{self.line}: printed {counted(len(rows), 'line')} of text for "
                f"{counted(len(paths), 'picture')}; it must print one for "
                "each, an empty one where it reads nothing"
            )
        return [_parsed(row) for row in rows]

    def _printed(self, place: str, path: Path, keep_empty: bool = False) -> list[str]:
        """The rows that the command prints about a path; raises `_Failed` where it fails, `DataError` without one."""
        words = [word.replace(place, str(path)) for word in shlex.split(self.line)]
        try:
            done = subprocess.run(
                words, capture_output=True, timeout=self.timeout_s, stdin=subprocess.DEVNULL, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise _Failed(f"{self.line}: printed nothing for {self.timeout_s:g} s") from error
        except OSError as error:
            raise DataError(f"{self.line}: cannot be started: {error.strerror or error}") from error
        if done.returncode:
            reason = done.stderr.decode(errors="replace").strip()[-SHOWN_CHARACTERS:] or "it wrote no reason"
            raise _Failed(f"{self.line}: ended with {done.returncode}: {reason}")
        try:
            printed = done.stdout.decode()
        except UnicodeDecodeError as error:
            raise _Failed(f"{self.line}: printed what is no UTF-8") from error
        rows = [row.rstrip("\r\f") for row in printed.replace("\f", "").split("\n")]
        if keep_empty:
            return rows[:-1] if rows[-1] == "" else rows
        return [row for row in rows if row.strip()]


class _Failed(Exception):
    """A start of the command that gave no text."""


def _parsed(row: str) -> CommandReading:
    """A text, and the confidence behind its last tab where there is one."""
    text, tab, last = row.rpartition("\t")
    try:
        confidence = float(last) if tab else None
    except ValueError:
        confidence = None
    if confidence is None or not 0 <= confidence <= 1:
        return CommandReading(normalise(row.replace("\t", " ")).strip(), None)
    return CommandReading(normalise(text.replace("\t", " ")).strip(), confidence)
