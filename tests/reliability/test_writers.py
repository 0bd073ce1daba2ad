"""Every file operation of a writer, refused once by a full disk and once for want of rights."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.reliability.barriers import REFUSED, Plan, may_strike
from tests.reliability.journeys import contents, expect_no_traceback, lines_in
from tests.reliability.launcher import Ended, Launcher
from tests.reliability.trials import Trials
from tests.reliability.writers import SLOW, WRITERS, write_inputs

HOW = ("full", "forbidden")
CODE = "import sys; from tests.reliability.writers import write; sys.exit(write({!r}, {!r}, {!r}, {}))"
Files = dict[str, bytes]


@dataclass(frozen=True)
class Rewriting:
    """What one writer writes into `folder`, which held `before` and holds `after` in the end."""

    launcher: Launcher
    words: list[str]
    folder: Path
    earlier: Path  # a copy of the folder as it was
    before: Files
    after: Files

    def begin_again(self) -> None:
        """Put the folder into the state that it had before."""
        shutil.rmtree(self.folder)
        shutil.copytree(self.earlier, self.folder)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the writers read."""
    write_inputs(folder := tmp_path_factory.mktemp("inputs") / "inputs")
    return folder


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.long] if n in SLOW else []) for n in WRITERS])
def test_a_refused_operation_leaves_whole_files_alone(
    name: str, inputs: Path, tmp_path: Path, trials_of: Callable[[str], Trials]
) -> None:
    trials, folder = trials_of("writers"), tmp_path / "work"
    launcher = Launcher(tmp_path / "said.txt", own=False)
    log = Plan((str(folder),), str(tmp_path / "log.txt"), str(tmp_path / "struck.txt"), grain="operation", writes=True)
    commands = [["-c", CODE.format(name, str(folder), str(inputs), again)] for again in (False, True)]
    rewriting = undisturbed(launcher, commands, folder, log)
    passed = [line.split("\t")[1].rpartition(" ")[0] for line in lines_in(log.log)]
    for how in HOW:
        plan = replace(log, what=how, struck=str(tmp_path / f"{how}.txt"))
        n_able = sum(may_strike(plan, operation, True) for operation in passed)
        plan = replace(plan, every=max(1, n_able // trials.n))
        n_struck = struck_one_by_one(rewriting, plan, trials, name)
        assert n_struck >= n_able or n_able > trials.n or not trials.in_time


def undisturbed(launcher: Launcher, commands: list[list[str]], folder: Path, log: Plan) -> Rewriting:
    """Write for the first time and again, with barriers that do nothing; what lay there before and after."""
    folder.mkdir()
    states = []
    for words, plan in zip(commands, (None, log), strict=True):
        ended = launcher.run(words, plan)
        assert ended.code == 0, ended.said
        states.append(contents(folder))
        if not states[1:]:
            shutil.copytree(folder, folder.with_name("earlier"))
    before, after = states
    assert after != before
    return Rewriting(launcher, commands[1], folder, folder.with_name("earlier"), before, after)


def struck_one_by_one(rewriting: Rewriting, plan: Plan, trials: Trials, name: str) -> int:
    """Refuse an operation at a time, each time of the earlier state; how many were refused."""
    while True:
        rewriting.begin_again()
        known = lines_in(plan.struck)
        ended = rewriting.launcher.run(rewriting.words, plan)
        new = lines_in(plan.struck)[len(known) :]
        if not new:
            assert ended.code == 0, ended.said
            return len(known)
        with trials.one(name):
            expect_refused(ended, plan, new[0])
            expect_whole(rewriting, new[0])
            rewriting.launcher.run(rewriting.words)  # there is space again; what was whole already may be refused
            assert contents(rewriting.folder) == rewriting.after, f"{new[0]}: the same command does not go on"
        if len(known) + 1 >= trials.n or not trials.in_time:
            return len(known) + 1


def expect_refused(ended: Ended, plan: Plan, where: str) -> None:
    """That the message says what was refused, and which file."""
    assert ended.code == 2, f"exit code {ended.code} at {where}: {ended.said[-600:]}"
    expect_no_traceback(ended, where)
    for told in (os.strerror(REFUSED[plan.what]), *plan.roots):
        assert told in ended.said, f"{where}: {told} is not said: {ended.said[-600:]}"


def expect_whole(rewriting: Rewriting, where: str) -> None:
    """That every file is what it was, or what it becomes, all of either are there, and nothing else is."""
    found, before, after = contents(rewriting.folder), rewriting.before, rewriting.after
    strange = [name for name, data in found.items() if data not in (before.get(name), after.get(name))]
    assert not strange, f"{where}: half written: {strange}"
    assert found.keys() >= before.keys() or found.keys() >= after.keys(), f"{where}: {before.keys() - found.keys()}"
    assert not [*rewriting.folder.rglob(".*.tmp")], where
