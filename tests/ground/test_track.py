"""What a run measures of itself."""

from __future__ import annotations

from pathlib import Path

from distill.track import Stopwatch


def test_waiting_is_measured_and_summed_over_interruptions(tmp_path: Path) -> None:
    for _ in range(2):
        watched = Stopwatch(tmp_path / "timing.json", writes=True).waited("teacher", iter(range(3)))
        assert next(watched) == 0
        watched.close()
    seconds = Stopwatch(tmp_path / "timing.json", writes=False).seconds
    whole, part = seconds["teacher: steps"], seconds["teacher: waiting for data"]
    assert 0 <= part <= whole
    assert set(seconds) == {"teacher: steps", "teacher: waiting for data", "teacher: waiting for data, share"}
