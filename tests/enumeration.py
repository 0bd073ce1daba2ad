"""Small posteriors and the enumeration of all their alignments, for tests of decoders."""

from __future__ import annotations

import itertools
from collections import defaultdict

import numpy as np

from students.charset import Charset
from students.decoder import decoder_of
from students.decoding_settings import Beam, Greedy
from students.greedy import collapse
from students.reading import Reading

AB1 = Charset(characters="ab1 -")
T = 5  # frames


def posteriors(seed: int, frames: int = T, charset: Charset = AB1, sharpness: float = 2.0) -> np.ndarray:
    """Random log-posteriors (T, C), a function of the seed."""
    scores_TC = sharpness * np.random.default_rng(seed).normal(size=(frames, charset.n_classes))
    return scores_TC - np.log(np.exp(scores_TC).sum(1, keepdims=True))


def read(decoding: Greedy | Beam, charset: Charset, log_p_TC: np.ndarray) -> Reading:
    """What a decoder reads on one line."""
    (reading,) = decoder_of(decoding, charset)(log_p_TC[None])
    return reading


def by_enumeration(log_p_TC: np.ndarray) -> tuple[dict[tuple[int, ...], float], dict[tuple[int, ...], float]]:
    """Of every text: the sum over its paths, and its best path."""
    sums: dict[tuple[int, ...], float] = defaultdict(float)
    best: dict[tuple[int, ...], float] = defaultdict(float)
    frames = np.arange(len(log_p_TC))
    for path in itertools.product(range(log_p_TC.shape[1]), repeat=len(log_p_TC)):
        text = tuple(collapse(np.array(path)))
        p = float(np.exp(log_p_TC[frames, list(path)].sum()))
        sums[text] += p
        best[text] = max(best[text], p)
    return sums, best


SUMS, BEST = zip(*(by_enumeration(posteriors(seed)) for seed in range(3)), strict=True)
