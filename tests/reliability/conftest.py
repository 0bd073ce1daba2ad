"""The fixtures that figures share: their trials, what starts commands, and a piece of work that nobody disturbs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.reliability.figures import is_long, n_trials
from tests.reliability.journeys import Journey, on_lines, undisturbed
from tests.reliability.launcher import Launcher
from tests.reliability.trials import Trials


@pytest.fixture
def trials_of() -> Iterator[Callable[[str], Trials]]:
    """The trials of a figure, by its name; what they found is written down at the end of the test."""
    begun: list[Trials] = []

    def of(name: str) -> Trials:
        begun.append(Trials(name, n_trials(name), is_long()))
        return begun[-1]

    yield of
    for trials in begun:
        trials.close()


@pytest.fixture(scope="session")
def launcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launcher]:
    """What forks a process for every command: in a run of the tests this one, which has imported the suite already."""
    launcher = Launcher(tmp_path_factory.mktemp("launcher") / "said.txt", own=is_long())
    yield launcher
    launcher.close()


@pytest.fixture(scope="session")
def journey(tmp_path_factory: pytest.TempPathFactory) -> Journey:
    """A run on lines, its export and an import."""
    return on_lines(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="session")
def whole(launcher: Launcher, journey: Journey, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of that work when it is done in one go."""
    return undisturbed(launcher, journey, tmp_path_factory.mktemp("whole"))
