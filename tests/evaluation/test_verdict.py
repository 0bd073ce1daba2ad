"""The verdict against what is known of the scores it is given, and against a slow bootstrap of its own."""

import random

import numpy as np
import pytest

from distill.evaluation import verdict as module
from distill.evaluation.characters import LineScores, cer_change, cer_interval, verdict_on_lines
from distill.evaluation.report import NO_VERDICT, change
from distill.evaluation.verdict import in_words, means_by_item, means_by_kind, verdict


def lines_read(share: float, n: int = 2000, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).permutation(n) < share * n).astype(float)


def fractions(n: int, seed: int = 0) -> np.ndarray:
    """Scores (N, 3) of items that are hard or easy for all three roles alike."""
    generator = np.random.default_rng(seed)
    hardness_N1 = generator.random((n, 1))
    return np.clip(hardness_N1 * [1.0, 0.8, 0.85] + 0.1 * generator.random((n, 3)), 0, 1)


def test_a_clear_gain_is_a_gain_and_the_gap_is_its_share() -> None:
    teacher, control = np.ones(2000), lines_read(0.8)
    student = np.maximum(control, lines_read(0.5, seed=1))
    result = verdict(teacher, control, student, seed=0)
    assert result["verdict"] == "gain"
    assert result["gap_recovered"]["value"] == pytest.approx(0.5, abs=0.06)
    assert result["gap_recovered"]["low"] < result["gap_recovered"]["value"] < result["gap_recovered"]["high"]
    assert in_words(result).startswith("gain on this run")


def test_equal_students_have_no_gain() -> None:
    control = lines_read(0.8)
    assert verdict(np.ones(2000), control, control, seed=0)["verdict"] == "no_gain"


def test_a_loss_is_no_gain() -> None:
    assert verdict(np.ones(2000), lines_read(0.9), lines_read(0.7), seed=0)["verdict"] == "no_gain"


def test_few_lines_leave_it_open() -> None:
    result = verdict(lines_read(0.9, 60), lines_read(0.6, 60), lines_read(0.65, 60, seed=2), seed=0)
    assert result["verdict"] == "inconclusive"


def test_without_a_gap_none_is_recovered() -> None:
    control = lines_read(0.8)
    assert verdict(control, control, np.ones(2000), seed=0)["gap_recovered"] is None


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    """A gain of 4 points, 200 samples of 400 lines: the 95 % interval should hold it in about 190."""
    generator = np.random.default_rng(3)
    held = 0
    for _ in range(200):
        control, student = generator.random((2, 400)) < np.array([[0.7], [0.74]])
        gain = verdict(np.ones(400), control.astype(float), student.astype(float), seed=0)["gain"]
        held += gain["low"] <= 0.04 <= gain["high"]
    assert 176 <= held <= 199


def test_no_share_of_a_gap_is_named_where_the_teacher_is_the_worse_one() -> None:
    result = verdict(lines_read(0.2), lines_read(0.8), lines_read(0.3), seed=0)
    assert result["teacher_gap"]["high"] < 0
    assert "recovered" not in in_words(result)


def test_the_figures_of_exact_lines_are_those_that_were_published() -> None:
    """Frozen: reports that were written before may not change."""
    result = verdict(lines_read(0.9, 500), lines_read(0.6, 500), lines_read(0.7, 500, seed=2), seed=7)
    assert result == {
        "gain": {"value": 0.1, "low": 0.042, "high": 0.158},
        "teacher_gap": {"value": 0.3, "low": 0.26, "high": 0.34},
        "gap_recovered": {"value": 0.333333, "low": 0.146853, "high": 0.496816},
        "verdict": "gain",
    }


def test_both_ways_of_resampling_agree_on_scores_of_0_and_1() -> None:
    scores_N3 = np.stack([lines_read(0.9, 700), lines_read(0.6, 700, seed=1), lines_read(0.65, 700, seed=2)], axis=1)
    by_kind, by_item = (way(scores_N3, np.random.default_rng(1)) for way in (means_by_kind, means_by_item))
    assert by_kind.mean(0) == pytest.approx(by_item.mean(0), abs=0.001)
    assert np.cov(by_kind.T) == pytest.approx(np.cov(by_item.T), rel=0.1, abs=1e-5)
    for quantile in (2.5, 97.5):
        gains = [np.percentile(means[:, 2] - means[:, 1], quantile) for means in (by_kind, by_item)]
        assert gains[0] == pytest.approx(gains[1], abs=0.002)


def test_fractions_give_what_a_slow_bootstrap_gives() -> None:
    scores_N3 = fractions(80)
    result = verdict(*scores_N3.T, seed=0)
    rng = random.Random(5)
    gains, shares = [], []
    for _ in range(4000):
        sample = [scores_N3[rng.randrange(80)] for _ in range(80)]
        teacher, control, student = (sum(item[role] for item in sample) / 80 for role in range(3))
        gains.append(student - control)
        shares.append((student - control) / (teacher - control))
    for name, slow in (("gain", gains), ("gap_recovered", shares)):
        slow.sort()
        assert result[name]["low"] == pytest.approx(slow[100], abs=0.04 * abs(result[name]["value"]))
        assert result[name]["high"] == pytest.approx(slow[-100], abs=0.04 * abs(result[name]["value"]))
    assert result["gain"]["value"] == pytest.approx((scores_N3[:, 2] - scores_N3[:, 1]).mean(), abs=1e-6)
    assert result["verdict"] == "gain"


def test_pairing_narrows_the_interval_of_fractions() -> None:
    teacher, control, student = fractions(300).T
    paired = verdict(teacher, control, student, seed=0)["gain"]
    shuffled = verdict(teacher, control, np.random.default_rng(0).permutation(student), seed=0)["gain"]
    assert 3 * (paired["high"] - paired["low"]) < shuffled["high"] - shuffled["low"]


def test_any_size_of_chunk_gives_the_same_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    scores_N3 = fractions(50)
    whole = means_by_item(scores_N3, np.random.default_rng(2))
    monkeypatch.setattr(module, "CHUNK_ITEMS", 777)
    assert np.array_equal(whole, means_by_item(scores_N3, np.random.default_rng(2)))


@pytest.mark.parametrize(
    ("teacher", "student", "reason"),
    [
        (np.ones(3), np.ones(2), "same items"),
        (np.ones(0), np.ones(0), "at least one"),
        (np.full(3, 1.1), np.ones(3), "from 0 to 1"),
        (np.full(3, np.nan), np.ones(3), "from 0 to 1"),
    ],
)
def test_scores_that_make_no_verdict_are_refused(teacher: np.ndarray, student: np.ndarray, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        verdict(teacher, np.zeros(len(teacher)), student, seed=0)


def test_the_sentence_names_what_its_points_are_of() -> None:
    assert "points of mean IoU over" in in_words(verdict(*fractions(80).T, seed=0), "mean IoU")


def scores(exact: np.ndarray, errors: float, characters: int = 20, seed: int = 0) -> LineScores:
    """Lines that are not exact have about a share `errors` of their characters wrong."""
    wrong = np.random.default_rng(seed).binomial(characters, errors, len(exact)).clip(1)
    return LineScores(exact, np.where(exact > 0, 0, wrong).astype(float))


def test_no_interval_is_a_point_where_all_lines_are_alike() -> None:
    """With no line that differs, a share of 3.7 / n of lines that do is missed with a chance of 2.5 %."""
    nothing = np.zeros(100)
    gain = verdict(nothing, nothing, nothing, seed=0)["gain"]
    assert gain["value"] == 0
    assert gain["high"] == -gain["low"] == pytest.approx(0.0362, abs=1e-4)
    all_gained = verdict(np.ones(100), nothing, np.ones(100), seed=0)
    assert all_gained["gain"]["low"] == pytest.approx(1 - 0.0362, abs=1e-4)
    assert all_gained["verdict"] == "gain"


def test_where_nothing_reads_character_errors_tell() -> None:
    nothing, characters = np.zeros(300), np.full(300, 20)
    alone, worse = scores(nothing, 0.54), scores(nothing, 0.94, seed=1)
    result = verdict_on_lines(scores(nothing, 1.0), alone, worse, characters, seed=0)
    assert result["nothing_reads"]
    assert result["verdict"] == "no_gain"
    assert 0.35 < result["cer_change"]["low"] < result["cer_change"]["value"] < result["cer_change"]["high"] < 0.45
    assert in_words(result).startswith("nothing reads, no gain on this run: neither the student alone nor")
    assert f"CER {100 * result['cer_change']['value']:+.1f} points" in in_words(result)
    better = verdict_on_lines(scores(nothing, 1.0), worse, alone, characters, seed=0)
    assert better["verdict"] == "inconclusive"  # fewer errors, and still not a line that is read
    assert better["cer_change"]["high"] < 0


def test_every_verdict_says_that_it_rests_on_one_run() -> None:
    nothing, some, characters = np.zeros(300), lines_read(0.5, 300), np.full(300, 20)
    alone, read = scores(nothing, 0.5), scores(some, 0.5)
    unproven = {"verdict": "unproven", "gain": None, "gap_recovered": None}
    found = [
        verdict_on_lines(alone, alone, alone, characters, seed=0),
        verdict_on_lines(read, alone, read, characters, seed=0),
        unproven,
        NO_VERDICT | change(alone, read, characters, seed=0),
    ]
    assert all("on this run" in in_words(result) for result in found)


def test_more_exact_lines_with_more_character_errors_are_no_gain() -> None:
    control, student = lines_read(0.5, 1000), lines_read(0.6, 1000)
    characters = np.full(1000, 20)
    result = verdict_on_lines(scores(np.ones(1000), 0), scores(control, 0.06), scores(student, 0.6), characters, seed=0)
    assert result["gain"]["low"] > 0
    assert result["verdict"] == "inconclusive"
    assert "but with more character errors" in in_words(result)
    agreeing = verdict_on_lines(scores(np.ones(1000), 0), scores(control, 0.2), scores(student, 0.1), characters, 0)
    assert agreeing["verdict"] == "gain"


def test_an_interval_of_cer_is_what_a_slow_bootstrap_gives() -> None:
    rng = np.random.default_rng(1)
    characters = rng.integers(1, 30, 60)
    before, after = (rng.binomial(characters, p).astype(float) for p in (0.3, 0.2))
    slow = random.Random(2)
    rates, changes = [], []
    for _ in range(4000):
        rows = [slow.randrange(60) for _ in range(60)]
        total = characters[rows].sum()
        rates.append(before[rows].sum() / total)
        changes.append((after[rows].sum() - before[rows].sum()) / total)
    for found, values in (
        (cer_interval(before, characters, 0), rates),
        (cer_change(before, after, characters, 0), changes),
    ):
        assert (found["low"], found["high"]) == pytest.approx(np.percentile(values, [2.5, 97.5]), abs=0.005)
    assert cer_change(before, after, characters, 0)["value"] == pytest.approx((after - before).sum() / characters.sum())
