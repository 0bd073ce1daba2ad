"""The figures of `compare.json`, of lines and of pages: means over seeds, gains, and every two settings as a pair."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

from distill.comparison.settings import On
from distill.runs.teachers import FILLED
from distill.track import Stopwatch

PARTS = ("control", "student", "cache")  # of the seconds


class Outcome(Protocol):
    """What one setting gave under one seed, or, `joined`, under several: a score for each item and role."""

    @property
    def seconds(self) -> Mapping[str, float]:
        """Return the seconds of each phase of the run."""

    @property
    def rates(self) -> dict[str, Any]:
        """Return the mean score of each role by its name, and whatever else a row of the figures holds."""

    def joined(self: OutcomeT, others: Sequence[OutcomeT]) -> OutcomeT:
        """Return the items of this one and of others, one behind the other."""

    def verdict(self, seed: int) -> dict[str, Any]:
        """Return gain, gap, share of the gap recovered and verdict of the student over its control."""

    def gain_over(self: OutcomeT, other: OutcomeT, seed: int) -> dict[str, Any]:
        """Return gain and verdict of the student over that of another setting on the same items."""


OutcomeT = TypeVar("OutcomeT", bound=Outcome)


def comparison_figures(outcomes: Mapping[str, Sequence[OutcomeT]], on: On, first_seed: int) -> dict[str, Any]:
    """Return `compare.json` of the outcomes of each setting, seed by seed from `first_seed` on.

    Means are over seeds, gains over the control, over the first setting, and of every pair of settings; intervals are
    over (seed, item) pairs.
    """
    pooled = {name: of_name[0].joined(of_name[1:]) for name, of_name in outcomes.items()}
    first = next(iter(outcomes))
    rows = {}
    for name, of_name in outcomes.items():
        rows[name] = {
            **pooled[name].rates,
            "each_seed": [outcome.rates["student"] for outcome in of_name],
            "each_control": [outcome.rates["control"] for outcome in of_name],
            **pooled[name].verdict(first_seed),
            "over_the_first": pooled[name].gain_over(pooled[first], first_seed),
            "seconds": {part: float(np.mean([o.seconds.get(part, 0.0) for o in of_name])) for part in PARTS},
        }
    best_first = sorted(rows, key=lambda name: -rows[name]["student"])
    return {
        "on": on,
        "seeds": list(range(first_seed, first_seed + len(outcomes[first]))),
        "settings": rows,
        "pairs": [
            {"of": better, "over": other, **pooled[better].gain_over(pooled[other], first_seed)}
            for better, other in itertools.combinations(best_first, 2)
        ],
    }


def phase_seconds(folder: Path) -> dict[str, float]:
    """Return the seconds of each phase of a run; `cache` is what shared caches took to fill, in whichever run."""
    seconds = Stopwatch(folder / "timing.json", writes=False).seconds
    filled = sum(value for phase, value in seconds.items() if phase.endswith(FILLED))
    return {**seconds, "cache": filled or seconds.get("cache", 0.0)}
