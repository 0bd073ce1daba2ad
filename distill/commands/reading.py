"""Commands that use a model on pictures: read lines, and make the language model that helps to read them."""

from __future__ import annotations

import argparse
import csv
import io
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from distill.commands import INTERRUPTED, USER_ERROR, Commands, add, as_json, reports, show, takes_model
from distill.commands.decoding_options import decoding_of, takes_decoding, takes_turned
from distill.commands.images import (
    LINE_FORMS,
    PAGE_FORMS,
    Found,
    expect_free,
    form_of,
    found_images,
    looks_like_page,
    opened,
    say,
)
from distill.commands.review import REVIEW_PAGE
from distill.data.formats.contents import counted, first_of
from distill.delivery.target import expect_other
from distill.tsv import tsv_row
from students.encodings import saved_as_utf8
from students.errors import DataError
from students.image import ImageInput, Preparation, image_size

if TYPE_CHECKING:
    from distill.delivery.review import Doubtful
    from students.reader import Reader
    from students.reading import Reading

QUARTER = 90  # degrees
HEADING = ("image", "text", "confidence", "least_sure", "least_sure_confidence", "review")


def add_to(commands: Commands) -> None:
    """Add the commands of this module."""
    read = add(commands, "read", _read, "read line images")
    takes_model(read)
    read.add_argument(
        "images",
        nargs="+",
        metavar="IMAGE",
        help="file, folder (with all below it) or quoted glob; a table, tar or LMDB of lines",
    )
    read.add_argument("--pages", action="store_true", help="the images are pages, and MODEL finds their lines")
    read.add_argument("--recogniser", metavar="MODEL", help="with --pages: what reads the lines that MODEL finds")
    read.add_argument(
        "--to",
        choices=list(dict.fromkeys(LINE_FORMS + PAGE_FORMS)),
        help="without it as the suffix of --out says, else tsv: path, text, confidence; of pages txt: the text, pages "
        "after form feeds",
    )
    read.add_argument("--json", action="store_const", const="json", dest="to", help="the same as --to json")
    read.add_argument(
        "--out",
        type=Path,
        metavar="PATH",
        help="file to write, called PATH.part until all is read; for hocr, alto, page, pdf a folder",
    )
    read.add_argument("--batch", type=int, default=32, metavar="N", help="images read together (default 32)")
    read.add_argument(
        "--processes", type=int, default=1, metavar="N", help="with --pages: processes that read at once (default 1)"
    )
    read.add_argument("--review-below", type=float, metavar="P", help="write a page of the lines below this confidence")
    read.add_argument("--review-page", type=Path, metavar="FILE", help="it (default review.html); pages need no P")
    takes_turned(read)
    takes_decoding(read, n_best=True)
    lm = add(commands, "lm", _lm, "make a character language model of a text file, for read --lm")
    lm.add_argument("text", type=Path, metavar="TEXT")
    lm.add_argument("out", type=Path, metavar="OUT")
    lm.add_argument("--order", type=int, default=5, metavar="N", help="characters of an n-gram (default 5)")
    lm.add_argument("--caseless", action="store_true", help="count capitals as small letters")
    reports(lm)


@dataclass
class _Seen:
    """What was met while lines were read: how many, and which of them a person should look at."""

    failed: int
    read: int = 0
    pages: list[str] = field(default_factory=list)
    doubtful: list[Doubtful] = field(default_factory=list)


def _read(options: argparse.Namespace) -> int:
    if options.processes < 1 or (options.processes > 1 and not options.pages):
        raise DataError(f"--processes {options.processes}: is at least 1, and goes with --pages")
    if options.batch < 1:
        raise DataError(f"--batch {options.batch}: at least one image is read at a time")
    if not 0 <= (options.review_below or 0) <= 1:
        raise DataError(f"--review-below {options.review_below:g}: is a confidence, between 0 and 1")
    if options.pages:
        if (options.n_best or 1) > 1:
            raise DataError(f"--n-best {options.n_best}: goes with lines; texts of pages have no alternatives")
        from distill.commands.page_reading import read_whole_pages

        return read_whole_pages(options)
    if options.recogniser:
        raise DataError("--recogniser goes with --pages")
    form = form_of(options, LINE_FORMS)
    if (options.n_best or 1) > 1 and form != "json" and options.review_below is None:
        raise DataError(
            f"--n-best {options.n_best}: alternatives stand in --to json, and on the page of --review-below"
        )
    return _read_lines(options, form)


def _read_lines(options: argparse.Namespace, form: str) -> int:
    import teachers
    from distill.delivery.html_page import expect_writable
    from teachers.shipped import find_student_or_teacher

    if options.review_page and options.review_below is None:
        raise DataError("--review-page needs --review-below: which lines are doubtful?")
    review_page = options.review_page or REVIEW_PAGE
    if options.review_below is not None:
        expect_writable(review_page)
    reader = teachers.load(find_student_or_teacher(options.model))
    reader.decode_by(decoding_of(options), options.review_below or 0.0)
    reader.turn_by(options.turned)
    images, failed = found_images(options.images, held=True)
    if options.review_below is not None and (held := [each for each in images if each.fetch]):
        raise DataError(f"--review-below: {held[0].folder} holds no files that labels could lie beside; give pictures")
    expect_free(options.out, images, [str(reader.path), options.lm])
    seen = _Seen(failed)
    readings, stopped = _readings(reader, images, options.batch), False
    try:
        with opened(options.out) as target:
            _write_readings(readings, form, reader.description.preparation, target, seen)
    except KeyboardInterrupt:
        stopped = True
    if seen.failed:
        say(f"{seen.failed} of {len(images)} images could not be read")
    if seen.pages:
        say(
            f"{len(seen.pages)} of {len(images)} images, read as one line each, may be whole pages: "
            f"{first_of(seen.pages)}; pages are read by: distill read --pages pages IMAGE"
        )
    if options.review_below is not None:
        _write_page(review_page, seen.doubtful, reader)
    if stopped:
        say(f"stopped; what was read until then, {seen.read} of {len(images)} images, is written")
        return INTERRUPTED
    return USER_ERROR if seen.failed else 0


def _write_readings(
    readings: Iterator[tuple[Found, Reading | DataError]],
    form: str,
    preparation: Preparation,
    target: TextIO,
    seen: _Seen,
) -> None:
    """Write a row for each image that could be read, and say of each other one why not."""
    from distill.delivery.review import Doubtful

    heading = _csv_row(HEADING) + "\n" if form == "csv" else ""
    for found, read in readings:
        if isinstance(read, DataError):
            seen.failed += 1
            say(str(read))
            continue
        print(heading + _row(found, read, form, preparation, target), file=target)
        heading = ""
        seen.read += 1
        if looks_like_page(found, read):
            seen.pages.append(str(found.image))
        if read.review:
            seen.doubtful.append(Doubtful(found.image, found.folder, read))


def _readings(reader: Reader, images: Sequence[Found], batch: int) -> Iterator[tuple[Found, Reading | DataError]]:
    """Every image with its reading or with what is wrong with it; a bad one does not cost the others of its batch."""
    from distill.track import progress

    waiting = iter(images)
    with progress("reading", len(images), "line", shown=sys.stderr.isatty() or len(images) > batch) as bar:
        while some := list(islice(waiting, batch)):
            pictures = [_picture(found) for found in some]
            there: list[ImageInput] = [picture for picture in pictures if not isinstance(picture, DataError)]
            names = [str(f.image) for f, p in zip(some, pictures, strict=True) if not isinstance(p, DataError)]
            readings = iter(reader.read_each(there, batch, names))
            yield from zip(some, (p if isinstance(p, DataError) else next(readings) for p in pictures), strict=True)
            bar.update(len(some))


def _picture(found: Found) -> Path | bytes | DataError:
    """What a reader is given of an image; or what is wrong with a line that is in no file of its own."""
    try:
        return found.image if found.fetch is None else found.fetch()
    except DataError as error:
        return error


def _row(found: Found, reading: Reading, form: str, preparation: Preparation, target: TextIO) -> str:
    if form == "json":
        return as_json(_as_dict(found, reading, preparation), target)
    least = reading.least_sure
    if form == "csv":
        lowest = (least.text, f"{least.confidence:.4f}") if least else ("", "")
        return _csv_row(
            [str(found.image), reading.text, f"{reading.confidence:.4f}", *lowest, str(reading.review).lower()]
        )
    return tsv_row([str(found.image), reading.text, f"{reading.confidence:.4f}"])


def _as_dict(found: Found, reading: Reading, preparation: Preparation) -> dict[str, Any]:
    extents = reading.extents_px(preparation, *image_size(found.encoded(), str(found.image)))
    characters = [
        vars(c) | {"left_px": left, "right_px": right}
        for c, (left, right) in zip(reading.characters, extents, strict=True)
    ]
    turned = {"turned": QUARTER * reading.quarters} if reading.quarters else {}
    return turned | {
        "image": str(found.image),
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
        say("no line is doubtful; no page is written")
        return
    page = write_review(path, doubtful, reader.description.charset, reader.description.preparation)
    for name in page.unnameable:
        say(f"{name!r} is not on the page: no labels.tsv can hold its name; rename the file")
    if not page.shown:
        say(f"no page is written: none of {counted(len(doubtful), 'doubtful line')} can be on it")
        return
    if page.earlier is not None:
        say(f"{path}: another page had that name; it is {page.earlier} now")
    say(f"{path}: {counted(page.shown, 'doubtful line')} to look at")
    if page.left_out:
        say(
            f"not on the page: {counted(page.left_out, 'more doubtful line')}, the "
            "most confident; read again when it is done"
        )
    if (page.folder / "labels.tsv").exists():
        say(f"{page.folder} has a labels.tsv already: add the new rows to it instead of replacing it")


def _lm(options: argparse.Namespace) -> int:
    from students.language import count_text, write_language

    expect_other(options.out, [options.text])
    try:
        text = options.text.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{options.text}: not UTF-8 text (byte {error.start}); {saved_as_utf8(error)}") from error
    try:
        model = count_text(text.splitlines(), options.order, options.caseless)
    except DataError as error:
        raise DataError(f"{options.text}: {error}") from error
    digest = write_language(options.out, model)
    result = {"order": model.order, "characters": len(model.characters), "grams": len(model.grams_G), "sha256": digest}
    words = f"{options.out}: {result['grams']:,} {model.order}-grams of {len(model.characters)} characters"
    show(result, options, words)
    return 0
