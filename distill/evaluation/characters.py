"""Character errors in a verdict: intervals of CER beside those of exact lines, and what they change.

Few lines are read exactly early in a training or where lines are long, and then exact lines say little; character
errors still tell two students apart. Lines are resampled with the errors of all roles on them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from distill.evaluation.verdict import interval, resamples, verdict
from distill.seeds import seed_of

RESAMPLES = 2_000


class LineScores(NamedTuple):
    """What one role reads of the same lines in the same order: 1 for an exact line, else 0; and edits of each."""

    exact_N: np.ndarray
    edits_N: np.ndarray


def verdict_on_lines(
    teacher: LineScores, control: LineScores, student: LineScores, characters_N: np.ndarray, seed: int
) -> dict[str, Any]:
    """Return the verdict on exact lines, weighed with the character errors on the same lines.

    `characters_N` are the characters of the truths. Beside what `verdict` returns: `cer_change`, the student's CER
    minus the control's with its 95 % interval, and `nothing_reads`, whether neither reads one line exactly. Exact lines
    then decide nothing: the verdict is no gain where the student makes more errors, else inconclusive. A gain in exact
    lines with more character errors, each beyond its interval, is inconclusive too.
    """
    found = verdict(teacher.exact_N, control.exact_N, student.exact_N, seed)
    change = cer_change(control.edits_N, student.edits_N, characters_N, seed)
    nothing_reads = not (control.exact_N.any() or student.exact_N.any())
    if nothing_reads:
        found["verdict"] = "no_gain" if change["low"] > 0 else "inconclusive"
    elif found["verdict"] == "gain" and change["low"] > 0:
        found["verdict"] = "inconclusive"
    return found | {"cer_change": change, "nothing_reads": nothing_reads}


def cer_change(before_N: np.ndarray, after_N: np.ndarray, characters_N: np.ndarray, seed: int) -> dict[str, float]:
    """Return the CER of the second edits minus that of the first, with its 95 % interval over lines."""
    total = max(1, characters_N.sum())
    value = float((after_N - before_N).sum() / total)
    sums_R3 = resampled_sums(np.stack([before_N, after_N, characters_N], 1), seed)
    return interval(value, (sums_R3[:, 1] - sums_R3[:, 0]) / np.maximum(sums_R3[:, 2], 1), len(characters_N))


def cer_interval(edits_N: np.ndarray, characters_N: np.ndarray, seed: int) -> dict[str, float]:
    """Return a CER, edits over characters of the truths, with its 95 % interval over lines."""
    value = float(edits_N.sum() / max(1, characters_N.sum()))
    sums_R2 = resampled_sums(np.stack([edits_N, characters_N], 1), seed)
    found = interval(value, sums_R2[:, 0] / np.maximum(sums_R2[:, 1], 1), len(characters_N))
    return found | {"low": max(0.0, found["low"])}


def resampled_sums(values_NV: np.ndarray, seed: int, of: str = "characters") -> np.ndarray:
    """Return column sums of `RESAMPLES` samples of N items each, with replacement, shape (RESAMPLES, V).

    `of` names what is resampled; equal names and seeds sample alike.
    """
    generator = np.random.default_rng(seed_of(f"bootstrap of {of}", seed))
    sums_RV = np.empty((RESAMPLES, values_NV.shape[1]))
    for rows, indices_RN in resamples(len(values_NV), RESAMPLES, generator):
        for column, values_N in enumerate(values_NV.T):
            sums_RV[rows, column] = values_N[indices_RN].sum(axis=1)
    return sums_RV
