"""What a finished teacher doubts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from distill.evaluation.doctor.doubts import doubts_of, most_suspicious, turned_over
from tests.doctor import bars, certain_reader, lines_of


def test_a_teacher_doubts_wrong_labels_and_lines_that_are_upside_down(tmp_path: Path) -> None:
    reader = certain_reader(tmp_path)
    pictures = [bars("abba"), bars("aabb"), np.ascontiguousarray(np.rot90(bars("abbb"), 2)), bars("ab"), bars("ab")]
    lines = lines_of(pictures, ["abba", "abbb", "abbb", "zz", None])
    doubts = doubts_of("train", lines, reader, 0)
    assert doubts.unknown == (lines.keys[3],)
    assert doubts.n_labelled == 4
    worst = most_suspicious({"train": doubts}, 60)
    assert {doubt.key for doubt in worst} == {lines.keys[1], lines.keys[2]}
    assert all(doubt.nats > 1 for doubt in worst)
    assert {d.key: d.reading for d in worst}[lines.keys[1]] == "aabb"
    (turned,) = turned_over("train", lines, worst, reader)
    assert turned.keys == (lines.keys[2],)
    assert "by 180 degrees" in turned.remarks[0]
    assert not turned_over("train", lines, [d for d in worst if d.key == lines.keys[1]], reader)
    right = doubts_of("train", lines.take([0]), reader, 0)
    assert not most_suspicious({"train": right}, 60)
    assert len(most_suspicious({"train": doubts}, 1)) == 1


def test_a_teacher_is_asked_about_a_sample_that_depends_on_the_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distill.evaluation.doctor.doubts.READ_LINES", 3)
    reader, lines = certain_reader(tmp_path), lines_of([bars("ab")] * 9, ["ab"] * 9)
    samples = [[d.key for d in doubts_of("train", lines, reader, seed).doubts] for seed in (1, 1, 2)]
    assert samples[0] == samples[1] != samples[2]
    assert len(samples[0]) == 3
