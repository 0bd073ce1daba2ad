"""What a locator says of pages that people marked: text without a box, and boxes in which it finds no text.

It looks at every marked page, or at an even sample of them. What it doubts is either wrong or hard.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from distill.data.formats.contents import counted
from distill.data.pages.matching import areas, boxes_of, shared_areas
from distill.data.pages.record import PageRecord
from distill.evaluation.doctor.findings import Finding
from distill.evaluation.doctor.pages.places import Found, Place, Spot, counted_lines, found, spot_of_line
from distill.seeds import generator_of
from distill.track import progress
from students.pages.finding import FoundLine
from students.pages.reader import Locates, lines_of

LOOKED_AT = 200  # pages of a part
COVERED = 0.2  # of an area, below which hardly any of it is covered by others
SURE = 0.75  # how sure the locator is of text that nobody marked


def findings_of_locator(part: str, pages: Sequence[PageRecord], locator: Locates, seed: int) -> list[Found]:
    """Return notes on text without boxes, the surest first, and on boxes without text, the longest text first.

    `pages` are those that open. At most `LOOKED_AT` marked ones are looked at, sampled by `seed`; that is said.
    """
    marked = [page for page in pages if page.lines is not None]
    order = torch.randperm(len(marked), generator=generator_of("doubts of a locator", seed, part))[:LOOKED_AT]
    sample = [marked[i] for i in sorted(order.tolist())]
    unboxed: list[tuple[float, Spot]] = []
    without: list[tuple[int, Spot]] = []
    with progress(f"the locator looks at {part}", len(sample), "page", shown=len(sample) > 0) as bar:
        for page in sample:
            lines = lines_of(locator, page.load())
            unboxed += _unboxed(page, lines)
            without += _without_text(page, lines)
            bar.update()
    spots, empty = ([spot for _, spot in sorted(some, key=lambda one: -one[0])] for some in (unboxed, without))
    advice = "mark it, or mark it as ignored: what has no box is learnt as background"
    result = found("note", "unboxed", part, spots, "text without a box, by the locator's word", advice, "place")
    advice = "is the box at the wrong place, or the text hard to see?"
    result += found("note", "no-text", part, empty, "boxes in which the locator finds no text", advice)
    if len(sample) < len(marked):
        message = f"the locator was asked about {len(sample):,} of {counted(len(marked), 'marked page')}, sampled"
        result.append(Found(Finding("note", "sampled", part, message)))
    return result


def _unboxed(page: PageRecord, lines: Sequence[FoundLine]) -> list[tuple[float, Spot]]:
    """The lines that a locator is sure of and that hardly any box covers, and how sure it is."""
    found_F4 = np.array([line.box for line in lines], np.float64).reshape(-1, 4)
    marked_M4 = boxes_of([line.corners_42 for line in page.lines or ()])
    covered_F = shared_areas(found_F4, marked_M4).sum(1) / np.maximum(areas(found_F4), 1e-9)
    result = []
    for line, box, covered in zip(lines, found_F4.tolist(), covered_F.tolist(), strict=True):
        if covered < COVERED and line.found >= SURE:
            left, top, right, bottom = (round(edge) for edge in box)
            key = f"{page.key}, at {left},{top}"
            remark = f"{key}: {right - left} x {bottom - top} px, found with {line.found:.2f}"
            result.append((line.found, Spot(key, remark, Place(page, (line.polygon_P2,)))))
    return result


def _without_text(page: PageRecord, lines: Sequence[FoundLine]) -> list[tuple[int, Spot]]:
    """The marked lines that hardly anything covers that was found, and how many characters they have."""
    found_F4 = np.array([line.box for line in lines], np.float64).reshape(-1, 4)
    numbers = counted_lines(page)
    marked_M4 = boxes_of([(page.lines or ())[i].corners_42 for i in numbers])
    covered_M = shared_areas(marked_M4, found_F4).sum(1) / np.maximum(areas(marked_M4), 1e-9)
    return [
        (
            len((page.lines or ())[number].text or ""),
            spot_of_line(page, number, f"{covered:.0%} of it is covered by lines that were found"),
        )
        for number, covered in zip(numbers, covered_M.tolist(), strict=True)
        if covered < COVERED and (page.lines or ())[number].text != ""
    ]
