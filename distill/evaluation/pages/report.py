"""The report of a run on pages: what teacher, student alone and student distilled find on the same test pages.

Its page and pictures are made in `report_page.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from distill.data.pages.record import PageRecord
from distill.evaluation.pages.matching import PageCounts, count_page, matched_lines
from distill.evaluation.pages.scores import hmeans, summarise_pages
from distill.evaluation.verdict import verdict

MEASURE = "the pages' mean H-mean at IoU 0.5"  # what the verdict on a page run counts points of
MOST_BINS = 6
Outlines = Sequence[np.ndarray]  # of the lines found on one page, each (P, 2) in pixels of the page as shown
Found = Mapping[str, Sequence[Outlines]]  # by role, then in the order of the pages


def summarise_run(
    pages: Sequence[PageRecord], found: Found, parameters: Mapping[str, int], seed: int
) -> dict[str, Any]:
    """Return `report.json`: the scores of each role, the gain and the gap recovered with intervals, the verdict.

    Every page has to be marked. A page scores its H-mean at IoU 0.5; intervals resample pages with all roles on them.
    """
    counts = {role: _counts(pages, of_role) for role, of_role in found.items()}
    sources = [page.source for page in pages]
    result: dict[str, Any] = {
        role: {"parameters": parameters[role], **summarise_pages(of_role, sources, None, seed)}
        for role, of_role in counts.items()
    }
    result.setdefault("control", None)
    result |= {"seeds": [seed], "line_height_px": recall_by_height(pages, found), "missed": missed_alike(pages, found)}
    if "control" not in found:
        return result | {"gap_recovered": None, "gain": None, "teacher_gap": None, "verdict": "unproven"}
    teacher_N, control_N, student_N = (hmeans(counts[role]) for role in ("teacher", "control", "student"))
    return result | verdict(teacher_N, control_N, student_N, seed)


def recall_by_height(pages: Sequence[PageRecord], found: Found) -> list[dict[str, Any]]:
    """Return the share of marked lines that each role finds, by the height of a line; bins of about equal size."""
    lines = [line for page in pages for line in page.lines or () if not line.ignored]
    if not lines:
        return []
    height_N = np.array([np.hypot(*(line.corners_42[3] - line.corners_42[0])) for line in lines])
    hit = {role: np.concatenate(_found_lines(pages, of_role)) for role, of_role in found.items()}
    edges = np.unique(np.quantile(height_N, np.linspace(0, 1, MOST_BINS + 1)[1:-1], method="lower"))
    bin_N = np.searchsorted(edges, height_N, side="left")
    rows = []
    for number in np.unique(bin_N):
        some_N = bin_N == number
        row: dict[str, Any] = {"from": round(float(height_N[some_N].min()), 1), "n": int(some_N.sum())}
        row["to"] = round(float(height_N[some_N].max()), 1)
        rows.append(row | {role: round(float(hit_N[some_N].mean()), 6) for role, hit_N in hit.items()})
    return rows


def missed_alike(pages: Sequence[PageRecord], found: Found) -> dict[str, float | int]:
    """Return how many marked lines the student misses, and which share of them its teacher misses, too."""
    teacher, student = (_found_lines(pages, found[role]) for role in ("teacher", "student"))
    missed = [~theirs_M[~ours_M] for theirs_M, ours_M in zip(teacher, student, strict=True)]
    n = sum(len(some) for some in missed)
    return {"n": n, "teacher_too": round(float(sum(some.sum() for some in missed)) / n, 6) if n else 0.0}


def page_scores(pages: Sequence[PageRecord], found: Found) -> dict[str, np.ndarray]:
    """Return the H-mean at IoU 0.5 of every page, (N,), by role."""
    return {role: hmeans(_counts(pages, of_role)) for role, of_role in found.items()}


def _counts(pages: Sequence[PageRecord], of_role: Sequence[Outlines]) -> list[PageCounts]:
    return [count_page(page.lines or (), outlines) for page, outlines in zip(pages, of_role, strict=True)]


def _found_lines(pages: Sequence[PageRecord], of_role: Sequence[Outlines]) -> list[np.ndarray]:
    """Whether each marked line that counts is found, (M,), a page at a time."""
    each = []
    for page, outlines in zip(pages, of_role, strict=True):
        hit_M = np.zeros(sum(not line.ignored for line in page.lines or ()), bool)
        hit_M[matched_lines(page.lines or (), outlines).marked_K] = True
        each.append(hit_M)
    return each
