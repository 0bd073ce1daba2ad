"""Lines from one source into a folder of Parquet files, range by range: what `distill import` does, shared out.

A part holds the rows of one range. Its name has the digest of all that it depends on: the source's names, texts and
settings (in a store the versions of its objects), what reads, and the range. Next to it, in `finished/`, stand its
SHA-256, its counts and what was refused, so a part is taken as finished where both fit together. Bytes of files
outside a store are no part of the digest: what changes under equal names and texts wants another folder.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from distill.cluster import Spread, lines_done
from distill.data.command import ReadingCommand
from distill.data.exchange import Imported, check_imported, import_rows, result_of
from distill.data.formats.contents import Contents, first_of
from distill.data.formats.opening import open_contents
from distill.data.formats.written import parquet_file
from distill.data.sources import FileSource
from distill.digests import digest_of, file_digest
from distill.durable import remove_abandoned
from distill.processes import Poll, never_stop
from distill.track import progress
from students.decoding_settings import Beam, Greedy
from students.errors import DataError
from students.model_file import canonical_json, write_whole
from students.reader import Reader

FORMAT = 1
FINISHED = "finished"  # folder in that of the parts
RECORD = "record"  # key, in what says what a part holds, of its own digest
PART_LINES = 20_000
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Labelling:
    """What gives lines without a label one: a model file or a command, and how sure it must be; neither: nothing."""

    model: Path | None = None
    command: ReadingCommand | None = None
    decoding: Greedy | Beam | None = None
    least: float = 0.0

    def reader(self) -> Reader | ReadingCommand | None:
        """Return what reads, opened."""
        if self.model is None:
            return self.command
        import teachers  # imports torch, which a plain import need not wait for

        reader = teachers.load(self.model)
        reader.decode_by(self.decoding)
        return reader

    @cached_property
    def digest(self) -> str:
        """Return the SHA-256 of all that readings depend on."""
        command = None if self.command is None else [self.command.line, self.command.timeout_s]
        model = None if self.model is None else file_digest(self.model)
        return digest_of(model, command, *([] if self.decoding is None else [self.decoding]), self.least)


@dataclass(frozen=True)
class ImportPart:
    """The rows from `start` to `stop` of a source: one file."""

    start: int
    stop: int
    path: Path

    @property
    def record(self) -> Path:
        """Return the file that says what the part holds."""
        return self.path.parent / FINISHED / f"{self.path.stem}.json"


@dataclass(frozen=True)
class Importing:
    """Parts of a source to be imported, as work to share out; `digest` is that of the source as it was listed."""

    source: FileSource
    labelling: Labelling
    digest: str
    shards: tuple[ImportPart, ...]

    def name(self, shard: ImportPart) -> str:
        """Return the file of a part."""
        return str(shard.path)

    def is_finished(self, shard: ImportPart) -> bool:
        """Return whether a part is written."""
        return _found_in(shard) is not None

    def maker(self) -> Callable[[ImportPart], int]:
        """Open source and reader, and return what imports a part; raises `DataError` for a source that has changed."""
        cache = TemporaryDirectory()
        contents = open_contents(self.source, Path(), Path(cache.name))
        if _digest(self.source, contents) != self.digest:
            raise DataError(f"{self.source.path}: reads otherwise here than where the work began; has it changed?")
        reader = self.labelling.reader()

        def make(part: ImportPart) -> int:
            assert cache.name  # lives as long as what was opened in it
            return _import_part(contents, part, reader, self.labelling.least)

        return make


def import_parts(
    source: FileSource,
    folder: Path,
    labelling: Labelling,
    spread: Spread,
    part_lines: int = PART_LINES,
    poll: Poll = never_stop,
) -> dict[str, Any]:
    """Import a source into `folder/part-*.parquet`, as `import_lines` does into one file, and return the same.

    What is finished is kept; `poll` is called after every part and may raise. Raises `DataError` for a folder with
    parts of something else, and `UserError` that names the parts which failed.
    """
    with TemporaryDirectory() as cache:
        contents = open_contents(source, Path(), Path(cache))
        digest, n_lines = _digest(source, contents), len(contents.names)
    parts = _parts(folder, digest_of(FORMAT, digest, labelling.digest), n_lines, part_lines)
    _refuse_others(folder, parts)
    (folder / FINISHED).mkdir(parents=True, exist_ok=True)
    remove_abandoned(folder)
    missing = [part for part in parts if _found_in(part) is None]
    n_missing = sum(part.stop - part.start for part in missing)
    with progress("importing", n_lines, "line", n_lines - n_missing, shown=bool(missing)) as bar:
        work = Importing(source, labelling, digest, tuple(missing))
        for n_done in lines_done(spread(work), len(missing)) if missing else ():
            bar.update(n_done)
            poll()
    found = Imported(Counter(), {}, {}, labelling.command is not None)
    for part in parts:
        of_part = _found_in(part)
        if of_part is None:
            raise DataError(f"{part.path}: was damaged as soon as it was written; the same command writes it anew")
        found.add(of_part)
    check_imported(source, found)
    return result_of(source, found) | {"parts": len(parts)}


def _digest(source: FileSource, contents: Contents) -> str:
    """What a source holds, as far as it can be known without reading its images."""
    listed = hashlib.sha256()
    for line in zip(contents.names, contents.texts, strict=True):
        listed.update(repr(line).encode())
    settings = source.model_dump(mode="json", exclude={"name", "path"})
    return digest_of(settings, listed.hexdigest(), contents.version)


def _parts(folder: Path, digest: str, n_lines: int, part_lines: int) -> list[ImportPart]:
    ranges = [(start, min(start + part_lines, n_lines)) for start in range(0, n_lines, part_lines)]
    names = (f"part-{i:06d}-{digest_of(digest, *rows)[:16]}.parquet" for i, rows in enumerate(ranges))
    return [ImportPart(*rows, folder / name) for rows, name in zip(ranges, names, strict=True)]


def _refuse_others(folder: Path, parts: Sequence[ImportPart]) -> None:
    """Raise `DataError` where a folder holds something else, which would become a part of the same source."""
    ours = {part.path.name for part in parts} | {FINISHED}
    if folder.is_file():
        raise DataError(f"{folder}: is a file; name a folder for the parts")
    there = (path.name for path in folder.iterdir()) if folder.is_dir() else iter(())
    if others := sorted(name for name in there if name not in ours and not name.startswith(".")):
        raise DataError(
            f"{folder}: holds what this work does not write: {first_of(others)}; of another source, model or setting? "
            "Name another folder, or remove what is in this one"
        )


def _import_part(contents: Contents, part: ImportPart, reader: Reader | ReadingCommand | None, least: float) -> int:
    """Write one part, and then its record; the number of rows that it was made of."""
    rows = range(part.start, part.stop)
    with parquet_file(part.path) as write:
        found = import_rows(contents, rows, write, reader, least, lambda _: None)
    digest = file_digest(part.path)
    if not found.counts.total():  # every line of it was refused: its record says so
        part.path.unlink()
        digest = ""
    record: dict[str, Any] = {"sha256": digest, "counts": dict(found.counts), "by_command": found.by_command}
    record |= {"refused": found.refused, "failed": found.failed}
    write_whole(part.record, canonical_json(record | {RECORD: digest_of(record)}).encode())
    return len(rows)


def _found_in(part: ImportPart) -> Imported | None:
    """What a finished part holds; None, with a warning for a damaged one, where it is to be written."""
    try:
        record = json.loads(part.record.read_bytes())
        recorded = record.pop(RECORD, None)  # earlier versions wrote none
        if recorded is not None and recorded != digest_of(record):
            raise ValueError("it was altered")
        digest = file_digest(part.path) if record["sha256"] else ""
        found = Imported(Counter(record["counts"]), record["refused"], record["failed"], record["by_command"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        log.warning("%s: damaged (%s); the part is written anew", part.record, error)
        return None
    if digest != record["sha256"]:
        log.warning("%s: is not what was written; it is written anew", part.path)
        return None
    return found
