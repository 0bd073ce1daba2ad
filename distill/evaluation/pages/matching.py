"""What the lines found on a page count for: of one page at a time. Which line is which: `data/pages/matching.py`.

An ignored line is neither missed nor wrong, and nor is a found line that matches no other and lies in ignored ones for
the most part.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from rapidfuzz.distance import Levenshtein

from distill.data.pages.matching import boxes_of, in_ignored, mostly_in, pairs_of, sorted_out, without
from distill.data.pages.record import MarkedLine
from distill.evaluation.metrics import fold
from distill.schema import Protocol

STRICT = 0.7  # the IoU of the stricter figures


class PageCounts(NamedTuple):
    """What is counted on a page; the counts of pages add up. `_70` are those at IoU 0.7, the others at 0.5."""

    lines: int  # marked, without the ignored ones
    found: int  # without those in ignored lines
    matched: int
    found_70: int
    matched_70: int
    split: int  # marked lines in which two or more found ones lie for the most part
    merged: int  # found lines in which two or more marked ones lie for the most part
    judged: int = 0  # lines with a text under the protocol
    judged_found: int = 0  # found lines without those that match a line whose text is not judged
    read: int = 0  # matched lines whose text is right under the protocol
    characters: int = 0  # of the page's text under the protocol
    edits: int = 0  # from what was read, in reading order, to the page's text
    line_characters: int = 0  # of the judged lines
    line_edits: int = 0  # line by line: of matched lines, and all characters of missed and of wrong ones


class FoundText(NamedTuple):
    """A line as a reader found it: its outline, points (P, 2) in pixels of the page as shown, and its text."""

    outline_P2: np.ndarray
    text: str | None = None


class MatchedLines(NamedTuple):
    """The pairs of a page, greatest IoU first. `spare_F` marks found lines that are not counted, at IoU 0.5."""

    marked_K: np.ndarray  # positions among the marked lines that are not ignored
    found_K: np.ndarray
    iou_K: np.ndarray
    spare_F: np.ndarray


def within(outline_P2: np.ndarray, size_px: Sequence[float]) -> np.ndarray:
    """Return an outline without what leaves a page of this width and height: marked lines lie on theirs, too."""
    return np.clip(outline_P2, 0, size_px)


def count_page(lines: Sequence[MarkedLine], found: Sequence[np.ndarray]) -> PageCounts:
    """Count the found lines of a page, each given by its outline (P, 2), against the marked ones; no text is judged."""
    return _places(*sorted_out(lines), boxes_of(found))[0]


def count_read_page(lines: Sequence[MarkedLine], found: Sequence[FoundText], protocol: Protocol) -> PageCounts:
    """Count a page that was read, too: lines whose text is right, and edits of the page as a whole.

    `edits` depend on both orders: marked lines stand as their source has them, found ones as the reader gives them;
    `line_edits` do not. Lines without a text, or without one under the protocol, are left out with the found lines that
    match them.
    """
    counted, ignored_I4 = sorted_out(lines)
    counts, matched = _places(counted, ignored_I4, boxes_of([line.outline_P2 for line in found]))
    wanted = [None if line.text is None else fold(line.text, protocol) for line in counted]
    got = [fold(line.text or "", protocol) for line in found]
    judged = {i: want for i, want in enumerate(wanted) if want is not None and (want or protocol == "exact")}
    marked_by = dict(zip(matched.found_K.tolist(), matched.marked_K.tolist(), strict=True))
    judged_or_none = {None, *judged}  # None: matches no line
    kept = [j for j in range(len(found)) if not matched.spare_F[j] and marked_by.get(j) in judged_or_none]
    edits_of = {marked_by[j]: Levenshtein.distance(judged[marked_by[j]], got[j]) for j in kept if j in marked_by}
    want_page = fold("\n".join(counted[i].text or "" for i in judged), protocol)
    got_page = fold("\n".join(found[j].text or "" for j in kept), protocol)
    return counts._replace(
        judged=len(judged),
        judged_found=len(kept),
        read=sum(edits == 0 for edits in edits_of.values()),
        characters=len(want_page),
        edits=Levenshtein.distance(want_page, got_page),
        line_characters=sum(map(len, judged.values())),
        line_edits=sum(edits_of.values())
        + sum(len(want) for i, want in judged.items() if i not in edits_of)
        + sum(len(got[j]) for j in kept if j not in marked_by),
    )


def matched_lines(lines: Sequence[MarkedLine], found: Sequence[np.ndarray]) -> MatchedLines:
    """Return which found line, given by its outline (P, 2), matches which of the marked lines that are not ignored."""
    return _places(*sorted_out(lines), boxes_of(found))[1]


def _places(
    counted: Sequence[MarkedLine], ignored_I4: np.ndarray, found_F4: np.ndarray
) -> tuple[PageCounts, MatchedLines]:
    marked_M4 = boxes_of([line.corners_42 for line in counted])
    pairs = pairs_of(marked_M4, found_F4)
    in_ignored_F = in_ignored(found_F4, ignored_I4)
    strict_K = pairs.iou_K >= STRICT
    spare_F, spare_strict_F = (without(in_ignored_F, pairs.found_K[some_K]) for some_K in (slice(None), strict_K))
    inside_FM, around_MF = mostly_in(found_F4, marked_M4), mostly_in(marked_M4, found_F4)
    counts = PageCounts(
        len(marked_M4),
        len(found_F4) - int(spare_F.sum()),
        len(pairs.found_K),
        len(found_F4) - int(spare_strict_F.sum()),
        int(strict_K.sum()),
        int((inside_FM.sum(axis=0) > 1).sum()),
        int((around_MF.sum(axis=0) > 1).sum()),
    )
    return counts, MatchedLines(*pairs, spare_F)
