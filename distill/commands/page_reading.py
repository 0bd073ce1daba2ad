"""`distill read --pages`: whole pages, found and read."""

from __future__ import annotations

import argparse
import os
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from distill.commands import INTERRUPTED, USER_ERROR, as_json
from distill.commands.decoding_options import decoding_of
from distill.commands.images import PAGE_FORMS, Found, expect_free, form_of, found_images, opened, say
from distill.commands.review import REVIEW_PAGE, say_written
from distill.data.formats.contents import counted, first_of
from distill.delivery.page_input import PDF, PageFile, PdfPages, name_of_page, opened_pages
from distill.delivery.page_output.places import places_of
from distill.delivery.page_output.review_sink import ReviewSink
from distill.delivery.page_output.sinks import SUFFIXES, FileSink, PdfSink, Sink, StreamSink
from distill.delivery.page_review import PageReview
from students.errors import DataError

if TYPE_CHECKING:
    from distill.delivery.page_processes import ReadPages
    from students.charset import Charset
    from students.pages.page import Page


class _Counts:
    """What became of the pages."""

    def __init__(self, failed: int) -> None:
        self.failed, self.pages, self.unread = failed, 0, 0
        self.documents = False
        self.drawn: list[str] = []
        self.upside_down: list[str] = []
        self.without_lines: list[str] = []

    def refuse(self, error: DataError) -> None:
        """Count a page that could not be read, and say why."""
        self.failed += 1
        say(str(error))

    def say_problems(self, name: str, page: Page) -> None:
        """Count pages without lines, and lines that could not be read; say why, and that a page is on its head."""
        if not page.lines:
            self.without_lines.append(name)
        if page.upside_down:
            self.upside_down.append(name)
            say(f"{name}: the page seems to stand on its head; turn it by 180 degrees and read it again")
        for line in page.lines:
            if line.problem:
                self.unread += 1
                say(f"{name}: {line.problem}")


def read_whole_pages(options: argparse.Namespace) -> int:
    """Read the pages that the options name; the exit code tells of those that could not be read."""
    form = form_of(options, PAGE_FORMS)
    images, failed = found_images(options.images, (PDF,))
    counts = _Counts(failed)
    review = _review(options, images)
    try:
        with _reading(options) as (read, charset), _sink(options, form, images) as sink:  # a wrong model writes nothing
            if review is not None:
                sink = ReviewSink(sink, review, options.review_below is not None)
            try:
                _Work(images, sink, counts).done_by(read)
            finally:
                _tell(sink, counts)
                if isinstance(sink, ReviewSink) and counts.pages:
                    say_written(sink.review.write(charset), sink.documents)
    except KeyboardInterrupt:
        say(f"stopped; what was read until then, {counted(counts.pages - counts.failed, 'page')}, is written")
        return INTERRUPTED
    return USER_ERROR if counts.failed else 0


def _review(options: argparse.Namespace, images: Sequence[Found]) -> PageReview | None:
    """What collects the pages to look at, where that is asked for; what it saves is to lie above all of the images."""
    if options.review_below is None and options.review_page is None:
        return None
    folder = os.path.commonpath([os.path.abspath(each.folder) for each in images])
    return PageReview(options.review_page or REVIEW_PAGE, Path(folder))


@contextmanager
def _reading(options: argparse.Namespace) -> Iterator[tuple[ReadPages, Charset]]:
    """What reads pages: here, or in so many processes; and the characters that it can write."""
    from distill.delivery.page_processes import Opening, reading_in_processes

    below = options.review_below or 0.0
    opening = Opening(options.model, options.recogniser, decoding_of(options), below, options.turned)
    reader = opening.open()
    charset = reader.recogniser.description.charset
    if options.processes == 1:
        yield partial(reader.read_pages, batch_size=options.batch), charset
        return
    del reader  # the processes have their own
    with reading_in_processes(opening, options.batch, options.processes) as read:
        yield read, charset


@contextmanager
def _sink(options: argparse.Namespace, form: str, images: Sequence[Found]) -> Iterator[Sink]:
    """Where the pages go: a stream, or files in the folder that is named, or the output for one page."""
    if form not in SUFFIXES:
        expect_free(options.out, images, [options.model, options.recogniser, options.lm])
        with opened(options.out) as target:
            yield StreamSink(target, form, as_json)
        return
    places: Any = sys.stdout.buffer if options.out is None else _places(images, options.out, form)
    if options.out is None:
        _expect_one(images, form)
    yield PdfSink(places) if form == "pdf" else FileSink(form, places)


def _places(images: Sequence[Found], out: Path, form: str) -> dict[Path, Path]:
    return places_of([(each.image, each.folder) for each in images], out, SUFFIXES[form])


def _expect_one(images: Sequence[Found], form: str) -> None:
    """Raise `DataError` where there is more to write than one file."""
    n_pages = len(images)
    if n_pages == 1 and form != "pdf":
        with opened_pages(images[0].image) as file:
            n_pages = file.n_pages
    if n_pages > 1:
        raise DataError(f"--to {form}: {n_pages} pages or files are not one; name a folder for them by --out")
    if form == "pdf" and sys.stdout.isatty():
        raise DataError("--to pdf: a PDF is nothing for a terminal; name a folder for it by --out")


class _Work:
    """Pages on their way: asked for by the reader, waiting until they are read, taken by the sink.

    What is wrong with one costs the others nothing. The end of a file waits in its place among the pages.
    """

    def __init__(self, images: Sequence[Found], sink: Sink, counts: _Counts) -> None:
        self._images, self._sink, self._counts = images, sink, counts
        self._waiting: deque[tuple[PageFile, int, np.ndarray | None]] = deque()
        self._open: list[PageFile] = []  # whose end did not come yet

    def done_by(self, read: ReadPages) -> None:
        """Read every page of every file."""
        from distill.track import progress

        # counted by file until a document is opened
        with progress("reading", len(self._images), "page", shown=sys.stderr.isatty() or len(self._images) > 1) as bar:
            try:
                for page in read(self._pixels(bar)):
                    self._take(page, bar)
            finally:
                self._end_files()
                for file in self._open:
                    self._sink.end(file, stopped=True)

    def _pixels(self, bar: Any) -> Iterator[np.ndarray]:
        """The pages that are wanted, in order, each decoded when it is asked for."""
        for image, *_ in self._images:
            try:
                with opened_pages(image) as file:
                    bar.total = (bar.total or 0) + file.n_pages - 1
                    self._open.append(file)
                    yield from self._pixels_of(file, bar)
            except DataError as error:  # noqa: PERF203 - the other files are read
                self._counts.pages += 1
                self._counts.refuse(error)
                bar.update(1)

    def _pixels_of(self, file: PageFile, bar: Any) -> Iterator[np.ndarray]:
        self._counts.documents |= file.document
        for number in range(1, file.n_pages + 1):
            try:
                wanted = self._sink.wants(file, number)
                self._counts.pages += wanted
                pixels_HWC = file.pixels(number) if wanted else None
            except DataError as error:
                self._counts.refuse(error)
                pixels_HWC = None
            if pixels_HWC is None:
                bar.update(1)
                continue
            self._waiting.append((file, number, pixels_HWC))
            yield pixels_HWC
        if isinstance(file, PdfPages) and file.without_picture:
            self._counts.drawn.append(f"{file.path} ({file.without_picture})")
        self._waiting.append((file, 0, None))

    def _take(self, page: Page | DataError, bar: Any) -> None:
        """Give the sink the page that has waited longest, which was read."""
        self._end_files()
        file, number, pixels_HWC = self._waiting.popleft()
        assert pixels_HWC is not None
        try:
            if isinstance(page, DataError):
                raise page
            self._sink.add(file, number, pixels_HWC, page)
            self._counts.say_problems(name_of_page(file, number), page)
        except DataError as error:
            self._counts.refuse(error)
        bar.update(1)

    def _end_files(self) -> None:
        """End the files whose last page was taken."""
        while self._waiting and self._waiting[0][2] is None:
            file, _, _ = self._waiting.popleft()
            self._open.remove(file)
            self._sink.end(file)


def _tell(sink: Sink, counts: _Counts) -> None:
    """Say what became of the pages, as far as they were not just read."""
    for note, names in sink.notes.items():
        say(f"{len(names)} {note}: {first_of(names)}")
    if counts.drawn:
        say(
            f"{counted(len(counts.drawn), 'PDF')} with pages without a picture, "
            f"drawn at 200 dpi: {first_of(counts.drawn)}"
        )
    if counts.failed:
        what = "pages" if counts.documents else "images"
        say(f"{counts.failed} of {counts.pages} {what} could not be read")
    if counts.without_lines:
        say(f"{len(counts.without_lines)} of {counts.pages} pages without a line: {first_of(counts.without_lines)}")
    if len(counts.upside_down) > 1:
        say(f"{len(counts.upside_down)} pages seem to stand on their heads: {first_of(counts.upside_down)}")
    if counts.unread:
        say(f"{counted(counts.unread, 'line')} found that could not be read")
