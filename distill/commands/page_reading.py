"""`distill read --pages`: whole pages, found and read."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill.commands import USER_ERROR, as_json
from distill.commands.decoding import decoding_of
from distill.commands.images import Found, form_of, found_images, opened, say
from distill.commands.reading import PAGE_FORMS
from distill.data.formats.contents import first_of
from distill.delivery.page_input import PDF, PageFile, PdfPages, name_of_page, opened_pages
from distill.delivery.page_output.places import places_of
from distill.delivery.page_output.sinks import SUFFIXES, FileSink, PdfSink, Sink, StreamSink
from students.errors import DataError

if TYPE_CHECKING:
    from students.pages.page import Page
    from students.pages.reader import PageReader

STOPPED = 130  # as shells have it for a command that Ctrl-C ends


class _Counts:
    """What became of the pages."""

    def __init__(self, failed: int) -> None:
        self.failed, self.pages, self.unread = failed, 0, 0
        self.documents = False
        self.drawn: list[str] = []

    def refuse(self, error: DataError) -> None:
        """Count a page that could not be read, and say why."""
        self.failed += 1
        say(str(error))

    def say_problems(self, name: str, page: Page) -> None:
        """Count the lines that were found and could not be read, and say why."""
        for line in page.lines:
            if line.problem:
                self.unread += 1
                say(f"{name}: {line.problem}")


def read_pages(options: argparse.Namespace) -> int:
    """Read the pages that the options name; the exit code tells of those that could not be read."""
    form = form_of(options, PAGE_FORMS)
    if options.review_below is not None or options.review_page:
        raise DataError("--review-below and --review-page are for lines; --to json has the confidence of every line")
    images, failed = found_images(options.images, (PDF,))
    counts = _Counts(failed)
    with _sink(options, form, images) as sink:
        reader = _page_reader(options)
        reader.recogniser.decode_by(decoding_of(options))
        try:
            _read_all(reader, images, options.batch, sink, counts)
        except KeyboardInterrupt:
            say(f"stopped; what was read until then, {counts.pages - counts.failed} pages, is written")
            return STOPPED
        finally:
            _tell(sink, counts)
    return USER_ERROR if counts.failed else 0


def _page_reader(options: argparse.Namespace) -> PageReader:
    """One file of both networks, or a locator and what reads; teachers too, where they have a part of their own."""
    if options.recogniser is None:
        import students  # a student alone needs nothing of teachers

        return students.load_page(options.model)
    import teachers

    return teachers.load_page(options.model, options.recogniser)


@contextmanager
def _sink(options: argparse.Namespace, form: str, images: Sequence[Found]) -> Iterator[Sink]:
    """Where the pages go: a stream, or files in the folder that is named, or the output for one page."""
    if form not in SUFFIXES:
        if options.out is None:
            yield StreamSink(sys.stdout, form, as_json)
            return
        with opened(options.out) as target:
            yield StreamSink(target, form, as_json)
        return
    places: Any = sys.stdout.buffer if options.out is None else places_of(images, options.out, SUFFIXES[form])
    if options.out is None:
        _expect_one(images, form)
    yield PdfSink(places) if form == "pdf" else FileSink(form, places)


def _expect_one(images: Sequence[Found], form: str) -> None:
    """Raise `DataError` where there is more to write than one file."""
    n_pages = len(images)
    if n_pages == 1 and form != "pdf":
        with opened_pages(images[0][0]) as file:
            n_pages = file.n_pages
    if n_pages > 1:
        raise DataError(f"--to {form}: {n_pages} pages or files are not one; name a folder for them by --out")
    if form == "pdf" and sys.stdout.isatty():
        raise DataError("--to pdf: a PDF is nothing for a terminal; name a folder for it by --out")


def _read_all(reader: PageReader, images: Sequence[Found], batch: int, sink: Sink, counts: _Counts) -> None:
    """Read every page of every file; what is wrong with one costs the others nothing."""
    from distill.track import progress

    def file_of(image: Path) -> None:
        with opened_pages(image) as file:
            bar.total = (bar.total or 0) + file.n_pages - 1
            _read_file(partial(reader.read_page, batch_size=batch), file, sink, counts, bar)

    # counted by file until a document is opened
    with progress("reading", len(images), "page", shown=sys.stderr.isatty() or len(images) > 1) as bar:
        for image, _ in images:
            if (error := _refused(file_of, image)) is not None:
                counts.pages += 1
                counts.refuse(error)
                bar.update(1)


def _refused(work: Callable[[Any], None], of: object) -> DataError | None:
    """Do a piece of the work; return what it is refused for, None where it is done."""
    try:
        work(of)
    except DataError as error:
        return error
    return None


def _read_file(read: Callable[[Any], Page], file: PageFile, sink: Sink, counts: _Counts, bar: Any) -> None:
    """Read the pages of a file."""

    def read_page(number: int) -> None:
        if sink.wants(file, number):
            counts.pages += 1
            pixels_HWC = file.pixels(number)
            page = read(pixels_HWC)
            sink.add(file, number, pixels_HWC, page)
            counts.say_problems(name_of_page(file, number), page)

    counts.documents |= file.document
    stopped = True
    try:
        for number in range(1, file.n_pages + 1):
            if (error := _refused(read_page, number)) is not None:
                counts.refuse(error)
            bar.update(1)
        stopped = False
    finally:
        sink.end(file, stopped)
        if isinstance(file, PdfPages) and file.without_picture:
            counts.drawn.append(f"{file.path} ({file.without_picture})")


def _tell(sink: Sink, counts: _Counts) -> None:
    """Say what became of the pages, as far as they were not just read."""
    for note, names in sink.notes.items():
        say(f"{len(names)} {note}: {first_of(names)}")
    if counts.drawn:
        say(f"{len(counts.drawn)} PDFs with pages without a picture, drawn at 200 dpi: {first_of(counts.drawn)}")
    if counts.failed:
        what = "pages" if counts.documents else "images"
        say(f"{counts.failed} of {counts.pages} {what} could not be read")
    if counts.unread:
        say(f"{counts.unread} lines were found and could not be read")
