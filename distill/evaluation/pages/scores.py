"""The scores of a set of pages, made of the counts of each, with intervals that resample pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from distill.evaluation.characters import resampled_sums
from distill.evaluation.pages.matching import PageCounts
from distill.evaluation.verdict import interval
from distill.schema import Protocol

PLACES = ("precision", "recall", "hmean", "precision_70", "recall_70", "hmean_70")
TEXTS = ("end_to_end", "cer", "cer_unordered")
PART_OF_SOURCE = ("pages", "lines", "found", *PLACES, *TEXTS)


def summarise_pages(
    counts: Sequence[PageCounts], sources: Sequence[str], protocol: Protocol | None, seed: int = 0
) -> dict[str, Any]:
    """Return the scores of pages: rates as fractions, each source by itself, and 95 % intervals over pages.

    precision = matched / found, recall = matched / marked, hmean = 2 matched / (marked + found), at IoU 0.5, and with
    `_70` at 0.7. end_to_end = 2 right / (marked + found), over lines with a text; cer = edits / characters of the
    pages, cer_unordered the same line by line, whatever their order. These are None where `protocol` is None, that is
    where nothing is read, or where no text is known.
    `intervals` names `value`, `low` and `high` of each.
    """
    counts_NC = np.array(counts, float).reshape(-1, len(PageCounts._fields))
    result = _figures(counts_NC, protocol)
    names = np.array(sources, object)
    of_sources = {name: _figures(counts_NC[names == name], protocol) for name in sorted(set(sources))}
    return {
        "protocol": protocol,
        **result,
        "intervals": _intervals(counts_NC, result, seed) if len(counts) else {},
        "sources": {name: {key: part[key] for key in PART_OF_SOURCE} for name, part in of_sources.items()},
    }


def hmeans(counts: Sequence[PageCounts]) -> np.ndarray:
    """Return the H-mean at IoU 0.5 of each page, float64 (N,): the score that a verdict resamples."""
    return rates(np.array(counts, float).reshape(-1, len(PageCounts._fields)))["hmean"]


def rates(counts_NC: np.ndarray) -> dict[str, np.ndarray]:
    """Return every rate of `PLACES` and `TEXTS` for counts or sums of them, columns as in `PageCounts`, (N, C)."""
    of = dict(zip(PageCounts._fields, counts_NC.T, strict=True))
    lines, found, found_70 = of["lines"], of["found"], of["found_70"]
    return {
        "precision": _share(of["matched"], found, lines),
        "recall": _share(of["matched"], lines, found),
        "hmean": _share(2 * of["matched"], lines + found),
        "precision_70": _share(of["matched_70"], found_70, lines),
        "recall_70": _share(of["matched_70"], lines, found_70),
        "hmean_70": _share(2 * of["matched_70"], lines + found_70),
        "end_to_end": _share(2 * of["read"], of["judged"] + of["judged_found"]),
        "cer": of["edits"] / np.maximum(of["characters"], 1),
        "cer_unordered": of["line_edits"] / np.maximum(of["line_characters"], 1),
    }


def _share(part_N: np.ndarray, whole_N: np.ndarray, other_N: np.ndarray | float = 0.0) -> np.ndarray:
    """Return part / whole. Nothing of nothing is right, 1, unless there is something of the other: then it is 0."""
    nothing_N = np.where(other_N > 0, 0.0, 1.0)
    return np.where(whole_N > 0, part_N / np.maximum(whole_N, 1), nothing_N)


def _figures(counts_NC: np.ndarray, protocol: Protocol | None) -> dict[str, Any]:
    """The rates of some pages together, and their counts."""
    totals_C = counts_NC.sum(axis=0)
    found: dict[str, float | None] = {name: round(float(v[0]), 6) for name, v in rates(totals_C[None]).items()}
    of = PageCounts(*(int(total) for total in totals_C))
    read = {"judged": of.judged, "right": of.read} if protocol else {}
    if not protocol or not of.judged:
        found |= dict.fromkeys(TEXTS)
    counted = {"lines": of.lines, "found": of.found, "split": of.split, "merged": of.merged}
    return {"pages": len(counts_NC), **counted, **read, **found}


def _intervals(counts_NC: np.ndarray, result: dict[str, Any], seed: int) -> dict[str, dict[str, float]]:
    sampled = rates(resampled_sums(counts_NC, seed, "pages"))
    known = {name: sampled_R for name, sampled_R in sampled.items() if result[name] is not None}
    found = {name: interval(result[name], sampled_R, len(counts_NC)) for name, sampled_R in known.items()}
    return {
        name: each
        | {"low": max(0.0, each["low"]), "high": each["high"] if name.startswith("cer") else min(1.0, each["high"])}
        for name, each in found.items()
    }
