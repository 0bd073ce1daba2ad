"""`distill review`: a page on which a person corrects marked pages; and what is said of every page of that kind."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from distill.commands import USER_ERROR, Commands, add
from distill.commands.images import say
from distill.data.formats.contents import counted, first_of

if TYPE_CHECKING:
    from distill.delivery.page_review import Written

REVIEW_PAGE = Path("review.html")


def add_to(commands: Commands) -> None:
    """Add the command of this module."""
    review = add(commands, "review", _review, "a page to correct or mark the lines of pages in a browser")
    review.add_argument("pages", metavar="PAGES", help="folder of page images, or a file that marks them")
    review.add_argument(
        "--review-page", type=Path, default=REVIEW_PAGE, metavar="FILE", help="the page (default review.html)"
    )


def _review(options: argparse.Namespace) -> int:
    from distill.data.formats.label_search import known_labels
    from distill.data.formats.listing import files_of
    from distill.delivery.page_review import PageReview, add_pages_at

    pages = Path(options.pages)
    if pages.is_dir() and (labels := known_labels(files_of(pages))):
        lines = f"to look at lines: distill read MODEL {pages} --review-below 1"
        say(f"{pages}: {labels[0]} labels pictures of lines there, and they are taken as pages; {lines}")
    review = PageReview(options.review_page, pages if pages.is_dir() else pages.parent)
    refused = add_pages_at(review, pages)
    say_written(review.write())
    return USER_ERROR if refused else 0


def say_written(written: Written, documents: Sequence[str] = ()) -> None:
    """Say where the page is, what is on it, and what is not: pages of `documents` cannot be."""
    path, target = written.path, written.target
    for name in written.unnameable:
        say(f"{name!r} is not on the page: no pages.json in {target.parent} would find it by a name")
    if documents:
        say(
            f"not on the page, without a picture that has a name: {counted(len(documents), 'page')} of documents: "
            f"{first_of(documents)}; write them by --to page --out FOLDER, then run: distill review FOLDER"
        )
    if not written.shown:
        unshown = len(written.unnameable) + len(documents)
        why = f"none of {counted(unshown, 'page')} to look at can be on it" if unshown else "no page is to be looked at"
        say(f"no page is written: {why}")
        return
    if written.earlier is not None:
        say(f"{path}: another page had that name; it is {written.earlier} now")
    say(f"{path}: {counted(written.shown, 'page')} to look at; save them as {target}")
    if written.left_out:
        say(f"not on the page: {counted(written.left_out, 'more page')}, those of the surest lines or else the last")
    if written.kept:
        say(f"{target} has {counted(written.kept, 'other page')}, unchanged in what the page saves")
