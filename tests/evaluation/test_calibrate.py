"""The temperature that makes a network as sure as it is right."""

from __future__ import annotations

import numpy as np
import pytest

from distill.evaluation.calibrate import Answer, at_each_temperature, best_temperature
from distill.evaluation.document import as_markdown
from distill.evaluation.reliability import CURVE, Confidences, calibration_error, page, reliability
from students.alignments import text_log_probabilities
from students.calibration import tempered
from students.greedy import collapse

RNG = np.random.default_rng(3)


@pytest.mark.parametrize("tau", [0.5, 1.0, 2.5])
def test_the_temperature_by_which_answers_are_right_is_found_again(tau: float) -> None:
    logits_NTC = 4 * RNG.normal(size=(600, 3, 4))
    answers = []
    for logits_TC in logits_NTC:
        log_p_TC, classes = tempered(logits_TC, 1.0), collapse(logits_TC.argmax(1))
        chance = np.exp(text_log_probabilities(tempered(logits_TC, tau)[None], [classes])[0])
        answers.append(Answer(at_each_temperature(log_p_TC, classes), bool(RNG.random() < chance)))
    assert best_temperature(answers) == pytest.approx(tau, rel=0.25)


def test_where_all_or_none_are_right_the_temperature_stays_within_reason() -> None:
    log_p_TC = np.log(np.array([[0.02, 0.97, 0.01]]))
    for right in (True, False):
        tau = best_temperature([Answer(at_each_temperature(log_p_TC, [1]), right)] * 50)
        p = float(np.exp(text_log_probabilities(tempered(log_p_TC, tau)[None], [[1]])[0]))
        assert p == pytest.approx(51 / 52, abs=2e-3) if right else p < 0.5


def test_without_labels_nothing_is_fitted() -> None:
    assert best_temperature([]) == 1.0


def test_calibration_error_is_nothing_for_the_honest_and_all_for_the_boastful() -> None:
    confidence_L = RNG.random(40_000)
    exact_L = (RNG.random(40_000) < confidence_L).astype(float)
    assert calibration_error(confidence_L, exact_L) < 0.02
    assert calibration_error(np.full(100, 0.9), np.zeros(100)) == pytest.approx(0.9)
    assert calibration_error(confidence_L**2, exact_L) == pytest.approx(
        np.mean(confidence_L - confidence_L**2), abs=0.02
    )
    assert calibration_error(np.zeros(0), np.zeros(0)) == 0


def test_the_reject_curve_is_about_the_most_confident() -> None:
    n = 200
    confidence_L = np.linspace(1, 0, n)
    exact_L = (np.arange(n) < 120).astype(float)
    shuffled = RNG.permutation(n)
    found = reliability(Confidences(confidence_L[shuffled], confidence_L[shuffled], exact_L[shuffled]), 1.5)
    curve = {point["accepted"]: point["exact"] for point in found["curve"]}
    assert len(curve) == len(CURVE)
    assert curve[0.6] == 1.0
    assert curve[1.0] == pytest.approx(0.6)
    assert curve[0.8] == pytest.approx(120 / 160)
    by_hand = np.mean([min(1.0, 120 / k) for k in range(1, n + 1)])
    assert found["area"] == pytest.approx(by_hand, abs=1e-5)
    assert "75.0%" in as_markdown(page({"student": found}, ["student"], "x.png"))
