"""Networks that write nothing in training: stopped with advice where it lasts, left alone where it does not."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from distill.cli import main
from distill.training import train


@pytest.mark.parametrize(
    ("silent_steps", "more", "last"),
    [(20, (), 20), (1000, (), 60), (1000, ("teacher.training.patience=1",), 20)],
)
def test_a_network_that_writes_nothing_for_long_is_stopped_with_advice_and_a_short_one_ends_with_it(
    cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    silent_steps: int,
    more: tuple[str, ...],
    last: int,
) -> None:
    monkeypatch.setattr("distill.training.train.SILENT_STEPS", silent_steps)
    often = "teacher.training.validate_every=10"  # sixty steps end on the plateau of blanks
    words = ["teacher", "smoke", often, *more, f"runtime.cache_root={cache}", "--run", str(tmp_path / "run")]
    stopped = silent_steps == 20
    assert main(words) == (2 if stopped else 0)
    message = capsys.readouterr().err
    assert f"to {last} of 60 nothing was written" in message
    assert "learning_rate" in message
    assert ("collapsed to blanks" if stopped else "may just need more steps") in message


def test_a_network_that_writes_now_and_then_is_left_alone(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    validated, silent = train._validation_of_shown, itertools.cycle([True, False])
    monkeypatch.setattr(train, "SILENT_STEPS", 20)
    monkeypatch.setattr(train, "_validation_of_shown", lambda session: validated(session)._replace(silent=next(silent)))
    often = "teacher.training.validate_every=10"
    assert main(["teacher", "smoke", often, f"runtime.cache_root={cache}", "--run", str(tmp_path / "run")]) == 0
