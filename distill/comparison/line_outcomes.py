"""What the settings of a comparison gave on lines, line by line and seed by seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import teachers
from distill.comparison.figures import comparison_figures, phase_seconds
from distill.comparison.settings import On
from distill.data.lines import Lines
from distill.evaluation.characters import LineScores, verdict_on_lines
from distill.evaluation.evaluate import truths_of
from distill.evaluation.metrics import compare
from distill.evaluation.report import line_scores, read_test
from distill.runs.opening import LineRun
from distill.teaching.teacher_files import model_in

GIVEN = "control_given_the_seconds"


@dataclass(frozen=True)
class LineOutcome:
    """What one setting gave under one seed, or under several: an `Outcome` (`figures.py`).

    `scores` holds, for each role, exact lines and edits of each line, shape (L,) both; `characters_L` the characters of
    their truths; `seconds` the seconds of each phase of the run.
    """

    scores: Mapping[str, LineScores]
    characters_L: np.ndarray
    seconds: Mapping[str, float]

    def reading_nothing(self, role: str) -> LineOutcome:
        """Return the same with a role that writes nothing on any line."""
        nothing = LineScores(np.zeros(len(self.characters_L)), self.characters_L.astype(float))
        return replace(self, scores={**self.scores, role: nothing})

    @property
    def rates(self) -> dict[str, Any]:
        """Return the share of exact lines of each role, and their CERs under `cer`."""
        exact = {role: float(of_role.exact_N.mean()) for role, of_role in self.scores.items()}
        n = max(1, self.characters_L.sum())
        return exact | {"cer": {role: float(s.edits_N.sum() / n) for role, s in self.scores.items()}}

    def joined(self, others: Sequence[LineOutcome]) -> LineOutcome:
        """Return the lines of this one and of others, one behind the other."""
        every = (self, *others)
        parts = {role: zip(*(outcome.scores[role] for outcome in every), strict=True) for role in self.scores}
        scores = {role: LineScores(*map(np.concatenate, of_role)) for role, of_role in parts.items()}
        return LineOutcome(scores, np.concatenate([outcome.characters_L for outcome in every]), {})

    def verdict(self, seed: int) -> dict[str, Any]:
        """Return the verdict on the student over its control."""
        return self.verdict_over(self.scores["control"], seed)

    def verdict_over(self, control: LineScores, seed: int) -> dict[str, Any]:
        """Return the verdict on the student over what another network reads of the same lines."""
        return verdict_on_lines(self.scores["teacher"], control, self.scores["student"], self.characters_L, seed)

    def gain_over(self, other: LineOutcome, seed: int) -> dict[str, Any]:
        """Return what the student gains over that of another setting, in exact lines and in CER, and the verdict."""
        teacher, before, after = other.scores["teacher"], other.scores["student"], self.scores["student"]
        found = verdict_on_lines(teacher, before, after, self.characters_L, seed)
        return {"gain": found["gain"], "verdict": found["verdict"], "cer_change": found["cer_change"]}


def outcome_of(run: LineRun, on: On, roles: Sequence[str]) -> LineOutcome:
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
    return LineOutcome(scores, characters_L, phase_seconds(run.folder))


def line_figures(
    outcomes: Mapping[str, Sequence[LineOutcome]],
    longer: Mapping[str, Sequence[LineOutcome]],
    on: On,
    first_seed: int,
) -> dict[str, Any]:
    """Return `compare.json` on lines.

    `longer` holds the outcomes of controls that were given the seconds of the students; a setting among them also has
    the gain of its student over that control.
    """
    result = comparison_figures(outcomes, on, first_seed)
    for name, of_name in longer.items():
        control = of_name[0].joined(of_name[1:])
        student = outcomes[name][0].joined(outcomes[name][1:])
        result["settings"][name][GIVEN] = {
            "exact": control.rates["control"],
            **student.verdict_over(control.scores["control"], first_seed),
        }
    return result
