"""Sums and maxima over the CTC alignments of given texts (Graves et al. 2006), in log-space.

Numpy only. A text is its classes; the extended text has a blank before, between and behind them, and an alignment walks
through it by one place a frame at most, or by two where it jumps over the blank between two different classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from students.charset import BLANK

NEVER = -np.inf
LEAST = 1e-200  # a probability below it is summed by logarithms


def frames_needed(symbols: Sequence[object]) -> int:
    """Return how many frames CTC needs for a text: one a character, and a blank between equal neighbours."""
    return len(symbols) + sum(a == b for a, b in pairwise(symbols))


def text_log_probabilities(log_probabilities_NTC: np.ndarray, texts: Sequence[Sequence[int]]) -> np.ndarray:
    """Return log P(text | line) of a text for each line, (N,), exact: a sum over alignments; -inf without any.

    Probabilities themselves are summed, ten times as fast as their logarithms. What falls below the smallest number on
    the way is less than `LEAST` by a hundred powers of ten, so only texts that end below `LEAST` are summed anew.
    """
    if not texts:
        return np.zeros(0)
    probability_N = _by_probabilities(log_probabilities_NTC, texts)
    summed_N = (probability_N > LEAST) & (probability_N < np.inf)
    log_p_N = np.log(probability_N, out=np.zeros(len(texts)), where=summed_N)
    if len(rest := np.flatnonzero(~summed_N)):
        log_p_N[rest] = _by_logarithms(log_probabilities_NTC[rest], [texts[i] for i in rest.tolist()])
    return log_p_N


def _by_probabilities(log_probabilities_NTC: np.ndarray, texts: Sequence[Sequence[int]]) -> np.ndarray:
    extended_NS, jumps_NS = _extended(texts)
    p_TNS = np.empty((log_probabilities_NTC.shape[1], *extended_NS.shape))
    p_TNS[:, :, ::2] = np.exp(log_probabilities_NTC[:, :, BLANK].T, dtype=np.float64)[..., None]
    of_classes_NTL = np.take_along_axis(log_probabilities_NTC, extended_NS[:, None, 1::2], 2)
    np.exp(of_classes_NTL.swapaxes(0, 1), out=p_TNS[:, :, 1::2], dtype=np.float64)
    padded = np.zeros((len(texts), extended_NS.shape[1] + 2))
    two_back_NS, one_back_NS, alpha_NS = padded[:, :-2], padded[:, 1:-1], padded[:, 2:]
    alpha_NS[:, 0] = 1.0  # before the first frame
    may_jump_NS = np.exp(jumps_NS)
    sum_NS, jumped_NS = np.empty(extended_NS.shape), np.empty(extended_NS.shape)
    with np.errstate(under="ignore", over="ignore", invalid="ignore"):
        for p_NS in p_TNS:
            np.multiply(two_back_NS, may_jump_NS, out=jumped_NS)
            np.add(alpha_NS, one_back_NS, out=sum_NS)
            sum_NS += jumped_NS
            np.multiply(sum_NS, p_NS, out=alpha_NS)
        rows, ends_N = _ends(texts)
        return np.where(ends_N > 0, alpha_NS[rows, np.maximum(ends_N - 1, 0)], 0.0) + alpha_NS[rows, ends_N]


def _by_logarithms(log_probabilities_NTC: np.ndarray, texts: Sequence[Sequence[int]]) -> np.ndarray:
    extended_NS, jumps_NS = _extended(texts)
    padded = np.full((len(texts), extended_NS.shape[1] + 2), NEVER)
    two_back_NS, one_back_NS, alpha_NS = padded[:, :-2], padded[:, 1:-1], padded[:, 2:]
    alpha_NS[:, 0] = 0.0  # before the first frame
    log_p_NTS = np.take_along_axis(log_probabilities_NTC, extended_NS[:, None], 2)
    sum_NS, jumped_NS = np.empty(extended_NS.shape), np.empty(extended_NS.shape)
    for log_p_NS in np.ascontiguousarray(log_p_NTS.swapaxes(0, 1), np.float64):
        np.logaddexp(alpha_NS, one_back_NS, out=sum_NS)
        np.add(two_back_NS, jumps_NS, out=jumped_NS)
        np.logaddexp(sum_NS, jumped_NS, out=sum_NS)
        np.add(sum_NS, log_p_NS, out=alpha_NS)
    rows, ends_N = _ends(texts)
    last_N = np.where(ends_N > 0, alpha_NS[rows, np.maximum(ends_N - 1, 0)], NEVER)
    return np.logaddexp(alpha_NS[rows, ends_N], last_N)


def _ends(texts: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    """The row of every text, and the place of the blank behind it."""
    return np.arange(len(texts)), np.array([2 * len(text) for text in texts])


def best_alignment(log_probabilities_TC: np.ndarray, text: Sequence[int]) -> list[tuple[int, int]]:
    """Return the frames (start, end) of every class of the text in its likeliest alignment, which must exist."""
    extended_NS, jumps_NS = _extended([text])
    extended_S, jumps_S = extended_NS[0], jumps_NS[0]
    score_S = np.full(len(extended_S), NEVER)
    score_S[0] = 0.0
    back_TS = np.zeros((len(log_probabilities_TC), len(extended_S)), np.int8)
    ways_3S = np.full((3, len(extended_S)), NEVER)
    for t, log_p_S in enumerate(np.asarray(log_probabilities_TC, np.float64)[:, extended_S]):
        ways_3S[0] = score_S
        ways_3S[1, 1:] = score_S[:-1]
        ways_3S[2, 2:] = score_S[:-2] + jumps_S[2:]
        back_TS[t] = ways_3S.argmax(0)
        score_S = ways_3S.max(0) + log_p_S
    place = len(extended_S) - 1
    if place and score_S[place - 1] > score_S[place]:
        place -= 1
    frames: list[list[int]] = [[] for _ in text]
    for t in range(len(log_probabilities_TC) - 1, -1, -1):
        if place % 2:
            frames[place // 2].append(t)
        place -= int(back_TS[t, place])
    return [(of_class[-1], of_class[0] + 1) for of_class in frames]


def _extended(texts: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    """The texts with their blanks, (N, S), padded with blanks; and 0 where a blank may be jumped over, else -inf."""
    extended_NS = np.full((len(texts), 2 * max(map(len, texts)) + 1), BLANK)
    for row_S, text in zip(extended_NS, texts, strict=True):
        row_S[1 : 2 * len(text) : 2] = text
    jumps_NS = np.full(extended_NS.shape, NEVER)
    jumps_NS[:, 3::2] = np.where(extended_NS[:, 3::2] != extended_NS[:, 1:-2:2], 0.0, NEVER)
    return extended_NS, jumps_NS
