"""What to try next: of five planted faults each brings the right advice first, and a good run brings none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from distill.evaluation.document import as_markdown
from distill.evaluation.next_steps import ADVICE, ExactRate, Figures, Network, Point, fall, surely_more, what_to_try
from distill.evaluation.next_steps_page import in_a_line, page

N = 400
FLAT = tuple(Point(step, 0.3 if step < 300 else 0.05) for step in range(100, 1100, 100))
FALLING = tuple(Point(step, 0.8 * 0.88 ** (step / 50)) for step in range(100, 1100, 100))
NOTHING = tuple(Point(step, 1.0) for step in range(100, 1100, 100))


def network(train: float, validation: float, test: float, curve: Sequence[Point] = FLAT) -> Network:
    return Network(ExactRate(train, 300), ExactRate(validation, N), ExactRate(test, N), curve)


GOOD = Figures(
    {
        "teacher": network(0.98, 0.97, 0.97),
        "control": network(0.95, 0.94, 0.94),
        "student": network(0.96, 0.955, 0.95),
    },
    {"value": 0.01, "low": 0.001, "high": 0.02},
)


def planted(**networks: Network) -> Figures:
    return replace(GOOD, networks={**GOOD.networks, **networks})


FAULTS = {
    "labels": planted(
        teacher=network(1.0, 0.55, 0.54), control=network(0.99, 0.47, 0.46), student=network(0.98, 0.52, 0.5)
    ),
    "steps": planted(control=network(0.5, 0.48, 0.47, FALLING), student=network(0.52, 0.51, 0.5, FALLING)),
    "capacity": planted(control=network(0.6, 0.57, 0.56), student=network(0.63, 0.6, 0.6)),
    "teacher": planted(
        teacher=network(0.62, 0.6, 0.58, FALLING), control=network(0.92, 0.88, 0.87), student=network(0.9, 0.86, 0.84)
    ),
    "test": planted(
        teacher=network(0.98, 0.97, 0.62), control=network(0.95, 0.94, 0.55), student=network(0.96, 0.95, 0.58)
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_brings_its_advice_first(fault: str) -> None:
    found = what_to_try(FAULTS[fault])
    assert found[0].what == fault
    assert [a.points for a in found] == sorted((a.points for a in found), reverse=True)
    assert all(0.02 <= a.points <= 1 for a in found)


def test_a_good_run_needs_nothing() -> None:
    assert what_to_try(GOOD) == []


def test_the_evidence_holds_the_figures() -> None:
    (first, *_) = what_to_try(FAULTS["labels"])
    assert first.points == pytest.approx(0.46)
    assert "The student reads 98.0% of its labelled training lines and 52.0% of validation." in first.evidence
    assert "The teacher reads 100.0%" in first.evidence
    (first, *_) = what_to_try(FAULTS["teacher"])
    assert "it needs more steps" in first.evidence
    assert first.points == pytest.approx(0.42 - 0.8 * 0.13)
    (first, *_) = what_to_try(FAULTS["capacity"])
    assert first.points == pytest.approx(0.35)
    (first, *_) = what_to_try(FAULTS["test"])
    assert first.points == pytest.approx(0.37)
    (first, *_) = what_to_try(FAULTS["steps"])
    # FALLING between the steps 700 and 1000: six times 50
    assert first.points == pytest.approx(0.49 * (1 - (0.88**6) ** 2.4094), abs=1e-3)
    assert f"{1 - 0.88**6:.0%} of its character errors" in first.evidence


def test_networks_that_read_nothing_yet_need_steps_first() -> None:
    silent = network(0.0, 0.0, 0.0, NOTHING)
    found = what_to_try(planted(teacher=silent, control=silent, student=silent))
    assert [a.what for a in found] == ["steps", "teacher"]
    assert "After 1,000 steps the student reads nothing of validation yet" in found[0].evidence
    harmed = replace(
        planted(teacher=silent, student=silent), gain={"value": -0.94, "low": -0.96, "high": -0.92}
    )  # the control reads: the teacher is to blame, not the steps
    found = what_to_try(harmed)
    assert found[0].what == "teacher"
    assert "94.0 points less than alone" in found[0].evidence
    assert "The teacher itself reads no less" not in found[0].evidence


def test_a_teacher_that_reads_all_and_costs_lines_is_not_to_be_replaced() -> None:
    costly = replace(
        planted(teacher=network(1.0, 1.0, 1.0), control=network(1.0, 1.0, 1.0), student=network(0.86, 0.85, 0.85)),
        gain={"value": -0.15, "low": -0.25, "high": -0.067},
    )
    found = {advice.what: advice for advice in what_to_try(costly)}
    assert "The teacher itself reads no less: lower the weights of its terms" in found["teacher"].evidence


def test_unseen_characters_are_a_test_unlike_train() -> None:
    (only,) = what_to_try(replace(GOOD, n_unseen=40))
    assert (only.what, only.points) == ("test", 0.1)
    assert what_to_try(replace(GOOD, n_unseen=4)) == []


def test_few_lines_say_nothing_for_sure() -> None:
    few = Network(ExactRate(0.9, 10), ExactRate(0.7, 10), ExactRate(0.5, 10), FLAT)
    assert what_to_try(Figures({"teacher": few, "student": few})) == []
    assert surely_more(ExactRate(0.9, 400), ExactRate(0.8, 400))
    assert not surely_more(ExactRate(0.9, 400), ExactRate(0.87, 400))


def test_a_curve_that_is_too_short_or_at_its_end_says_nothing() -> None:
    assert fall(FALLING[:3]) is None
    assert fall([Point(step, 0.0) for step in range(1, 9)]) is None
    assert fall(FLAT) == 0
    assert fall([*FLAT[:-1], Point(1000, 0.04)]) == pytest.approx(0.2)


def test_runs_without_control_without_labels_or_with_a_finished_teacher() -> None:
    finished = Network(None, ExactRate(0.6, N), ExactRate(0.6, N))
    found = what_to_try(Figures({"teacher": finished, "student": network(0.9, 0.88, 0.87)}))
    assert [a.what for a in found] == ["teacher"]
    assert what_to_try(Figures({"student": network(0.9, 0.88, 0.87)})) == []
    unlabelled = Network(None, ExactRate(0.88, N), ExactRate(0.87, N), FLAT)
    assert what_to_try(Figures({"teacher": replace(finished, test=ExactRate(0.9, N)), "student": unlabelled})) == []


def test_the_report_numbers_what_to_try_and_the_terminal_has_the_first() -> None:
    advice = what_to_try(FAULTS["labels"])
    result = {"next": [a.as_dict() for a in advice], "fit": {}}
    words = as_markdown(page(result))
    assert words.startswith("## What to try next\n\n1. **Label more lines (up to 46 points).** The student reads 98.0%")
    assert in_a_line(result).startswith("to try next: label more lines (up to 46 points). The student reads")
    fit = {"student": {"train": None, "validation": {"exact": 0.9, "n": 9}, "test": {"exact": 0.8, "n": 9}}}
    assert "The student reads 90.0% of validation, 80.0% of test." in in_a_line({"next": [], "fit": fit})
    assert set(ADVICE) == set(FAULTS)
