"""Lines from any source into one Parquet file, and out again: an LMDB, or a folder with `labels.tsv`.

What is written appears whole or not at all, and never in the place of something else. Every line that is left out is
named with its reason.
"""

from __future__ import annotations

import io
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, NamedTuple

import lmdb
from PIL import Image
from typing_extensions import assert_never

from distill.data.command import ReadingCommand
from distill.data.formats.contents import BYTE_ORDER_MARK, Contents, first_of, lies_inside, reason_of
from distill.data.formats.label_search import LABEL_FILES
from distill.data.formats.label_tables import tab_separated
from distill.data.formats.opening import open_contents
from distill.data.formats.scene_lmdb import COUNT, image_key, label_key, path_key
from distill.data.formats.written import Written, parquet_file
from distill.data.sources import FileSource
from distill.durable import expect_new_file, expect_new_folder, naming_file, take_name
from distill.track import progress
from students.errors import DataError
from students.image import IMAGE_SUFFIXES, decode_image
from students.model_file import write_whole
from students.reader import WINDOW, Reader
from students.reading import Reading

ConvertedFormat = Literal["lmdb", "tsv"]
MAP_BYTES = 2**40  # a limit of addresses, not of the file, which grows as it is filled
LINES_A_COMMIT = 1000
NAME_BYTES = 200
SUFFIXES = {"JPEG": ".jpg", "MPO": ".jpg", "TIFF": ".tif", "JPEG2000": ".jp2"}  # of formats that are not named so


def import_lines(
    source: FileSource, target: Path, reader: Reader | ReadingCommand | None = None, least: float = 0.0
) -> dict[str, Any]:
    """Write every readable line of a source as a row of a new Parquet file; return counts, and reasons of refusal.

    A `reader` gives lines without a label what it reads on them where its confidence is at least `least`: pseudo-labels
    (Lee 2013), counted as `read`, apart from the labels. Raises `DataError` where the file is there already, and where
    no line is left.
    """
    expect_new_file(target)
    with _opened(source) as contents, parquet_file(target) as write:
        rows = range(len(contents.names))
        with progress("importing", len(rows), "line") as bar:
            found = import_rows(contents, rows, write, reader, least, bar.update)
        check_imported(source, found)
    return result_of(source, found)


class Imported(NamedTuple):
    """What became of some rows: how many were labelled, unlabelled and read, and why others were refused or failed.

    Lines that the reader failed on are unlabelled ones.
    """

    counts: Counter[str]
    refused: dict[str, str]
    failed: dict[str, str]
    by_command: bool

    def add(self, other: Imported) -> None:
        """Add what became of further rows."""
        self.counts.update(other.counts)
        for mine, theirs in ((self.refused, other.refused), (self.failed, other.failed)):
            for name, reason in theirs.items():
                _refuse(name, reason, mine)


def import_rows(
    contents: Contents,
    rows: range,
    write: Callable[[Written], None],
    reader: Reader | ReadingCommand | None,
    least: float,
    tell: Callable[[int], object],
) -> Imported:
    """Write the readable lines among `rows`, unlabelled ones as they are read; `tell` is told how many it were."""
    counts = Counter[str](labelled=0, unlabelled=0, **({} if reader is None else {"read": 0}))
    found = Imported(counts, {}, {}, isinstance(reader, ReadingCommand))
    lines = _readable(contents, rows, found.refused, tell)
    while some := list(islice(lines, WINDOW)):
        match reader:
            case None:
                readings: dict[int, str] = {}
            case ReadingCommand():
                readings = _read_by_command(reader, least, some, found.failed)
            case _:
                readings = _readings(reader, least, some, found.failed)
        for i, line in enumerate(some):
            write(line._replace(text=readings.get(i, line.text)))
            counts["read" if i in readings else "unlabelled" if line.text is None else "labelled"] += 1
    return found


def check_imported(source: FileSource, found: Imported) -> None:
    """Raise `DataError` where no line of a source could be used, or a command failed on all."""
    counts, failed = found.counts, found.failed
    if not counts.total():
        raise DataError(_nothing_left(source, found.refused))
    if found.by_command and failed and len(failed) == counts["unlabelled"] and not counts["read"]:
        raise DataError(f"the command failed on every line, the first: {next(iter(failed.values()))}")


def result_of(source: FileSource, found: Imported) -> dict[str, Any]:
    """Return counts and reasons as commands report them."""
    counts, failed = found.counts, found.failed
    told = {"format": source.kind, "lines": counts.total(), **counts, "refused": found.refused}
    return told | ({"failed": failed} if failed or found.by_command else {})


def convert_lines(source: FileSource, target: Path, to: ConvertedFormat) -> dict[str, Any]:
    """Write every labelled line of a source into a new folder; return counts, and reasons of refusal.

    Raises `DataError` where the folder holds something already, and where no line is left.
    """
    expect_new_folder(target)
    refused: dict[str, str] = {}
    with _opened(source) as contents, _whole_folder(target) as folder:
        rows = range(len(contents.names))
        with progress("converting", len(rows), "line") as bar:
            lines = _expressible(_readable(contents, rows, refused, bar.update), to, refused)
            match to:
                case "lmdb":
                    n_lines = _write_lmdb(lines, folder)
                case "tsv":
                    n_lines = _write_tsv(lines, folder)
                case _:
                    assert_never(to)
        if not n_lines:
            raise DataError(_nothing_left(source, refused))
    return {"format": to, "lines": n_lines, "refused": refused}


def _readings(reader: Reader, least: float, lines: Sequence[Written], failed: dict[str, str]) -> dict[int, str]:
    """What is read with a confidence of at least `least`, within the rules, by the number of the unlabelled line.

    Lines that cannot be read, as those that are too wide for the model, are added to `failed`.
    """
    unlabelled = [i for i, line in enumerate(lines) if line.text is None]
    names = [str(lines[i].name) for i in unlabelled]
    read = reader.read_each([lines[i].image for i in unlabelled], names=names)
    for name, error in zip(names, read, strict=True):
        if isinstance(error, DataError):
            _refuse(name, reason_of(error, name), failed)
    sure = {i: r for i, r in zip(unlabelled, read, strict=True) if isinstance(r, Reading) and r.confidence >= least}
    return {i: reading.text for i, reading in sure.items() if not reading.review}


def _read_by_command(
    command: ReadingCommand, least: float, lines: Sequence[Written], failed: dict[str, str]
) -> dict[int, str]:
    """What a command reads, by the number of the unlabelled line; lines that it fails on are added to `failed`.

    Texts with a confidence below `least`, and empty texts, are no labels.
    """
    unlabelled = [i for i, line in enumerate(lines) if line.text is None]
    texts = {}
    for i, read in zip(unlabelled, command.read([lines[i].image for i in unlabelled]), strict=True):
        if isinstance(read, DataError):
            _refuse(str(lines[i].name), f"{lines[i].name}: {read}", failed)
        elif read.text and (read.confidence is None or read.confidence >= least):
            texts[i] = read.text
    return texts


@contextmanager
def _opened(source: FileSource) -> Iterator[Contents]:
    with TemporaryDirectory() as cache:
        yield open_contents(source, Path(), Path(cache))


def _readable(
    contents: Contents, rows: range, refused: dict[str, str], tell: Callable[[int], object]
) -> Iterator[Written]:
    """The lines among `rows` whose image can be decoded; the others are added to `refused`."""
    for row in rows:
        name = contents.names[row]
        try:
            image = contents.fetch(row)
            decode_image(image, name)
        except DataError as error:
            _refuse(name, reason_of(error, name), refused)
        else:
            yield Written(image, name, contents.texts[row])
        tell(1)


def _refuse(name: str, reason: str, refused: dict[str, str]) -> None:
    """Several lines may have one name."""
    free = next(key for i in count() if (key := f"{name}#{i}" if i else name) not in refused)
    refused[free] = reason


def _expressible(lines: Iterator[Written], to: ConvertedFormat, refused: dict[str, str]) -> Iterator[Written]:
    """The lines whose label the format can hold; the others are added to `refused`."""
    for line in lines:
        name = str(line.name)
        broken = [c for c in ("\0\t\n\r" if to == "tsv" else "\0") if c in (line.text or "")]
        if line.text is None:
            _refuse(name, f"{name}: has no label, and {to} is written for labelled lines", refused)
        elif to == "lmdb" and line.text.startswith(BYTE_ORDER_MARK):
            reason = "begins with a byte order mark, which is taken off where an lmdb is read; leave it out"
            _refuse(name, f"{name}: its label {line.text!a} {reason}", refused)
        elif broken:
            _refuse(name, f"{name}: its label {line.text!r} holds {broken}, which would break {to}", refused)
        else:
            yield line


def _nothing_left(source: FileSource, refused: dict[str, str]) -> str:
    return f"source {source.name}: not one line can be used; the first reasons: {first_of(list(refused.values()))}"


@contextmanager
def _whole_folder(target: Path) -> Iterator[Path]:
    """A folder that takes its name when everything is in it; after an error there is none."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        with naming_file(target, temporary):
            temporary.mkdir()
            yield temporary
            take_name(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write_lmdb(lines: Iterator[Written], folder: Path) -> int:
    number = 0
    try:
        with lmdb.open(str(folder), map_size=MAP_BYTES) as environment:
            transaction = environment.begin(write=True)
            for number, line in enumerate(lines, 1):
                transaction.put(image_key(number), line.image)
                transaction.put(label_key(number), str(line.text).encode())
                transaction.put(path_key(number), str(line.name).encode())
                if number % LINES_A_COMMIT == 0:
                    transaction.commit()
                    transaction = environment.begin(write=True)
            transaction.put(COUNT, b"%d" % number)
            transaction.commit()
    except lmdb.Error as error:
        raise DataError(f"{folder}: cannot be written: {error}") from error
    return number


def _write_tsv(lines: Iterator[Written], folder: Path) -> int:
    rows = [("file", "text")]
    for number, line in enumerate(lines):
        path = _free_path(line, number, folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(line.image)
        rows.append((path.relative_to(folder).as_posix(), str(line.text)))
    write_whole(folder / LABEL_FILES[0], tab_separated(rows).encode())
    return len(rows) - 1


def _free_path(line: Written, number: int, folder: Path) -> Path:
    """Where a line's image goes: its name, with the suffix of its format; a number where that is no file name."""
    name = str(line.name)
    usable = (
        lies_inside(name)
        and not any(ord(c) < 32 or c in f'\\:*?"<>|{BYTE_ORDER_MARK}' for c in name)
        and all(len(part.encode(errors="replace")) <= NAME_BYTES for part in name.split("/"))
    )
    suffix = _suffix(line.image)
    wanted = name if usable else f"{number:06d}"
    if not wanted.lower().endswith(IMAGE_SUFFIXES):
        wanted += suffix
    path = folder / wanted
    if not path.exists() and not any(parent.is_file() for parent in path.parents):
        return path
    numbered = (folder / f"{number:06d}-{i}{suffix}" for i in count())
    return next(path for path in numbered if not path.exists())


def _suffix(image: bytes) -> str:
    with Image.open(io.BytesIO(image)) as opened:
        return SUFFIXES.get(str(opened.format), f".{str(opened.format).lower()}")
