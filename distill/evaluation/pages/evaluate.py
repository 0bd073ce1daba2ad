"""Reading marked pages with a locator, a page reader or others, and the scores of each on the same pages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from distill.data.formats.parts import expect_there
from distill.data.lines import Refusal
from distill.data.pages.opening import open_pages
from distill.data.pages.record import PageRecord
from distill.data.pages.sources import PageFileSource
from distill.evaluation.pages.matching import FoundText, PageCounts, count_page, count_read_page
from distill.evaluation.pages.peers import PagePeer, ReadPage
from distill.evaluation.pages.scores import summarise_pages
from distill.schema import Protocol, plain_name
from distill.track import progress
from students.errors import DataError


def evaluate_pages(
    read: ReadPage, pages: Sequence[PageRecord], protocol: Protocol | None, peers: Sequence[PagePeer] = ()
) -> dict[str, Any]:
    """Score a reader of pages, and `peers` on the same pages; rates are fractions.

    With a `protocol` texts are compared, without one the places of lines alone. A page that cannot be opened or read is
    left out and named under `refused`. Raises `DataError` for pages that nobody marked, which would count as wrong, and
    where no page can be read.
    """
    if unmarked := [page.key for page in pages if page.lines is None]:
        raise DataError(
            f"{len(unmarked)} of {len(pages)} pages without marked lines to compare with, the first: {unmarked[0]}"
        )
    counts: list[PageCounts] = []
    judged: list[PageRecord] = []
    refused: list[str] = []
    with progress("reading", len(pages), "page") as bar:
        for page in pages:
            try:
                found = read(page.load())
            except DataError as error:
                refused.append(str(error) if page.key in str(error) else f"{page.key}: {error}")
            else:
                counts.append(_counted(page, found, protocol))
                judged.append(page)
            bar.update()
    if not judged:
        first = f", the first: {refused[0]}" if refused else ""
        raise DataError(f"not one page can be read; {len(refused)} were refused{first}")
    sources = [page.source for page in judged]
    result = summarise_pages(counts, sources, protocol)
    result["ignored"] = sum(line.ignored for page in judged for line in page.lines or ())
    if peers:
        result["against"] = {
            peer.name: {
                "bytes": peer.n_bytes,
                **summarise_pages(_read_by(peer, judged, protocol), sources, protocol),
            }
            for peer in peers
        }
    return result | {"refused": refused}


def open_page_data(data: Sequence[str]) -> tuple[list[PageRecord], list[Refusal]]:
    """Open the pages at paths, each a source of its own, and return them with the pages and lines that were refused.

    Raises `DataError` naming a path that cannot be opened, or where no page can be used.
    """
    expect_there(data)
    pages: list[PageRecord] = []
    refused: list[Refusal] = []
    for number, where in enumerate(data):
        stem = plain_name(Path(where).absolute().stem, "pages")
        name = f"{number + 1}-{stem}" if len(data) > 1 else stem
        pages += open_pages(PageFileSource(name=name, path=where), Path(), refused)
    return pages, refused


def _read_by(peer: PagePeer, pages: Sequence[PageRecord], protocol: Protocol | None) -> list[PageCounts]:
    counts = []
    with progress(peer.name, len(pages), "page") as bar:
        for page in pages:
            counts.append(_counted(page, peer.read(page.load()), protocol))
            bar.update()
    return counts


def _counted(page: PageRecord, found: Sequence[FoundText], protocol: Protocol | None) -> PageCounts:
    lines = page.lines or ()
    if protocol is None:
        return count_page(lines, [line.outline_P2 for line in found])
    return count_read_page(lines, found, protocol)
