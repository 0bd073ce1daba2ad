"""A figure whose time is over keeps the trials that it took, and says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.reliability.trials import RECORD, SECONDS, Trials


def test_without_a_limit_there_is_always_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SECONDS, raising=False)
    assert Trials("hostile", 10, long=True).in_time


def test_what_was_taken_in_time_is_kept_and_the_limit_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECONDS, "-60")
    monkeypatch.setenv(RECORD, str(tmp_path / "record.json"))
    trials = Trials("hostile", 10, long=True)
    with trials.one("image"):
        pass
    assert not trials.in_time
    trials.close()
    found = json.loads((tmp_path / "record.json").read_text())["hostile"]
    assert found["counts"] == {"image": [1, 1]}
    assert "no more trials were begun" in found["notes"][0]
