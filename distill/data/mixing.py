"""How many lines of each source a training samples, and when: weights, a temperature, and curricula.

A plan holds how many lines of each source every epoch holds. Each source is gone through in whole passes, each in a new
random order, so that its lines come equally often. Which lines form a step is `sampler.py`'s.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from pydantic import Field, model_validator

from distill.schema import Section, Span
from distill.seeds import generator_of
from students.errors import DataError


class Weight(Span):
    """How much of a source is sampled, and from when until when; a number alone holds for the whole training."""

    weight: float = Field(1.0, gt=0, description="its share in proportion to the other sources'")

    @model_validator(mode="before")
    @classmethod
    def _a_number_alone(cls, value: object) -> object:
        return {"weight": value} if isinstance(value, (int, float)) else value

    def steps_of(self, steps: int) -> range:
        """Return the steps in which it holds, of a training of so many."""
        begin, end = (math.ceil(share * steps - 1e-9) for share in (self.begin, self.end))
        return range(begin, end)


class Mix(Section):
    """The share of a source is in proportion to its weight times (its lines to the power of the temperature)."""

    weights: dict[str, Weight] = Field(
        {}, description="of a source by its name: a number, or weight, begin and end; 1 where it is not named"
    )
    temperature: float = Field(
        0.0, ge=0, le=1, description="0: weights alone are the shares; 1: sources count by their lines as well"
    )

    def of(self, source: str) -> Weight:
        """Return what holds for a source."""
        return self.weights.get(source, Weight())


@dataclass(frozen=True, eq=False)
class MixPlan:
    """How many lines of each source every epoch of one training samples. An epoch ends where a weight changes."""

    mix: Mix
    rows: Mapping[str, np.ndarray]  # line numbers of each source
    first_step_E: np.ndarray
    sampled_ES: np.ndarray  # lines of each source, in the order of `rows`

    def place(self, k: int) -> tuple[int, int]:
        """Return the epoch of step `k`, and the step's position in it."""
        epoch = int(np.searchsorted(self.first_step_E, k, side="right")) - 1
        return epoch, k - int(self.first_step_E[epoch])

    def lines(self, seed: int, epoch: int) -> np.ndarray:
        """Return the lines of an epoch, source by source; those that come again stand there again."""
        begins_S = self.sampled_ES[:epoch].sum(0)
        of_sources = [
            _stretch(rows, ("mix", seed, name), int(begin), int(n))
            for (name, rows), begin, n in zip(self.rows.items(), begins_S, self.sampled_ES[epoch], strict=True)
        ]
        return np.concatenate(of_sources)

    def fillers(self, seed: int, epoch: int, labelled: np.ndarray) -> np.ndarray:
        """Return as many labelled lines as an epoch has, mixed as it is; where its sources have none, all there are."""
        sampled_S, rows = self.sampled_ES[epoch], [rows[labelled[rows]] for rows in self.rows.values()]
        some_S = np.where([len(of_source) > 0 for of_source in rows], sampled_S, 0)
        if not some_S.any():
            return np.flatnonzero(labelled)
        wanted_S = np.ceil(some_S * (sampled_S.sum() / some_S.sum())).astype(int)
        of_sources = [
            _stretch(of_source, ("mixed fill", seed, epoch, name), 0, int(n))
            for name, of_source, n in zip(self.rows, rows, wanted_S, strict=True)
        ]
        return np.concatenate(of_sources)


def plan_of(mix: Mix, sources: Sequence[str], batch_lines: int, steps: int) -> MixPlan:
    """Plan a training on lines of these sources. Raises `DataError` for steps in which no source has a line."""
    names, row_of = np.unique(np.array(sources, str), return_inverse=True)
    rows = {str(name): np.flatnonzero(row_of == s) for s, name in enumerate(names)}
    spans = [mix.of(name).steps_of(steps) for name in rows]
    if never := [name for name, span in zip(rows, spans, strict=True) if not span]:
        raise DataError(
            f"mix: {', '.join(never)} would not be sampled once in {steps} steps; widen begin to end, or leave it out"
        )
    longest = -(-len(sources) // batch_lines)
    first_steps: list[int] = []
    sampled: list[np.ndarray] = []
    for begin, end in pairwise(sorted({0, steps, *(b for span in spans for b in (span.start, span.stop))})):
        weights = [
            mix.of(name).weight * len(of_source) ** mix.temperature if begin in span else 0.0
            for (name, of_source), span in zip(rows.items(), spans, strict=True)
        ]
        shares_S = np.array(weights)
        if not shares_S.any():
            raise DataError(
                f"mix: no source with a usable line has a weight from step {begin} to {end} of {steps}; "
                f"there are lines of {', '.join(rows) or 'no source'}"
            )
        starts = range(begin, end, longest)
        first_steps += starts
        sampled += _sampled(shares_S / shares_S.sum(), [batch_lines * (min(s + longest, end) - s) for s in starts])
    return MixPlan(mix, rows, np.array(first_steps), np.array(sampled))


def _sampled(shares_S: np.ndarray, sizes: Sequence[int]) -> list[np.ndarray]:
    """Lines of each source in epochs of these sizes, at any time within a line or so of their shares."""
    active = np.flatnonzero(shares_S)
    behind = np.zeros(len(active))
    sampled = []
    for size in sizes:
        behind += shares_S[active] * size
        counts = np.maximum(np.floor(behind) - len(active), 0)
        while counts.sum() < size:
            counts[np.argmax(behind - counts)] += 1
        behind -= counts
        whole = np.zeros(len(shares_S), np.int64)
        whole[active] = counts
        sampled.append(whole)
    return sampled


def _stretch(rows: np.ndarray, names: tuple[Any, ...], begin: int, n: int) -> np.ndarray:
    """`n` lines from position `begin` on of endless passes over `rows`, each in its own random order."""
    if not n:
        return rows[:0]
    passes = range(begin // len(rows), -(-(begin + n) // len(rows)))
    orders = [rows[torch.randperm(len(rows), generator=generator_of(*names, p)).numpy()] for p in passes]
    return np.concatenate(orders)[begin - passes[0] * len(rows) :][:n]
