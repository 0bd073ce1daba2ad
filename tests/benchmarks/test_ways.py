"""The benchmark of the ways to read a line, in small."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest


def test_ways_to_read_a_line_are_held_against_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    benchmark = importlib.import_module("ways")

    def read_in(seconds: float, text: str = "a") -> Callable[[Sequence[bytes]], tuple[list[str], float]]:
        return lambda pictures: ([text for _ in pictures], seconds)

    ratios = benchmark.rounds_of({"first": read_in(2.0), "second": read_in(5.0)}, [b"", b"", b""], 3)
    assert ratios == {"first": [1.0] * 3, "second": [2.5] * 3}
    records = benchmark.question(ratios, {"first": [(0.5, 80.0)], "service": [(1.0, 99.0)]}, []).records
    assert [(each.what, each.columns["way"], each.value) for each in records] == [
        ("a line, over the first way", "first", 1.0),
        ("a line, over the first way", "second", 2.5),
        ("until the first text", "first", 0.5),
        ("memory", "first", 80.0),
        ("memory", "service", 99.0),
    ]
    with pytest.raises(SystemExit, match="second reads otherwise than first"):
        benchmark.rounds_of({"first": read_in(1.0), "second": read_in(1.0, "b")}, [b""], 1)
    assert benchmark.renderers_s() >= 0
