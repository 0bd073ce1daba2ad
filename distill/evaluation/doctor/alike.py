"""Pictures that are nearly the same: between two parts they are a leak, inside one they should agree on the label.

Candidates come from a perceptual hash of all pairs of nearly equal proportions, in products of matrices; a
correlation of small copies decides. A duplicate that is scaled, compressed or of another brightness is found; one that
is cut otherwise is not. Rendered lines are left out: they share no photograph with anything. `without_misleading`
in `pools/policies.py` finds equal bytes.
"""

from __future__ import annotations

import heapq
import logging
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from typing import NamedTuple, Protocol

import numpy as np

from distill.data.formats.contents import counted
from distill.data.labels import fold_label
from distill.data.lines import Lines
from distill.evaluation.doctor.findings import Finding, about
from distill.evaluation.doctor.naming import quoted
from distill.evaluation.doctor.pictures import Pictures

log = logging.getLogger(__name__)

MOST_BITS = 64  # of 256 that may differ; two unrelated lines differ in about 128
PROPORTION = 0.15  # largest difference of the logarithms of width / height
ALIKE = 0.90  # correlation of two prints of one word in one type, or of one picture saved twice
SAME = 0.97  # of one picture saved twice: on real lines nothing else was seen above
BLOCK = 1024
MOST_PAIRS = 20_000  # one word printed a thousand times makes half a million


class Looked(Protocol):
    """What is kept of some pictures, row by row: those of lines, or of pages."""

    @property
    def height_px(self) -> np.ndarray:
        """Return their heights, (N,)."""
        ...

    @property
    def width_px(self) -> np.ndarray:
        """Return their widths, (N,)."""
        ...

    @property
    def hashes_NB(self) -> np.ndarray:
        """Return 1 and -1, int8 (N, B)."""
        ...

    @property
    def copies_NHW(self) -> np.ndarray:
        """Return small copies (N, H, W)."""
        ...

    @property
    def blank(self) -> np.ndarray:
        """Return which are almost blank, (N,)."""
        ...


class Pair(NamedTuple):
    """Rows of two nearly equal pictures, and the correlation of their copies."""

    left: int
    right: int
    correlation: float


def leaks(parts: Mapping[str, Pictures]) -> list[Finding]:
    """Return findings on pictures that two parts share, or nearly."""
    found = []
    for one, other in combinations(parts, 2):
        pairs = near_pairs(parts[one], parts[other])
        same = [pair for pair in pairs if pair.correlation >= SAME]
        alike = [pair for pair in pairs if pair.correlation < SAME]
        advice = f"take these lines out of {one}: a score on {other} counts what was seen before"
        found += _finding("leak", one, other, parts, same, f"the same picture as one of {other}", advice)
        advice = "one word printed alike, or one picture cut twice: look, and cut by document where it is a leak"
        found += _finding("alike", one, other, parts, alike, f"nearly the picture of one of {other}", advice)
    return found


def disagreements(part: str, pictures: Pictures) -> list[Finding]:
    """Return findings on nearly equal pictures inside one part whose labels differ, as far as both label forms go."""
    lines = pictures.lines
    labelled = np.flatnonzero([text is not None for text in lines.texts])
    every = _verified(pictures, pictures, labelled)
    pairs = _ranked(pair for pair in every if _differ(pictures, pair))
    what = "nearly the picture of another with another label"
    advice = "one of the two labels is wrong, or the difference is too small to see"
    return _finding("two-labels", part, part, {part: pictures}, pairs, what, advice)


def repeats(part: str, lines: Lines) -> list[Finding]:
    """Return a note on lines that are there twice, byte for byte and with labels that do not differ."""
    first: dict[tuple[str, str | None], str] = {}
    again = []
    for key, digest, text in zip(lines.keys, lines.image_digests, lines.texts, strict=True):
        before = first.setdefault((digest, text), key)
        if before is not key:
            again.append((key, f"{key} {quoted(text)}: as {before}"))
    what = "the same picture and label as another line"
    return about("note", "twice", part, again, what, "a line that is there twice counts twice; take one out")


def near_pairs(one: Looked, other: Looked, least: float = ALIKE) -> list[Pair]:
    """Return every pair of nearly equal pictures, the most alike first; of a set with itself each pair once.

    Almost blank pictures are left out. `least`: their correlation.
    """
    return _ranked(_verified(one, other, None, least))


def _ranked(pairs: Iterable[Pair]) -> list[Pair]:
    """The most alike first; of a line with very many partners (one word printed a thousand times) only the best."""
    best = heapq.nsmallest(MOST_PAIRS, pairs, key=lambda pair: (-pair.correlation, pair.left, pair.right))
    if len(best) == MOST_PAIRS:
        log.warning("more than %d nearly equal pictures: the most alike are shown", MOST_PAIRS)
    return best


def _verified(one: Looked, other: Looked, rows: np.ndarray | None, least: float = ALIKE) -> Iterator[Pair]:
    """The pairs, in no order, among the `rows` of each; None: all."""
    left, left_logs = _in_order(one, rows)
    right, right_logs = _in_order(other, rows)
    signs_right = other.hashes_NB[right].astype(np.float32)
    for start in range(0, len(left), BLOCK):
        block = left[start : start + BLOCK]
        logs = left_logs[start : start + BLOCK]
        low, high = np.searchsorted(right_logs, [logs[0] - PROPORTION, logs[-1] + PROPORTION])
        # signs: (agreeing) - (differing) bits
        agreement = one.hashes_NB[block].astype(np.float32) @ signs_right[low:high].T
        i, j = np.nonzero(agreement >= signs_right.shape[1] - 2 * MOST_BITS)
        near = np.abs(logs[i] - right_logs[low + j]) <= PROPORTION
        i, j = block[i[near]], right[low + j[near]]
        if one is other:
            i, j = i[i < j], j[i < j]
        for k in range(0, len(i), BLOCK):
            some_i, some_j = i[k : k + BLOCK], j[k : k + BLOCK]
            correlations = (_standard(one.copies_NHW[some_i]) * _standard(other.copies_NHW[some_j])).sum(1)
            for a, b, correlation in zip(some_i.tolist(), some_j.tolist(), correlations.tolist(), strict=True):
                if correlation >= least:
                    yield Pair(a, b, correlation)


def _in_order(pictures: Looked, rows: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Rows in order of proportion, and its logarithm."""
    rows = np.arange(len(pictures.height_px)) if rows is None else rows
    rows = rows[~pictures.blank[rows]]
    logs = np.log(pictures.width_px[rows] / pictures.height_px[rows])
    order = np.argsort(logs, kind="stable")
    return rows[order], logs[order]


def _standard(copies_NHW: np.ndarray) -> np.ndarray:
    """Copies as rows of mean 0 and length 1."""
    flat = copies_NHW.reshape(len(copies_NHW), -1).astype(np.float32)
    flat -= flat.mean(1, keepdims=True)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)


def _differ(pictures: Pictures, pair: Pair) -> bool:
    lines = pictures.lines
    forms = (lines.form(pair.left), lines.form(pair.right))
    texts = (lines.texts[pair.left] or "", lines.texts[pair.right] or "")
    for form in forms:
        texts = (fold_label(texts[0], form), fold_label(texts[1], form))
    return texts[0] != texts[1]


def _finding(
    kind: str, one: str, other: str, parts: Mapping[str, Pictures], pairs: list[Pair], what: str, advice: str
) -> list[Finding]:
    if not pairs:
        return []
    lines, others = parts[one].lines, parts[other].lines
    keys = tuple(lines.keys[pair.left] for pair in pairs)
    partners = tuple(others.keys[pair.right] for pair in pairs)
    remarks = tuple(
        f"{key} {quoted(lines.texts[pair.left])}, {its} {quoted(others.texts[pair.right])}: "
        f"correlation {pair.correlation:.2f}"
        for key, its, pair in zip(keys, partners, pairs, strict=True)
    )
    message = f"{counted(len(pairs), 'pair')}: {what} ({len(set(keys)):,} and {len(set(partners)):,} lines)"
    return [Finding("problem" if kind == "leak" else "note", kind, one, message, keys, remarks, partners, advice)]
