"""Networks that write nothing in training: stopped with advice where it lasts, left alone where it does not."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from distill.cli import main
from distill.training import train

# so few steps end on the plateau of blanks
OFTEN = ["teacher.training.steps=24", "teacher.training.validate_every=4"]


@pytest.mark.parametrize(
    ("silent_steps", "more", "last"),
    [(8, (), 8), (1000, (), 24), (1000, ("teacher.training.patience=1",), 8)],
)
def test_a_network_that_writes_nothing_for_long_is_stopped_with_advice_and_a_short_one_ends_with_it(
    tiny: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    silent_steps: int,
    more: tuple[str, ...],
    last: int,
) -> None:
    monkeypatch.setattr("distill.training.train.SILENT_STEPS", silent_steps)
    words = ["teacher", "smoke", *tiny, *OFTEN, *more, "--run", str(tmp_path / "run")]
    stopped = silent_steps == 8
    assert main(words) == (2 if stopped else 0)
    message = capsys.readouterr().err
    assert f"to {last} of 24 nothing was written" in message
    assert "learning_rate" in message
    assert ("collapsed to blanks" if stopped else "may just need more steps") in message


def test_a_network_that_writes_now_and_then_is_left_alone(
    tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    validated, silent = train._validation_of_shown, itertools.cycle([True, False])
    monkeypatch.setattr(train, "SILENT_STEPS", 8)
    monkeypatch.setattr(train, "_validation_of_shown", lambda session: validated(session)._replace(silent=next(silent)))
    assert main(["teacher", "smoke", *tiny, *OFTEN, "--run", str(tmp_path / "run")]) == 0
