"""Lines of a page matched and counted, against a slow reading of the definition."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from distill.data.pages.record import MarkedLine
from distill.evaluation.pages.matching import FoundText, PageCounts, count_page, count_read_page, matched_lines

Box = tuple[float, float, float, float]


def corners(box: Box) -> np.ndarray:
    x0, y0, x1, y1 = box
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], np.float64)


def marked(box: Box, text: str | None = None, ignored: bool = False) -> MarkedLine:
    return MarkedLine(corners(box), text, ignored)


def found(box: Box, text: str = "") -> FoundText:
    return FoundText(corners(box), text)


def shared(a: Box, b: Box) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return width * height if width > 0 and height > 0 else 0.0


def area(a: Box) -> float:
    return (a[2] - a[0]) * (a[3] - a[1])


def iou(a: Box, b: Box) -> float:
    return shared(a, b) / (area(a) + area(b) - shared(a, b)) if shared(a, b) else 0.0


def slow_pairs(lines: Sequence[Box], there: Sequence[Box], least: float) -> list[tuple[int, int]]:
    """Repeatedly the greatest overlap among lines that are not paired yet; of equal ones the last."""
    pairs: list[tuple[int, int]] = []
    while True:
        left = [
            (iou(a, b), i, j)
            for i, a in enumerate(lines)
            for j, b in enumerate(there)
            if i not in [p[0] for p in pairs] and j not in [p[1] for p in pairs]
        ]
        if not left or max(left)[0] < least:
            return pairs
        pairs.append(max(left)[1:])


def slow_counts(lines: Sequence[Box], ignored: Sequence[Box], there: Sequence[Box]) -> PageCounts:
    matched, counted = {}, {}
    for least in (0.5, 0.7):
        pairs = slow_pairs(lines, there, least)
        matched[least] = len(pairs)
        taken = [j for _, j in pairs]
        counted[least] = sum(
            j in taken or sum(shared(b, each) for each in ignored) <= area(b) / 2 for j, b in enumerate(there)
        )
    split = sum(sum(shared(a, b) > area(b) / 2 for b in there) > 1 for a in lines)
    merged = sum(sum(shared(a, b) > area(a) / 2 for a in lines) > 1 for b in there)
    return PageCounts(len(lines), counted[0.5], matched[0.5], counted[0.7], matched[0.7], split, merged)


@pytest.mark.parametrize("seed", range(40))
def test_counts_are_those_of_the_definition(seed: int) -> None:
    generator = np.random.default_rng(seed)

    def boxes(n: int) -> list[Box]:
        """On a coarse grid, so that overlaps are equal and just at the limits often."""
        corner = generator.integers(0, 8, (n, 2))
        return [(x, y, x + w, y + h) for (x, y), (w, h) in zip(corner, generator.integers(1, 8, (n, 2)), strict=True)]

    lines, ignored = boxes(generator.integers(0, 12)), boxes(generator.integers(0, 4))
    there = boxes(generator.integers(0, 12)) + lines[::2]
    records = [marked(box) for box in lines] + [marked(box, ignored=True) for box in ignored]
    assert count_page(records, [corners(box) for box in there]) == slow_counts(lines, ignored, there)


def test_the_greatest_overlap_is_paired_first_and_one_to_one() -> None:
    lines = [marked((0, 0, 100, 10)), marked((0, 4, 100, 14))]
    there = [corners((0, 3, 100, 13)), corners((0, 0, 100, 9))]
    matched = matched_lines(lines, there)
    assert list(zip(matched.marked_K, matched.found_K, strict=True)) == [(0, 1), (1, 0)]
    assert matched.iou_K.tolist() == pytest.approx([0.9, 9 / 11])


def test_an_outline_of_many_points_counts_by_its_upright_box() -> None:
    curved = np.array([(0, 2), (50, 0), (100, 2), (100, 8), (50, 10), (0, 8)], float)
    assert count_page([marked((0, 0, 100, 10))], [curved]).matched_70 == 1


def test_an_ignored_line_is_neither_missed_nor_wrong() -> None:
    lines = [marked((0, 0, 100, 10)), marked((0, 20, 100, 30), ignored=True)]
    line, in_ignored, elsewhere = (corners((0, y, 100, y + 10)) for y in (0, 21, 60))
    assert count_page(lines, [line])[:3] == (1, 1, 1)
    assert count_page(lines, [line, in_ignored])[:3] == (1, 1, 1)
    assert count_page(lines, [line, in_ignored, elsewhere])[:3] == (1, 2, 1)


def test_split_and_merged_lines() -> None:
    line, below = (0, 0, 100, 10), (0, 10, 100, 20)
    halves = [corners((0, 0, 48, 10)), corners((52, 0, 100, 10))]
    assert count_page([marked(line)], halves)._asdict() | {"split": 1, "merged": 0, "matched": 0} == (
        count_page([marked(line)], halves)._asdict()
    )
    both = count_page([marked(line), marked(below)], [corners((0, 0, 100, 20))])
    assert (both.split, both.merged, both.matched, both.matched_70) == (0, 1, 1, 0)


def test_nothing_marked_and_nothing_found() -> None:
    assert count_page([], []) == PageCounts(0, 0, 0, 0, 0, 0, 0)
    assert count_page([], [corners((0, 0, 5, 5))]).found == 1
    assert count_page([marked((0, 0, 5, 5))], []).lines == 1


def test_a_line_of_no_height_matches_nothing() -> None:
    assert count_page([marked((0, 5, 50, 5))], [corners((0, 5, 50, 5))]).matched == 0


def test_texts_count_where_their_lines_match_under_the_protocol() -> None:
    lines = [marked((0, 0, 100, 10), "Total 5.00"), marked((0, 20, 100, 30), "CASH")]
    there = [found((0, 0, 100, 10), "TOTAL5.00"), found((0, 21, 100, 31), "CASH"), found((0, 60, 9, 70), "x")]
    counts = count_read_page(lines, there, "nospace")
    assert (counts.judged, counts.judged_found, counts.read) == (2, 3, 2)
    assert (counts.characters, counts.edits) == (len("TOTAL5.00CASH"), 1)
    assert count_read_page(lines, there, "exact").read == 1


def test_the_order_of_the_page_counts_in_its_edits_alone() -> None:
    lines = [marked((0, 0, 100, 10), "ab"), marked((0, 20, 100, 30), "cd")]
    there = [found((0, 20, 100, 30), "cd"), found((0, 0, 100, 10), "ab")]
    counts = count_read_page(lines, there, "nospace")
    assert (counts.read, counts.edits, counts.characters) == (2, 4, 4)
    assert (counts.line_edits, counts.line_characters) == (0, 4)


def test_line_by_line_missed_and_wrong_lines_count_whole() -> None:
    lines = [marked((0, 0, 100, 10), "one"), marked((0, 20, 100, 30), "seven"), marked((0, 40, 100, 50), None)]
    there = [found((0, 60, 100, 70), "eleven"), found((0, 0, 100, 10), "ome"), found((0, 40, 100, 50), "unknown")]
    counts = count_read_page(lines, there, "exact")
    assert (counts.line_edits, counts.line_characters) == (1 + len("seven") + len("eleven"), len("oneseven"))


@pytest.mark.parametrize("unknown", [None, "--"])
def test_lines_without_a_text_to_judge_are_left_out_with_what_matches_them(unknown: str | None) -> None:
    lines = [marked((0, 0, 100, 10), "ab"), marked((0, 20, 100, 30), unknown)]
    there = [found((0, 0, 100, 10), "ab"), found((0, 20, 100, 30), "anything")]
    counts = count_read_page(lines, there, "alnum")
    assert (counts.lines, counts.matched) == (2, 2)
    assert (counts.judged, counts.judged_found, counts.read, counts.edits) == (1, 1, 1, 0)


def test_what_is_read_in_an_ignored_line_is_no_error() -> None:
    lines = [marked((0, 0, 100, 10), "ab"), marked((0, 20, 100, 30), "cd", ignored=True)]
    there = [found((0, 0, 100, 10), "ab"), found((0, 20, 100, 30), "other")]
    counts = count_read_page(lines, there, "exact")
    assert (counts.judged, counts.judged_found, counts.read, counts.edits, counts.characters) == (1, 1, 1, 0, 2)
