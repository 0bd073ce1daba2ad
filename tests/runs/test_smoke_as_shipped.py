"""The smoke recipe as it is shipped; all other tests give it fewer lines and steps. `make test-long` runs these."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from distill.cli import main
from tests.runs.test_interruption import contents, signalled

pytestmark = pytest.mark.long
ROLES = ("teacher", "control", "student")


@pytest.fixture(scope="module")
def whole(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("shipped") / "run"
    for command in ("teacher", "student"):
        assert main([command, "smoke", f"runtime.cache_root={cache}", "--run", str(run)]) == 0
    return run


def test_it_goes_from_lines_to_a_verdict(whole: Path) -> None:
    report = json.loads((whole / "report.json").read_text())
    assert [report[role]["n"] for role in ROLES] == [150] * 3
    assert {role: report["drawn"][role]["steps"] for role in ROLES} == dict.fromkeys(ROLES, 60)
    assert report["verdict"] in ("gain", "no_gain", "inconclusive")


def test_one_command_that_is_killed_and_stopped_ends_as_two_that_were_not(
    whole: Path, cache: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    words = ["run", "smoke", f"runtime.cache_root={cache}", "--run", str(run)]
    assert signalled(signal.SIGKILL, "teacher", 20, words) == -signal.SIGKILL
    assert signalled(signal.SIGTERM, "student", 40, words) == 75
    assert main(words) == 0
    assert contents(run) == contents(whole)
