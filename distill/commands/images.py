"""Images that a command is to read, and in which form and where it writes what it read."""

from __future__ import annotations

import argparse
import fnmatch
import glob
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TextIO

from distill.commands import UNWRITABLE
from distill.data.formats.label_search import LABEL_FILES, PADDLE_LISTS
from distill.data.formats.listing import images_below
from distill.data.formats.pairs import GROUND_TRUTH, TEXT, is_text
from distill.delivery.target import expect_other
from distill.durable import naming_file
from students.errors import DataError
from students.image import image_size
from students.model_file import fsync_folder

if TYPE_CHECKING:
    from students.reading import Reading

PAGE_SIDE_PX = 300  # both sides of a page have as many; a line has fewer in its height, unless it is magnified
SHORT, UNSURE = 2, 0.5  # characters, and the confidence, that a page which is read as one line seldom exceeds together
LINE_FORMS = ("tsv", "json", "csv")  # the first is the default, here and below
PAGE_FORMS = ("txt", "tsv", "json", "hocr", "alto", "page", "pdf")
FORM_OF_SUFFIX = {".tsv": "tsv", ".json": "json", ".jsonl": "json", ".csv": "csv", ".pdf": "pdf"}  # without --to
HELD_IN = (".parquet", ".arrow", ".tar", ".mdb")  # the ends of files that hold lines


class Found(NamedTuple):
    """An image, and the folder that was named for it.

    Of a line in a table, a tar or an LMDB `image` is its name behind that of the place, `folder` the place, and `fetch`
    gives its bytes.
    """

    image: Path
    folder: Path
    fetch: Callable[[], bytes] | None = None

    def encoded(self) -> bytes:
        """Return its bytes; raises `DataError` where a line has none."""
        return self.image.read_bytes() if self.fetch is None else self.fetch()


def found_images(given: Sequence[str], also: Sequence[str] = (), held: bool = False) -> tuple[list[Found], int]:
    """Return every image once, in the order given, those of a folder or glob sorted; and how many words mean none.

    Of a folder, files that end in one of `also`, in small letters, are taken as well. `held`: lines of a table, a tar
    or an LMDB are images, too. Raises `DataError` where there are none at all, and for such a place that does not open.
    """
    found: dict[str, Found] = {}
    empty = 0
    for word in given:
        path = Path(word)
        if path.is_dir():
            some = [path / name for name in images_below(path, also)]
        elif not path.exists() and glob.has_magic(word):
            some = sorted(p for p in map(Path, glob.glob(word, recursive=True)) if p.is_file())
        else:
            some = [path]
        places = [each for each in some or [path] if _holds_lines(each)]
        if places and not held:
            raise DataError(f"{places[0]}: holds lines, and pages are read from pictures")
        if not some and not places:
            empty += 1
            say(f"{word}: no images there")
        for image in some or places:
            if image in places:
                found.update((os.path.abspath(each.image), each) for each in _lines_held_in(image))
            else:
                found.setdefault(os.path.abspath(image), Found(image, path if path.is_dir() else image.parent))
    if not found:
        raise DataError("no images to read")
    return list(found.values()), empty


def _holds_lines(path: Path) -> bool:
    """Whether a file, or a folder without images, holds lines as a table, a tar or an LMDB."""
    if path.is_dir():
        return any(_holds_lines(each) for each in path.iterdir() if not each.is_dir())
    return path.suffix.lower() in HELD_IN and path.is_file()


def _lines_held_in(place: Path) -> list[Found]:
    from distill.data.formats.opening import open_contents, source_at  # imports datasets, which images do without
    from distill.data.lines import unique_names  # imports torch

    contents = open_contents(source_at(str(place), "lines"), Path(), Path())
    names = unique_names(contents.names)
    return [Found(place / name, place, partial(contents.fetch, row)) for row, name in enumerate(names)]


def form_of(options: argparse.Namespace, forms: Sequence[str]) -> str:
    """Return the form that --to names, else the suffix of --out, else the first.

    Raises `DataError` for one that does not exist here, and for a suffix whose form is written into a folder.
    """
    by_suffix = None if options.out is None else FORM_OF_SUFFIX.get(options.out.suffix.lower())
    form: str = options.to or by_suffix or forms[0]
    if form not in forms:
        what = f"--to {form}" if options.to else f"--out {options.out}"
        raise DataError(f"{what}: {'pages' if options.pages else 'lines'} are written as {', '.join(forms)}")
    if form == "pdf" and options.to is None:
        raise DataError(f"--out {options.out}: PDFs are written into a folder: --to pdf --out FOLDER")
    return form


def expect_free(out: Path | None, images: Sequence[Found], models: Sequence[str | None]) -> None:
    """Raise `DataError` where a result would take the place of an image, a model, or of labels beside the images."""
    held = {each.folder for each in images if each.fetch}
    within = [file for place in held if place.is_dir() for file in place.iterdir()]
    expect_other(out, [*(each.image for each in images), *held, *within, *filter(None, models)])
    if out is None or not out.is_file():
        return
    beside = {os.path.abspath(folder) for each in images for folder in (each.folder, each.image.parent)}
    of_one = {os.path.abspath(each.image.with_suffix(TEXT)) for each in images}
    labels = any(fnmatch.fnmatchcase(out.name.casefold(), known.casefold()) for known in (*LABEL_FILES, *PADDLE_LISTS))
    labels = labels or is_text(out.name, GROUND_TRUTH)
    if os.path.abspath(out) in of_one or (labels and os.path.abspath(out.parent) in beside):
        raise DataError(f"{out}: labels these images, and would be written over; choose another name, or move it away")


@contextmanager
def opened(path: Path | None) -> Iterator[TextIO]:
    """Give what the results are written to: the terminal, or a file that takes its name when the block ends.

    Until then it is called `NAME.part`. Where the block is interrupted that stays, and so does an earlier file of the
    name, which stays too where nothing comes; either is said. A missing folder is made. Raises `OSError` at once where
    no file can be written.
    """
    if path is None:
        yield sys.stdout
        return
    existed = path.exists()
    if existed and not path.is_file():  # a pipe has no other name; a folder is refused here
        with _open(path) as target:
            yield target
        return
    real = path.resolve()  # a link stays one
    part = real.with_name(f"{real.name}.part")
    with naming_file(path, part):
        if not real.parent.exists():
            real.parent.mkdir(parents=True)
        target = _open(part)
    whole = False
    try:
        with target:
            yield target
            target.flush()
            os.fsync(target.fileno())
        whole = True
    finally:
        if not part.stat().st_size:
            part.unlink()
            say(f"{path}: not written, since nothing was read" + ("; what was there stays" if existed else ""))
        elif whole:
            part.replace(real)
            fsync_folder(real.parent)
        else:
            say(f"{part}: what was read before it stopped" + (f"; {path} stays as it was" if existed else ""))


def _open(path: Path) -> TextIO:
    """A file to write text to; names of files that are no text do not end a command."""
    return path.open("w", encoding="utf-8", errors=UNWRITABLE, newline="")


def looks_like_page(found: Found, reading: Reading) -> bool:
    """Return whether a picture that was read as one line seems to be a page: large either way, and not really read."""
    if len(reading.text) > SHORT and reading.confidence >= UNSURE:
        return False
    return min(image_size(found.encoded(), str(found.image))) >= PAGE_SIDE_PX


def say(message: str) -> None:
    """Tell the user something that is no result."""
    print(f"distill: {message}", file=sys.stderr)
