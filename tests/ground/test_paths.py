"""Paths with a home folder in them, wherever a command takes one."""

from __future__ import annotations

from pathlib import Path

import pytest

from distill.cli import main
from distill.paths import expanded
from students.errors import UserError


def test_the_home_folder_stands_for_a_wave() -> None:
    assert expanded("~/lines") == Path.home() / "lines"
    assert expanded("lines~") == Path("lines~")


def test_a_user_without_a_home_folder_is_named() -> None:
    with pytest.raises(UserError, match=r"~nobody-here/lines: no home folder is known for ~nobody-here; write"):
        expanded("~nobody-here/lines")


@pytest.mark.parametrize(
    "words",
    [
        ["watch", "~nobody-here/run"],
        ["check", "~nobody-here/lines"],
        ["speed", "--renderer", "smoke", "data.root=~nobody-here/lines"],
        ["student", "smoke", "--run", "~nobody-here/run"],
    ],
)
def test_a_command_that_is_given_one_says_so(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert "no home folder is known for ~nobody-here" in capsys.readouterr().err
