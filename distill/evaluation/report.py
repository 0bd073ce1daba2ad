"""The report of a run: teacher, student alone and student distilled on the same test lines, with a verdict.

Its page and pictures are made in `report_page.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from accelerate import Accelerator

from distill.data.lines import Lines
from distill.evaluation.breakdown import agreement, breakdown
from distill.evaluation.ceiling import ceiling
from distill.evaluation.characters import LineScores, cer_interval, verdict_on_lines
from distill.evaluation.evaluate import read_lines, truths_of
from distill.evaluation.metrics import Compared, compare, score_of
from distill.evaluation.reliability import Confidences, reliability
from distill.evaluation.samples import samples_of
from distill.runtime import StopFlag
from distill.schema import Protocol
from distill.teaching.graph import network_of
from distill.teaching.teacher import at_any_width
from students.alignments import text_log_probabilities
from students.calibration import tempered
from students.reader import Reader

REPORTED = ("teacher", "control", "before", "student")  # before: what a student without a teacher began with

NO_VERDICT = {"gap_recovered": None, "gain": None, "teacher_gap": None, "verdict": None}


class LineReading(NamedTuple):
    """What a role reads on a test line: text, confidence (0 to 1), and the confidence that temperature 1 would give."""

    text: str
    confidence: float
    unfitted: float


Readings = Mapping[str, Mapping[str, LineReading]]  # by role, then by the key of the line


def read_test(
    reader: Reader, test: Lines, accelerator: Accelerator, stop: StopFlag, role: str
) -> dict[str, LineReading]:
    """Read the test lines with the shipped file of a role; return the readings by key."""
    model = network_of(reader).to(accelerator.device)
    preparation = at_any_width(reader.description.preparation)
    return read_lines(
        model,
        test.prepared_by(preparation),
        partial(line_reading, reader),
        preparation,
        accelerator,
        what=f"testing the {role}",
        stop=stop,
    )


def line_reading(reader: Reader, log_p_TC: np.ndarray) -> LineReading:
    """Decode one line from its log-posteriors (T, C), in nats, at temperature 1."""
    description = reader.description
    reading = reader.decode(tempered(log_p_TC, description.calibration.temperature))
    unfitted = float(np.exp(text_log_probabilities(log_p_TC[None], [reading.classes])[0]))
    return LineReading(reading.text, reading.confidence, unfitted)


def summarise(
    test: Lines,
    readings: Readings,
    parameters: Mapping[str, int],
    temperatures: Mapping[str, float],
    protocol: Protocol,
    seed: int,
    shown: frozenset[str],
) -> dict[str, Any]:
    """Return `report.json`: scores of each role as fractions, the gap recovered with its interval, the verdict.

    `shown` are the characters that training shows. Without a teacher: what changed over the student that it began
    with, and no verdict.
    """
    truths = truths_of(test)
    texts = {role: {key: r.text for key, r in of_role.items()} for role, of_role in readings.items()}
    lines = {role: compare(truths, of_role, protocol) for role, of_role in texts.items()}
    result: dict[str, Any] = {
        role: {"parameters": parameters[role], **score_of(of_role, len(truths), protocol).as_dict()}
        for role, of_role in lines.items()
    }
    result.setdefault("teacher", None)
    result.setdefault("control", None)
    result["seeds"] = [seed]
    result["confidence"] = {
        role: reliability(confidences(readings[role], of_role), temperatures[role]) for role, of_role in lines.items()
    }
    result["breakdown"] = breakdown(test, lines)
    result["samples"] = samples_of(lines, seed)
    result["ceiling"] = ceiling(shown, lines, protocol)
    scores = {role: line_scores(of_role) for role, of_role in lines.items()}
    characters_N = np.array([line.characters for line in lines["student"]])
    result["cer_intervals"] = {role: cer_interval(s.edits_N, characters_N, seed) for role, s in scores.items()}
    if "teacher" not in texts:
        result["agreement"] = None
        return result | NO_VERDICT | change(scores["before"], scores["student"], characters_N, seed)
    result["agreement"] = agreement(lines["teacher"], lines["student"])
    if "control" not in texts:
        return result | NO_VERDICT | {"verdict": "unproven"}
    return result | verdict_on_lines(scores["teacher"], scores["control"], scores["student"], characters_N, seed)


def change(before: LineScores, after: LineScores, characters_N: np.ndarray, seed: int) -> dict[str, Any]:
    """Return what a student reads more than the one it began with: `change` in exact lines, and `cer_change`."""
    found = verdict_on_lines(before, before, after, characters_N, seed)
    return {"change": found["gain"], "cer_change": found["cer_change"]}


def line_scores(lines: Sequence[Compared]) -> LineScores:
    """Return exact lines and edits of what one role reads."""
    return LineScores(np.array([line.exact for line in lines], float), np.array([line.edits for line in lines], float))


def confidences(readings: Mapping[str, LineReading], lines: Sequence[Compared]) -> Confidences:
    """Return the confidences of one role on compared lines, in their order."""
    of_lines = [readings[line.truth.key] for line in lines]
    return Confidences(
        np.array([reading.confidence for reading in of_lines]),
        np.array([reading.unfitted for reading in of_lines]),
        np.array([line.exact for line in lines], float),
    )
