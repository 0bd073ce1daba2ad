"""Lines of pages cut as a page reader cuts them: those that a locator finds, and marked ones with moved boxes.

What a locator finds gets the text of the marked line that it matches. Cutting a line decodes its page: for training,
cut once with `distill import`.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from distill.data.formats.contents import Contents
from distill.data.formats.notes import Notes
from distill.data.lines import Refusal
from distill.data.pages.jitter import Jitter, moved
from distill.data.pages.matching import boxes_of, in_ignored, mostly_in, pairs_of, shared_areas, sorted_out
from distill.data.pages.opening import records_at
from distill.data.pages.record import MarkedLine, PageRecord
from distill.data.pages.sources import PageFileSource
from distill.data.sources import PagesSource
from distill.track import progress
from students.errors import DataError
from students.pages.cutting import cut, margin_px_of
from students.pages.finding import FoundLine
from students.pages.reader import Locates, lines_of

INWARDS, OUTWARDS = 0.3, 0.5  # of its height: where an end is so far from the marked one, their texts may differ
UNFOUND = "marked lines that the locator does not find"
UNMATCHED = "found lines that match no marked one, left out"
KEPT = "found lines that touch no marked one, kept without a label"
IGNORED = "found lines in what is marked as not to be read, left out"
SEVERAL = "found lines that hold several marked ones, left out"
ELSEWHERE = "found lines that end elsewhere than their marked one, left out"
UNMOVED = "lines marked as not to be read, without versions"
LoadPage = Callable[[], np.ndarray]


class LineCut(NamedTuple):
    """Where a line is cut: its outline (P, 2) on a page; or why it is not cut."""

    name: str
    text: str | None
    load: LoadPage | None = None
    outline_P2: np.ndarray | None = None
    margin_px: int = 0
    problem: str = ""


@dataclass(frozen=True)
class CutFetch:
    """Lines as PNG. Neighbouring lines share the decoded page."""

    cuts: tuple[LineCut, ...]

    def __call__(self, row: int) -> bytes:
        line = self.cuts[row]
        if line.load is None or line.outline_P2 is None:
            raise DataError(line.problem)
        buffer = io.BytesIO()
        Image.fromarray(cut(_page(line.load), line.outline_P2, line.margin_px)).save(buffer, "PNG")
        return buffer.getvalue()


def cut_pages(source: PagesSource, path: Path) -> Contents:
    """Return the lines of the pages at a path, cut as the source says; what is left out is said in warnings.

    Lines and pages that cannot be used are among the contents, and refused when they are fetched. Raises `DataError`
    where there is no page or no line, `CheckpointError` for a locator that is none.
    """
    notes, unusable = Notes(), list[Refusal]()
    locator = None if source.locator is None else _locator(source.locator)
    drop_labels = source.drop_labels and locator is not None
    of_pages = PageFileSource(name=source.name, path=source.path, drop_labels=drop_labels)
    records = records_at(path, of_pages, notes, unusable)
    cuts = [line for record in _each(records, locator) for line in cuts_of(record, source, locator, notes)]
    notes.say(path)
    if not cuts:
        why = (
            f"{source.locator} finds no line that can be used"
            if locator is not None
            else "no line is marked, so that there is no box to move; name a locator, which finds lines"
        )
        raise DataError(f"{path}: has no line to cut on its pages ({len(records):,}): {why}")
    cuts += [LineCut(each.key.removeprefix(f"{source.name}/"), None, problem=each.reason) for each in unusable]
    return Contents([line.name for line in cuts], [line.text for line in cuts], CutFetch(tuple(cuts)))


def cuts_of(record: PageRecord, source: PagesSource, locator: Locates | None, notes: Notes) -> Iterator[LineCut]:
    """Yield the lines of a page: marked ones with moved boxes, then found ones in reading order."""
    margin = 0.0 if locator is None else locator.description.finding.margin
    if source.jitter is not None:
        yield from _moved(
            record, source.jitter, margin if source.jitter.margin is None else source.jitter.margin, notes
        )
    if locator is None:
        return
    found = lines_of(locator, _page(record.load))
    page = _page_name(record)
    names = [f"{page}/found-{n:04d}" for n in range(len(found))]
    texts = _texts(record.lines, found, names, source.unmatched == "keep", notes)
    for n, text in texts.items():
        line = found[n]
        yield LineCut(names[n], text, record.load, line.polygon_P2, margin_px_of(line.corners_42, margin))


def _moved(record: PageRecord, jitter: Jitter, margin: float, notes: Notes) -> Iterator[LineCut]:
    for n, line in enumerate(record.lines or ()):
        name = line.name or f"{_page_name(record)}/{n:04d}"
        if line.ignored:
            notes.add(UNMOVED, name)
            continue
        for version in range(1, jitter.versions + 1):
            corners_42 = moved(line.corners_42, jitter, name, version)
            yield LineCut(f"{name}~{version}", line.text, record.load, corners_42, margin_px_of(corners_42, margin))


def _texts(
    lines: Sequence[MarkedLine] | None, found: Sequence[FoundLine], names: Sequence[str], keep: bool, notes: Notes
) -> dict[int, str | None]:
    """The text of each found line that is used, by its number, or None; without marks all are used, without a text."""
    if lines is None:
        return dict.fromkeys(range(len(found)))
    counted, ignored_I4 = sorted_out(lines)
    marked_M4, found_F4 = boxes_of([line.corners_42 for line in counted]), np.array([line.box for line in found])
    found_F4 = found_F4.reshape(-1, 4)
    pairs = pairs_of(marked_M4, found_F4)
    match_of = dict(zip(pairs.found_K.tolist(), pairs.marked_K.tolist(), strict=True))
    for m in sorted(set(range(len(counted))) - set(match_of.values())):
        notes.add(UNFOUND, counted[m].name)
    holds_F = mostly_in(marked_M4, found_F4).sum(axis=0)
    ignored_F = in_ignored(found_F4, ignored_I4)
    touched_F = shared_areas(np.concatenate([marked_M4, ignored_I4]), found_F4).sum(axis=0) > 0
    texts: dict[int, str | None] = {}
    for n, name in enumerate(names):
        match = match_of.get(n)
        if match is not None and holds_F[n] > 1:
            notes.add(SEVERAL, name)
        elif match is not None and not _same_ends(counted[match].corners_42, found_F4[n]):
            notes.add(ELSEWHERE, name)
        elif match is not None:
            texts[n] = counted[match].text
        elif ignored_F[n]:
            notes.add(IGNORED, name)
        elif keep and not touched_F[n]:
            notes.add(KEPT, name)
            texts[n] = None
        else:
            notes.add(UNMATCHED, name)
    return texts


def _same_ends(corners_42: np.ndarray, found_4: np.ndarray) -> bool:
    """Whether a found box ends where the box around a marked line does, along the side that its text follows."""
    along = corners_42[1] - corners_42[0]
    axis = 0 if abs(along[0]) >= abs(along[1]) else 1
    least, most = corners_42.min(0), corners_42.max(0)
    height = most[1 - axis] - least[1 - axis]
    outwards = np.array([least[axis] - found_4[axis], found_4[axis + 2] - most[axis]])
    return bool((outwards >= -INWARDS * height).all() and (outwards <= OUTWARDS * height).all())


def _page_name(record: PageRecord) -> str:
    """What its lines are called, before the slash: as the file that marks them has it, or as its image is called."""
    named = next((line.name for line in record.lines or () if line.name), "")
    return named.rpartition("/")[0] or Path(record.key).stem


def _each(records: Sequence[PageRecord], locator: Locates | None) -> Iterator[PageRecord]:
    """Yield pages; on a terminal it shows how many a locator has seen."""
    if locator is None:
        yield from records
        return
    with progress("finding lines", len(records), "page") as bar:
        for record in records:
            yield record
            bar.update(1)


def _locator(name: str) -> Locates:
    import teachers  # torch and timm: only where a locator is opened

    return teachers.load_locator(name)


@lru_cache(maxsize=2)
def _page(load: LoadPage) -> np.ndarray:
    return load()
