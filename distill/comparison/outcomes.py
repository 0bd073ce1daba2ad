"""What the settings of a comparison gave, line by line and seed by seed, and the figures of `compare.json`."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import teachers
from distill.comparison.settings import On
from distill.data.lines import Lines
from distill.evaluation.characters import LineScores, verdict_on_lines
from distill.evaluation.evaluate import truths_of
from distill.evaluation.metrics import compare
from distill.evaluation.report import line_scores, read_test
from distill.runs.opening import Run
from distill.runs.teachers import FILLED
from distill.teaching.teacher_files import model_in
from distill.track import Stopwatch

GIVEN = "control_given_the_seconds"


@dataclass(frozen=True)
class Outcome:
    """What one setting gave under one seed.

    `scores` holds, for each role, exact lines and edits of each line, shape (L,) both; `characters_L` the characters of
    their truths; `seconds` the seconds of each phase of the run.
    """

    scores: Mapping[str, LineScores]
    characters_L: np.ndarray
    seconds: Mapping[str, float]

    def reading_nothing(self, role: str) -> Outcome:
        """Return the same with a role that writes nothing on any line."""
        nothing = LineScores(np.zeros(len(self.characters_L)), self.characters_L.astype(float))
        return replace(self, scores={**self.scores, role: nothing})


def outcome_of(run: Run, on: On, roles: Sequence[str]) -> Outcome:
    """Read the lines with the model file of each role and score them one by one."""
    lines: Lines = run.pools.validation if on == "validation" else run.pools.test
    scores = {}
    characters_L = np.zeros(0, int)
    for role in roles:
        reader = teachers.load(model_in(run.folder / role))
        texts = {key: r.text for key, r in read_test(reader, lines, run.accelerator, run.stop, role).items()}
        of_lines = compare(truths_of(lines), texts, run.recipe.data.protocol)
        scores[role] = line_scores(of_lines)
        characters_L = np.array([line.characters for line in of_lines])
    return Outcome(scores, characters_L, seconds_of(run.folder))


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
    pooled = {name: _pooled(of_name) for name, of_name in outcomes.items()}
    n_seeds = len(outcomes[names[0]])
    rows = {}
    for name, of_name in outcomes.items():
        own = pooled[name]
        rows[name] = {
            **{role: float(of_role.exact_N.mean()) for role, of_role in own.scores.items()},
            "cer": {role: float(s.edits_N.sum() / max(1, own.characters_L.sum())) for role, s in own.scores.items()},
            "each_seed": [float(o.scores["student"].exact_N.mean()) for o in of_name],
            "each_control": [float(o.scores["control"].exact_N.mean()) for o in of_name],
            **_verdict(own, own.scores["control"], own.scores["student"], first_seed),
            "over_the_first": _gained(pooled[names[0]], own, first_seed),
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
        control = _pooled(of_name).scores["control"]
        rows[name][GIVEN] = {
            "exact": float(control.exact_N.mean()),
            **_verdict(pooled[name], control, pooled[name].scores["student"], first_seed),
        }
    return result


def _pooled(outcomes: Sequence[Outcome]) -> Outcome:
    """The lines of several seeds, one seed behind the other."""
    scores = {
        role: LineScores(*(np.concatenate(parts) for parts in zip(*(o.scores[role] for o in outcomes), strict=True)))
        for role in outcomes[0].scores
    }
    return Outcome(scores, np.concatenate([o.characters_L for o in outcomes]), {})


def _verdict(own: Outcome, control: LineScores, student: LineScores, seed: int) -> dict[str, Any]:
    return verdict_on_lines(own.scores["teacher"], control, student, own.characters_L, seed)


def _gained(one: Outcome, other: Outcome, seed: int) -> dict[str, Any]:
    """What the student of the second of two settings gains over that of the first."""
    found = _verdict(one, one.scores["student"], other.scores["student"], seed)
    return {"gain": found["gain"], "verdict": found["verdict"], "cer_change": found["cer_change"]}
