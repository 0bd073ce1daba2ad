"""Commands that use a model on pictures: read lines, and make the language model that helps to read them."""

from __future__ import annotations

import argparse
import csv
import glob
import io
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from distill.commands import UNWRITABLE, USER_ERROR, Commands, add, as_json, reports, show, takes_model
from distill.commands.decoding import decoding_of, takes_decoding
from distill.data.formats.listing import images_below
from distill.tsv import tsv_row
from students.errors import DataError
from students.image import Preparation, image_size

if TYPE_CHECKING:
    from students.decode import Reading
    from students.reading import Reader

HEADING = ("image", "text", "confidence", "least_sure", "least_sure_confidence", "review")
Found = tuple[Path, Path]  # an image, and the folder that was named for it


def add_to(commands: Commands) -> None:
    """Add the commands of this module."""
    read = add(commands, "read", _read, "read line images")
    takes_model(read)
    read.add_argument("images", nargs="+", metavar="IMAGE", help="file, folder (with all below it) or quoted glob")
    read.add_argument("--to", choices=["tsv", "json", "csv"], default="tsv", help="tsv: path, text, confidence")
    read.add_argument("--json", action="store_const", const="json", dest="to", help="the same as --to json")
    read.add_argument("--out", type=Path, metavar="FILE", help="write there instead of the terminal")
    read.add_argument("--batch", type=int, default=32, metavar="N", help="images read together (default 32)")
    read.add_argument("--review-below", type=float, metavar="P", help="write a page of the lines below this confidence")
    read.add_argument("--review-page", type=Path, metavar="FILE", help="the page (default review.html)")
    takes_decoding(read)
    lm = add(commands, "lm", _lm, "make a character language model of a text file, for read --lm")
    lm.add_argument("text", type=Path, metavar="TEXT")
    lm.add_argument("out", type=Path, metavar="OUT")
    lm.add_argument("--order", type=int, default=5, metavar="N", help="characters of an n-gram (default 5)")
    reports(lm)


def _read(options: argparse.Namespace) -> int:
    import teachers
    from distill.delivery.review import Doubtful
    from teachers.shipped import find_student_or_teacher

    if options.batch < 1 or not 0 <= (options.review_below or 0) <= 1:
        raise DataError("--batch is at least 1, and --review-below between 0 and 1")
    if options.review_page and options.review_below is None:
        raise DataError("--review-page needs --review-below: which lines are doubtful?")
    reader = teachers.load(find_student_or_teacher(options.model))
    reader.decode_by(decoding_of(options), options.review_below or 0.0)
    images, failed = _found(options.images)
    preparation = reader.description.preparation
    doubtful: list[Doubtful] = []
    with _opened(options.out) if options.out else nullcontext(sys.stdout) as target:
        if options.to == "csv":
            print(_csv_row(HEADING), file=target)
        for (image, folder), read in _readings(reader, images, options.batch):
            if isinstance(read, DataError):
                failed += 1
                _say(str(read))
                continue
            print(_row(image, read, options.to, preparation, target), file=target)
            if read.review:
                doubtful.append(Doubtful(image, folder, read))
    if failed:
        _say(f"{failed} of {len(images)} images could not be read")
    if options.review_below is not None:
        _write_page(options.review_page or Path("review.html"), doubtful, reader)
    return USER_ERROR if failed else 0


def _opened(path: Path) -> TextIO:
    return path.open("w", encoding="utf-8", errors=UNWRITABLE, newline="")


def _say(message: str) -> None:
    print(f"distill: {message}", file=sys.stderr)


def _found(given: Sequence[str]) -> tuple[list[Found], int]:
    """Every image once, in the order given, those of a folder or glob sorted; and how many words mean none."""
    found: dict[str, Found] = {}
    empty = 0
    for word in given:
        path = Path(word)
        if path.is_dir():
            some = [path / name for name in images_below(path)]
        elif not path.exists() and glob.has_magic(word):
            some = sorted(p for p in map(Path, glob.glob(word, recursive=True)) if p.is_file())
        else:
            some = [path]
        if not some:
            empty += 1
            _say(f"{word}: no images there")
        for image in some:
            found.setdefault(os.path.abspath(image), (image, path if path.is_dir() else image.parent))
    if not found:
        raise DataError("no images to read")
    return list(found.values()), empty


def _readings(reader: Reader, images: Sequence[Found], batch: int) -> Iterator[tuple[Found, Reading | DataError]]:
    """Every image with its reading or with what is wrong with it; a bad one does not cost the others of its batch."""
    from distill.track import progress

    waiting = iter(images)
    with progress("reading", len(images), "line", shown=sys.stderr.isatty() or len(images) > batch) as bar:
        while some := list(islice(waiting, batch)):
            yield from zip(some, reader.read_each([image for image, _ in some], batch), strict=True)
            bar.update(len(some))


def _row(image: Path, reading: Reading, form: str, preparation: Preparation, target: TextIO) -> str:
    if form == "json":
        return as_json(_as_dict(image, reading, preparation), target)
    least = reading.least_sure
    if form == "csv":
        lowest = (least.text, f"{least.confidence:.4f}") if least else ("", "")
        return _csv_row([str(image), reading.text, f"{reading.confidence:.4f}", *lowest, str(reading.review).lower()])
    return tsv_row([str(image), reading.text, f"{reading.confidence:.4f}"])


def _as_dict(image: Path, reading: Reading, preparation: Preparation) -> dict[str, Any]:
    extents = reading.extents_px(preparation, *image_size(image.read_bytes(), str(image)))
    characters = [
        vars(c) | {"left_px": left, "right_px": right}
        for c, (left, right) in zip(reading.characters, extents, strict=True)
    ]
    return {
        "image": str(image),
        "text": reading.text,
        "confidence": reading.confidence,
        "least_sure": vars(reading.least_sure) if reading.least_sure else None,
        "review": reading.review,
        "characters": characters,
        "alternatives": [{"text": text, "confidence": p} for text, p in reading.alternatives],
    }


def _csv_row(cells: Sequence[str]) -> str:
    row = io.StringIO()
    csv.writer(row, lineterminator="").writerow(cells)
    return row.getvalue()


def _write_page(path: Path, doubtful: Sequence[Any], reader: Reader) -> None:
    from distill.delivery.review import write_review

    if not doubtful:
        _say("no line is doubtful; no page is written")
        return
    page = write_review(path, doubtful, reader.description.charset, reader.description.preparation)
    if page.earlier is not None:
        _say(f"{path}: another page had that name; it is {page.earlier} now")
    _say(f"{path}: {page.shown} doubtful lines to look at")
    if page.left_out:
        _say(
            f"{page.left_out} more doubtful lines, the most confident, are not on the page; read again when it is done"
        )
    for name in page.unnameable:
        _say(f"{name!r} is not on the page: no labels.tsv can hold its name")
    if (page.folder / "labels.tsv").exists():
        _say(f"{page.folder} has a labels.tsv already: add the new rows to it instead of replacing it")


def _lm(options: argparse.Namespace) -> int:
    from students.language import count_text, write_language

    try:
        text = options.text.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{options.text}: not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    model = count_text(text.splitlines(), options.order)
    digest = write_language(options.out, model)
    result = {"order": model.order, "characters": len(model.characters), "grams": len(model.grams_G), "sha256": digest}
    words = f"{options.out}: {result['grams']:,} {model.order}-grams of {len(model.characters)} characters"
    show(result, options, words)
    return 0
