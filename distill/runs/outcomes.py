"""What the settings of a comparison gave, line by line and seed by seed, and the figures of `compare.json`."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

import teachers
from distill.data.lines import Lines
from distill.evaluation.evaluate import truths_of
from distill.evaluation.metrics import compare
from distill.evaluation.report import read_test
from distill.evaluation.verdict import verdict
from distill.runs.opening import Run
from distill.runs.teachers import FILLED
from distill.teaching.adopted import model_in
from distill.track import Stopwatch

On = Literal["validation", "test"]
GIVEN = "control_given_the_seconds"


@dataclass(frozen=True)
class Outcome:
    """What one setting gave under one seed.

    `exact` holds, for each role, 1 for a line that is read exactly and 0 for another, shape (L,); `seconds` the
    seconds of each phase of the run.
    """

    exact: Mapping[str, np.ndarray]
    seconds: Mapping[str, float]


def outcome_of(run: Run, on: On, roles: Sequence[str]) -> Outcome:
    """Read the lines with the model file of each role and score them one by one."""
    lines: Lines = run.pools.validation if on == "validation" else run.pools.test
    exact = {}
    for role in roles:
        reader = teachers.load(model_in(run.folder / role))
        texts = {key: r.text for key, r in read_test(reader, lines, run.accelerator, run.stop, role).items()}
        of_lines = compare(truths_of(lines), texts, run.recipe.data.protocol)
        exact[role] = np.array([line.exact for line in of_lines], float)
    return Outcome(exact, seconds_of(run.folder))


def seconds_of(folder: Path) -> dict[str, float]:
    """Return the seconds of each phase of a run; `cache` is what its caches took to fill, in whichever run."""
    seconds = Stopwatch(folder / "timing.json", writes=False).seconds
    filled = sum(value for phase, value in seconds.items() if phase.endswith(FILLED))
    return {**seconds, "cache": filled or seconds.get("cache", 0.0)}


def comparison_figures(
    outcomes: Mapping[str, Sequence[Outcome]], longer: Mapping[str, Sequence[Outcome]], on: On, first_seed: int
) -> dict[str, Any]:
    """Return `compare.json`: means over seeds, gains over the control, over the first setting, and of every pair.

    Intervals are over (seed, line) pairs. `longer` holds the outcomes of controls that were given the seconds of the
    students; without any there is no such part.
    """
    names = list(outcomes)
    pooled = {
        name: {role: np.concatenate([o.exact[role] for o in of_name]) for role in of_name[0].exact}
        for name, of_name in outcomes.items()
    }
    n_seeds = len(outcomes[names[0]])
    rows = {}
    for name, of_name in outcomes.items():
        exact = pooled[name]
        rows[name] = {
            **{role: float(values.mean()) for role, values in exact.items()},
            "each_seed": [float(o.exact["student"].mean()) for o in of_name],
            "each_control": [float(o.exact["control"].mean()) for o in of_name],
            **verdict(exact["teacher"], exact["control"], exact["student"], first_seed),
            "over_the_first": _gained(pooled[names[0]], exact, first_seed),
            "seconds": {
                part: float(np.mean([o.seconds.get(part, 0.0) for o in of_name]))
                for part in ("control", "student", "cache")
            },
        }
    result: dict[str, Any] = {
        "on": on,
        "seeds": list(range(first_seed, first_seed + n_seeds)),
        "settings": rows,
        "pairs": [
            {"of": better, "over": other, **_gained(pooled[other], pooled[better], first_seed)}
            for better, other in itertools.combinations(sorted(names, key=lambda n: -rows[n]["student"]), 2)
        ],
    }
    for name, of_name in longer.items():
        control = np.concatenate([o.exact["control"] for o in of_name])
        rows[name][GIVEN] = {
            "exact": float(control.mean()),
            **verdict(pooled[name]["teacher"], control, pooled[name]["student"], first_seed),
        }
    return result


def _gained(one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray], seed: int) -> dict[str, Any]:
    """What the student of the second of two settings gains over that of the first."""
    found = verdict(one["teacher"], one["student"], other["student"], seed)
    return {"gain": found["gain"], "verdict": found["verdict"]}
