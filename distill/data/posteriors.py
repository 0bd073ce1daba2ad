"""The teacher's posteriors as they are kept: top-k a frame, tails, runs of blanks as one.

A record of a line: frames T and runs of frames R (uint16), then for each run its length (uint16; not where R is T), the
blank and the k - 1 likeliest other classes (uint16), their log-probabilities (float16), and for each temperature tau
the log of the sum of p^(1/tau) over all other classes (float16). Softened posteriors are so exact, but for the tail's
shape and the frames that a run of blanks makes equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from distill.data.columns import Column
from students.charset import BLANK
from students.errors import CheckpointError
from students.parts import Outputs

NOTHING = -30.0  # log of a tail that is empty


class Posteriors(NamedTuple):
    """Of lines with equal frames: the k likeliest classes of every frame, and the tails at each temperature."""

    classes_NTK: Tensor  # int64
    log_p_NTK: Tensor  # float32
    tails_NTV: Tensor  # float32, log sum of p^(1/tau) over the other classes


def pack(log_p_TC: np.ndarray, top_k: int, blank_above: float, temperatures: Sequence[float]) -> bytes:
    """Pack one record; `log_p_TC` are natural logarithms of the posteriors of one line."""
    k = min(top_k, log_p_TC.shape[1])
    blank_T = log_p_TC[:, BLANK] >= np.log(blank_above)
    begins_T = np.ones(len(log_p_TC), bool)
    begins_T[1:] = ~(blank_T[1:] & blank_T[:-1])
    starts_R = np.flatnonzero(begins_T)
    runs_R = np.diff(starts_R, append=len(log_p_TC))
    log_p_RC = log_p_TC[starts_R]
    rank_RC = -log_p_RC
    rank_RC[:, BLANK] = -np.inf  # the blank is always kept
    classes_RK = np.argpartition(rank_RC, k - 1, axis=1)[:, :k]
    top_RK = np.take_along_axis(log_p_RC, classes_RK, 1)
    rest_RC = log_p_RC.astype(np.float64).copy()
    np.put_along_axis(rest_RC, classes_RK, -np.inf, 1)
    with np.errstate(divide="ignore"):
        tails_RV = np.stack([np.log(np.exp(rest_RC / tau).sum(1)) for tau in temperatures], 1)
    parts = (
        np.array([len(log_p_TC), len(starts_R)], np.uint16),
        runs_R.astype(np.uint16) if len(starts_R) < len(log_p_TC) else np.zeros(0),
        classes_RK.astype(np.uint16),
        np.maximum(top_RK, NOTHING).astype(np.float16),
        np.maximum(tails_RV, NOTHING).astype(np.float16),
    )
    return b"".join(part.tobytes() for part in parts)


def unpack(record: bytes, top_k: int, n_temperatures: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unpack classes (T, K), log-probabilities (T, K) and tails (T, V) of one record.

    Raises `CheckpointError` for a damaged record.
    """
    frames, n_runs = np.frombuffer(record, np.uint16, 2)
    at = 4
    runs_R = np.ones(n_runs, np.uint16)
    if n_runs < frames:
        runs_R = np.frombuffer(record, np.uint16, n_runs, at)
        at += 2 * int(n_runs)
    found = []
    for dtype, columns in ((np.uint16, top_k), (np.float16, top_k), (np.float16, n_temperatures)):
        values = np.frombuffer(record, dtype, int(n_runs) * columns, at).reshape(n_runs, columns)
        found.append(values.repeat(runs_R, 0))
        at += 2 * values.size
    if at != len(record) or len(found[0]) != frames:
        raise CheckpointError("a record of the posterior cache is damaged; remove the cache")
    classes_TK, log_p_TK, tails_TV = found
    return classes_TK.astype(np.int64), log_p_TK.astype(np.float32), tails_TV.astype(np.float32)


def dense(posteriors: Posteriors, n_classes: int, temperatures: Sequence[float], tau: float) -> Tensor:
    """Return logits (N, T, C) whose softmax at `tau` is the teacher's but for the shape of the tail, which is flat."""
    n, t, k = posteriors.classes_NTK.shape
    left = n_classes - k
    tail_NT1 = posteriors.tails_NTV[..., temperatures.index(tau), None]
    flat_NT1 = tau * (tail_NT1 - float(np.log(left))) if left else torch.zeros_like(tail_NT1)
    logits_NTC = flat_NT1.expand(n, t, n_classes).clone()
    return logits_NTC.scatter_(-1, posteriors.classes_NTK, posteriors.log_p_NTK)


@dataclass(frozen=True)
class Cached:
    """An opened cache: the posteriors of line `i` in a view."""

    tables: tuple[Column, ...]  # records of each view
    top_k: int
    temperatures: tuple[float, ...]
    n_classes: int
    name: str = ""
    filled_s: float = 0.0  # seconds that it took to compute, of a shared one whoever did

    @property
    def n_bytes(self) -> int:
        """Return the size of the records of all views."""
        return sum(table.values.nbytes for table in self.tables)

    def of(self, indices: Sequence[int], views: Sequence[int]) -> Posteriors:
        """Return the posteriors of lines with equal frames, each in the view of its number."""
        records = [
            unpack(self.tables[view][i], self.top_k, len(self.temperatures))
            for i, view in zip(indices, views, strict=True)
        ]
        return Posteriors(*(torch.from_numpy(np.stack(part)) for part in zip(*records, strict=True)))

    def outputs(self, posteriors: Posteriors, tau: float) -> Outputs:
        """Return the teacher's outputs at temperature `tau`, rebuilt from posteriors; features (N, T, 0) are empty."""
        logits_NTC = dense(posteriors, self.n_classes, self.temperatures, tau)
        n, t = logits_NTC.shape[:2]
        return Outputs(logits_NTC, torch.full((n,), t, device=logits_NTC.device), logits_NTC.new_zeros(n, t, 0))
