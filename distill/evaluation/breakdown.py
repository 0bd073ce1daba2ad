"""Where a recogniser fails: by character, by length, by width of the line; and whether it fails as its teacher does.

Texts are compared as the protocol folds them, as everywhere in the report.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rapidfuzz.distance import Levenshtein

from distill.data.lines import Lines
from distill.evaluation.doctor.labels import named
from distill.evaluation.document import Block, Code, Heading, Paragraph, Table, Text
from distill.evaluation.metrics import Compared

MOST_BINS = 6
SHOWN_CHARACTERS = 12
Roles = Mapping[str, Sequence[Compared]]  # the same lines in the same order for every role


def breakdown(test: Lines, roles: Roles) -> dict[str, Any]:
    """Return the part of `report.json` on where a recogniser fails.

    `length` and `width_px` hold shares of exact lines, `character` the share of a character that is read right. Bins
    hold about equally many lines; every bin and character has its `n` and one share for each role.
    """
    lines = next(iter(roles.values()))
    widths = dict(zip(test.keys, test.padded_width_px.tolist(), strict=True))
    exact = {role: np.array([line.exact for line in of_role], float) for role, of_role in roles.items()}
    return {
        "length": _binned(np.array([len(line.want) for line in lines]), exact),
        "width_px": _binned(np.array([widths[line.truth.key] for line in lines]), exact),
        "character": _by_character(roles),
    }


def agreement(teacher: Sequence[Compared], student: Sequence[Compared]) -> dict[str, float | int]:
    """Return how many lines the student misreads, and which shares of them the teacher misreads too, and alike."""
    wrong = [(t, s) for t, s in zip(teacher, student, strict=True) if not s.exact]
    n = len(wrong)
    return {
        "n": n,
        "teacher_wrong": sum(not t.exact for t, _ in wrong) / n if n else 0.0,
        "same_reading": sum(t.got == s.got for t, s in wrong) / n if n else 0.0,
    }


def page(found: Mapping[str, Any], agreed: Mapping[str, float | int] | None, names: Sequence[str]) -> list[Block]:
    """Return the part of the report on where recognisers fail; `agreed` is None without a teacher."""
    parts: list[Block] = [Heading("Where they fail")]
    for title, key in (("characters of the line", "length"), ("padded width in px", "width_px")):
        parts.append(_table(title, [(f"{b['from']} to {b['to']}", b) for b in found[key]], names))
    hardest = sorted(found["character"].items(), key=lambda item: (item[1][names[-1]] - 1) * item[1]["n"])
    parts.append(
        _table("characters that cost most", [(Code(named(c)), row) for c, row in hardest[:SHOWN_CHARACTERS]], names)
    )
    if agreed and agreed["n"]:
        parts.append(
            Paragraph(
                f"Of the {agreed['n']} lines that the distilled student reads wrongly the teacher reads "
                f"{agreed['teacher_wrong']:.0%} wrongly too, {agreed['same_reading']:.0%} with the same text."
            )
        )
    return parts


def _table(title: str, rows: Sequence[tuple[Text, Mapping[str, Any]]], names: Sequence[str]) -> Table:
    body = [[what, f"{row['n']:,}", *(f"{row[role]:.1%}" for role in names)] for what, row in rows]
    return Table([title, "n", *names], body)


def _binned(values_L: np.ndarray, exact: Mapping[str, np.ndarray]) -> list[dict[str, Any]]:
    """Bins between quantiles, so that each holds about as many lines; equal values share a bin."""
    edges = np.unique(np.quantile(values_L, np.linspace(0, 1, MOST_BINS + 1), method="lower"))
    bin_L = np.searchsorted(edges[1:-1], values_L, side="right") if len(edges) > 2 else np.zeros(len(values_L), int)
    rows = []
    for number in np.unique(bin_L):
        some = bin_L == number
        low, high = int(values_L[some].min()), int(values_L[some].max())
        row: dict[str, Any] = {"from": low, "to": high, "n": int(some.sum())}
        rows.append(row | {role: round(float(of_role[some].mean()), 6) for role, of_role in exact.items()})
    return rows


def _by_character(roles: Roles) -> dict[str, dict[str, Any]]:
    """Of every character of the truths: how often it occurs, and the share that is read as it is."""
    total = Counter(c for line in next(iter(roles.values())) for c in line.want)
    found: dict[str, dict[str, Any]] = {c: {"n": n} for c, n in sorted(total.items())}
    for role, of_role in roles.items():
        missed: Counter[str] = Counter()
        for line in of_role:
            if not line.exact:
                edits = Levenshtein.editops(line.want, line.got)
                missed.update(line.want[edit.src_pos] for edit in edits if edit.tag != "insert")
        for c, n in total.items():
            found[c][role] = round(1 - missed[c] / n, 6)
    return found
