"""Which found line is which marked line, and what that counts for: of one page at a time.

Lines are compared by their upright boxes. A found and a marked line match where the area they share is at least half of
the area they cover together (intersection over union, IoU), one to one, greatest overlap first. An ignored line is
neither missed nor wrong, and nor is a found line that matches no other and lies in ignored ones for the most part.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from rapidfuzz.distance import Levenshtein

from distill.data.pages.record import MarkedLine
from distill.evaluation.metrics import fold
from distill.schema import Protocol

LEAST, STRICT = 0.5, 0.7  # the IoU from which lines match, and the one of the stricter figures
MOSTLY = 0.5  # a line lies in another for the most part where more than this share of its area does


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


class Matched(NamedTuple):
    """The pairs of a page, greatest IoU first. `spare_F` marks found lines that are not counted, at IoU 0.5."""

    marked_K: np.ndarray  # positions among the marked lines that are not ignored
    found_K: np.ndarray
    iou_K: np.ndarray
    spare_F: np.ndarray


def boxes_of(outlines: Sequence[np.ndarray]) -> np.ndarray:
    """Return the upright boxes x0, y0, x1, y1 around outlines of any number of points, float64 (N, 4)."""
    boxes = [(*outline_P2.min(axis=0), *outline_P2.max(axis=0)) for outline_P2 in outlines]
    return np.array(boxes, np.float64).reshape(-1, 4)


def within(outline_P2: np.ndarray, size_px: Sequence[float]) -> np.ndarray:
    """Return an outline without what leaves a page of this width and height: marked lines lie on theirs, too."""
    return np.clip(outline_P2, 0, size_px)


def count_page(lines: Sequence[MarkedLine], found: Sequence[np.ndarray]) -> PageCounts:
    """Count the found lines of a page, each given by its outline (P, 2), against the marked ones; no text is judged."""
    return _places(*_sorted_out(lines), boxes_of(found))[0]


def count_read_page(lines: Sequence[MarkedLine], found: Sequence[FoundText], protocol: Protocol) -> PageCounts:
    """Count a page that was read, too: lines whose text is right, and edits of the page as a whole.

    `edits` depend on both orders: marked lines stand as their source has them, found ones as the reader gives them;
    `line_edits` do not. Lines without a text, or without one under the protocol, are left out with the found lines that
    match them.
    """
    counted, ignored_I4 = _sorted_out(lines)
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


def matched_lines(lines: Sequence[MarkedLine], found: Sequence[np.ndarray]) -> Matched:
    """Return which found line, given by its outline (P, 2), matches which of the marked lines that are not ignored."""
    return _places(*_sorted_out(lines), boxes_of(found))[1]


def _sorted_out(lines: Sequence[MarkedLine]) -> tuple[list[MarkedLine], np.ndarray]:
    """Return the lines that count, and the boxes of those that are ignored, (I, 4)."""
    return [line for line in lines if not line.ignored], boxes_of([line.corners_42 for line in lines if line.ignored])


def _places(counted: Sequence[MarkedLine], ignored_I4: np.ndarray, found_F4: np.ndarray) -> tuple[PageCounts, Matched]:
    marked_M4 = boxes_of([line.corners_42 for line in counted])
    shared_MF = _shared_areas(marked_M4, found_F4)
    area_M, area_F = _areas(marked_M4), _areas(found_F4)
    pairs = _greatest_first(shared_MF, area_M, area_F)
    in_ignored_F = _shared_areas(ignored_I4, found_F4).sum(axis=0) > MOSTLY * area_F
    strict_K = pairs[2] >= STRICT
    spare_F, spare_strict_F = (_unmatched(in_ignored_F, pairs[1][some_K]) for some_K in (slice(None), strict_K))
    inside_MF = shared_MF > MOSTLY * area_F
    around_MF = shared_MF > MOSTLY * area_M[:, None]
    counts = PageCounts(
        len(marked_M4),
        len(found_F4) - int(spare_F.sum()),
        len(pairs[0]),
        len(found_F4) - int(spare_strict_F.sum()),
        int(strict_K.sum()),
        int((inside_MF.sum(axis=1) > 1).sum()),
        int((around_MF.sum(axis=0) > 1).sum()),
    )
    return counts, Matched(*pairs, spare_F)


def _greatest_first(
    shared_MF: np.ndarray, area_M: np.ndarray, area_F: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pair marked and found lines, and return positions and IoU; of equal overlaps the later lines are paired first."""
    union_MF = area_M[:, None] + area_F - shared_MF
    iou_MF = np.divide(shared_MF, union_MF, out=np.zeros_like(shared_MF), where=shared_MF > 0)
    marked_K, found_K = np.nonzero(iou_MF >= LEAST)
    iou_K = iou_MF[marked_K, found_K]
    free_M, free_F, kept = np.ones(len(area_M), bool), np.ones(len(area_F), bool), []
    for k in np.lexsort((-found_K, -marked_K, -iou_K)):
        if free_M[marked_K[k]] and free_F[found_K[k]]:
            free_M[marked_K[k]] = free_F[found_K[k]] = False
            kept.append(k)
    order = np.array(kept, int)
    return marked_K[order], found_K[order], iou_K[order]


def _unmatched(among_F: np.ndarray, matched_K: np.ndarray) -> np.ndarray:
    left_F = among_F.copy()
    left_F[matched_K] = False
    return left_F


def _areas(boxes_N4: np.ndarray) -> np.ndarray:
    return (boxes_N4[:, 2] - boxes_N4[:, 0]) * (boxes_N4[:, 3] - boxes_N4[:, 1])


def _shared_areas(a_A4: np.ndarray, b_B4: np.ndarray) -> np.ndarray:
    """Return the area that each box of the first shares with each of the second, (A, B)."""
    low_AB2 = np.maximum(a_A4[:, None, :2], b_B4[None, :, :2])
    high_AB2 = np.minimum(a_A4[:, None, 2:], b_B4[None, :, 2:])
    return np.maximum(high_AB2 - low_AB2, 0).prod(axis=2)
