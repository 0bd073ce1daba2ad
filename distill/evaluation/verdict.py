"""The verdict on a distillation: a paired bootstrap over the items of a test, its figures and one sentence on them.

An item is whatever a task scores from 0 to 1: a line that is read exactly or not, or the IoU of a page. The scores of
teacher, control and student on one item stay together when items are resampled, so an item that is hard for all three
widens no interval. With several seeds an item is a (seed, line) pair; with one seed the figures hold for this run only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from distill.seeds import seed_of

RESAMPLES = 10_000
SMALLEST_GAIN = 0.005  # an interval wholly below half a point is "no gain"
CHUNK_ITEMS = 2**20  # resampled items in memory at a time


def verdict(teacher_N: np.ndarray, control_N: np.ndarray, student_N: np.ndarray, seed: int) -> dict[str, Any]:
    """Return gain over the control, gap of control to teacher, share of that gap recovered, and the verdict.

    Each argument, shape (N,), holds a score in [0, 1] for each of the same items in the same order. `gain`,
    `teacher_gap` and `gap_recovered` are means over the items with their 95 % percentile interval;
    `gap_recovered` is None where the interval of the gap includes 0. Raises `ValueError` for scores of different
    lengths, for none at all and for a score outside [0, 1].
    """
    scores_N3 = _checked(teacher_N, control_N, student_N)
    teacher_R, control_R, student_R = _resampled_means(scores_N3, np.random.default_rng(seed_of("bootstrap", seed))).T
    gains_R, gaps_R = student_R - control_R, teacher_R - control_R
    n = len(scores_N3)
    gain = interval(float((student_N - control_N).mean()), gains_R, n)
    gap = interval(float((teacher_N - control_N).mean()), gaps_R, n)
    recovered = None
    if gap["low"] > 0 or gap["high"] < 0:
        with np.errstate(divide="ignore", invalid="ignore"):
            shares_R = gains_R / gaps_R
        recovered = interval(gain["value"] / gap["value"], shares_R[np.isfinite(shares_R)], n)
    if gain["low"] > 0:
        found = "gain"
    elif gain["high"] <= SMALLEST_GAIN:
        found = "no_gain"
    else:
        found = "inconclusive"
    return {"gain": gain, "teacher_gap": gap, "gap_recovered": recovered, "verdict": found}


def in_words(result: Mapping[str, Any], measure: str = "exact lines") -> str:
    """Return the verdict on one run as one sentence, or what changed without a teacher; points are of `measure`."""
    if result["verdict"] is None:
        return _changed(result, measure)
    if result["verdict"] == "unproven":
        why = result.get("no_control", "the control was switched off")
        return f"unproven on this run: {why}, so nothing is known about what the teacher added"
    gain, recovered, cer = result["gain"], result["gap_recovered"], _cer_in_words(result)
    words = {"gain": "gain", "no_gain": "no gain", "inconclusive": "inconclusive"}[result["verdict"]]
    if result.get("nothing_reads"):
        neither = "neither the student alone nor the distilled one reads a line exactly"
        return f"nothing reads, {words} on this run: {neither}{cer}"
    sentence = (
        f"{words} on this run: distilled {100 * gain['value']:+.1f} points of {measure} over the same student "
        f"alone (95 % interval {100 * gain['low']:+.1f} to {100 * gain['high']:+.1f})"
    )
    if recovered and result["teacher_gap"]["low"] > 0:  # a worse teacher leaves nothing to recover
        sentence += (
            f", {recovered['value']:.0%} of the gap to the teacher recovered "
            f"({recovered['low']:.0%} to {recovered['high']:.0%})"
        )
    if result["verdict"] == "inconclusive" and gain["low"] > 0:
        return f"{sentence}, but with more character errors{cer}"
    return sentence + cer


def _changed(result: Mapping[str, Any], measure: str) -> str:
    """What a student that was trained further without a teacher reads more than before."""
    value, low, high = (100 * result["change"][key] for key in ("value", "low", "high"))
    return (
        f"trained further without a teacher: on this run {value:+.1f} points of {measure} over the student it began "
        f"with (95 % interval {low:+.1f} to {high:+.1f}){_cer_in_words(result)}; nothing was distilled"
    )


def _cer_in_words(result: Mapping[str, Any]) -> str:
    """What the character errors of a verdict say, as a part of its sentence; empty where they are not known."""
    if (change := result.get("cer_change")) is None:
        return ""
    value, low, high = (100 * change[key] for key in ("value", "low", "high"))
    return f"; CER {value:+.1f} points ({low:+.1f} to {high:+.1f})"


def _checked(*scores: np.ndarray) -> np.ndarray:
    """Return the scores of teacher, control and student side by side, shape (N, 3)."""
    lengths = [len(of_role) for of_role in scores]
    if len(set(lengths)) > 1 or not lengths[0]:
        raise ValueError(f"a verdict needs scores of the same items, at least one; found {lengths} scores")
    scores_N3 = np.stack(scores, axis=1)
    if not ((scores_N3 >= 0) & (scores_N3 <= 1)).all():
        raise ValueError("a verdict needs scores from 0 to 1")
    return scores_N3


def _resampled_means(scores_N3: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return the mean scores of `RESAMPLES` samples of N items each, with replacement, shape (RESAMPLES, 3)."""
    if np.isin(scores_N3, (0, 1)).all():
        return means_by_kind(scores_N3, generator)
    return means_by_item(scores_N3, generator)


def means_by_kind(scores_N3: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Resample items whose scores are all 0 or 1.

    They fall into eight kinds by who scores on them, so sampling items with replacement is sampling the counts of the
    kinds from a multinomial distribution.
    """
    n = len(scores_N3)
    kinds_K3 = np.array([[t, c, s] for t in (0, 1) for c in (0, 1) for s in (0, 1)])
    kind_N = (scores_N3 @ np.array([4, 2, 1])).astype(int)
    counts_RK = generator.multinomial(n, np.bincount(kind_N, minlength=8) / n, size=RESAMPLES)
    means_R3: np.ndarray = counts_RK @ kinds_K3 / n
    return means_R3


def means_by_item(scores_N3: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Resample items of any scores."""
    means_R3 = np.empty((RESAMPLES, 3))
    for rows, indices_RN in resamples(len(scores_N3), RESAMPLES, generator):
        for role in range(3):
            means_R3[rows, role] = scores_N3[:, role][indices_RN].mean(axis=1)
    return means_R3


def resamples(n: int, n_samples: int, generator: np.random.Generator) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield samples of `n` items with replacement, indices (R, N), and which of all samples they are.

    A part of them at a time, so that memory stays bounded.
    """
    chunk = max(1, CHUNK_ITEMS // n)
    for first in range(0, n_samples, chunk):
        end = min(first + chunk, n_samples)
        yield slice(first, end), generator.integers(n, size=(end - first, n))


def interval(value: float, resampled_R: np.ndarray, n_items: int) -> dict[str, float]:
    """Return a value with the 95 % percentile interval of its resampled values.

    Where no sample differs from another, all items are alike, and resampling knows of no others. The interval then
    reaches as far as a share of items that are otherwise can be missed in `n_items` with a chance of 2.5 %.
    """
    low, high = np.percentile(resampled_R, [2.5, 97.5])
    if low == high:
        unseen = 1 - 0.025 ** (1 / n_items)
        low, high = low - unseen, high + unseen
    return {"value": round(value, 6), "low": round(float(low), 6), "high": round(float(high), 6)}
