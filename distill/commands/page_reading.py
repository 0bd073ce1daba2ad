"""`distill read --pages`: whole pages, found and read."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from distill.commands import USER_ERROR, as_json
from distill.commands.decoding import decoding_of
from distill.commands.images import Found, form_of, found_images, opened, say
from distill.commands.reading import PAGE_FORMS
from distill.delivery.page_forms import page_record, page_rows
from students.errors import DataError

if TYPE_CHECKING:
    from students.pages.page import Page
    from students.pages.reader import PageReader

PAGE_BREAK = "\f"  # between the texts of pages, as Tesseract writes it


def read_pages(options: argparse.Namespace) -> int:
    """Read the pages that the options name; the exit code tells of those that could not be read."""
    form = form_of(options, PAGE_FORMS)
    if options.review_below is not None or options.review_page:
        raise DataError("--review-below and --review-page are for lines; --to json has the confidence of every line")
    reader = _page_reader(options)
    reader.recogniser.decode_by(decoding_of(options))
    images, failed = found_images(options.images)
    unread = 0
    with opened(options.out) if options.out else nullcontext(sys.stdout) as target:
        for number, (image, page) in enumerate(_pages(reader, images, options.batch)):
            if isinstance(page, DataError):
                failed += 1
                say(str(page))
                continue
            _write(target, image, page, form, first=not number)
            for line in page.lines:
                if line.problem:
                    unread += 1
                    say(f"{image}: {line.problem}")
    if failed:
        say(f"{failed} of {len(images)} images could not be read")
    if unread:
        say(f"{unread} lines were found and could not be read")
    return USER_ERROR if failed else 0


def _page_reader(options: argparse.Namespace) -> PageReader:
    """One file of both networks, or a locator and what reads; teachers too, where they have a part of their own."""
    if options.recogniser is None:
        import students  # a student alone needs nothing of teachers

        return students.load_page(options.model)
    import teachers

    return teachers.load_page(options.model, options.recogniser)


def _pages(reader: PageReader, images: Sequence[Found], batch: int) -> Iterator[tuple[Path, Page | DataError]]:
    """Every image with its page or with what is wrong with it."""
    from distill.track import progress

    with progress("reading", len(images), "page", shown=sys.stderr.isatty() or len(images) > 1) as bar:
        for image, _ in images:
            try:
                yield image, reader.read_page(image, batch)
            except DataError as error:
                yield image, error
            bar.update(1)


def _write(target: TextIO, image: Path, page: Page, form: str, first: bool) -> None:
    match form:
        case "txt":
            print(("" if first else PAGE_BREAK) + page.text, file=target)
        case "json":
            print(as_json(page_record(image, page), target), file=target)
        case _:
            for row in page_rows(image, page):
                print(row, file=target)
