"""Small faults put into the core, one at a time: how many of them its tests see.

`make mutation` runs it, with mutmut. Of each module the first mutant of every function is tried, and others that a seed
chooses, until there are as many as wanted. A mutant that nothing ran through counts as one that was not seen.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.reliability.trials import Trials

ROOT = Path(__file__).parents[2]
SOURCES = ("students", "distill")
BESIDE = ("teachers", "recipes", "docs", "README.md", "Makefile")
SEED = 0
NOT_SEEN = {0: "not seen", 5: "no test", 33: "no test"}  # exit codes of mutmut's workers
UNTRIED = {None, 2, 34}


@dataclass(frozen=True)
class Core:
    """A part of the core: its files, and the tests that ought to see a fault in them."""

    name: str
    files: tuple[str, ...]
    tests: tuple[str, ...]


CORES = (
    Core("charset", ("students/charset.py",), ("tests/students/test_charset.py",)),
    Core("reading direction", ("students/direction.py",), ("tests/students/test_direction.py",)),
    Core("sampler", ("distill/data/sampler.py",), ("tests/data/test_sampler.py",)),
    Core("losses", ("distill/teaching/losses/*.py",), ("tests/teaching",)),
    Core("checkpoint", ("distill/checkpoint.py",), ("tests/ground/test_checkpoint.py",)),
    Core("metrics", ("distill/evaluation/metrics.py",), ("tests/evaluation/test_metrics.py",)),
)


def workshop(folder: Path, core: Core) -> Path:
    """A folder in which mutmut finds the sources, the tests and its settings, and which it may write into."""
    for name in (*SOURCES, *BESIDE, "tests", "pyproject.toml"):
        (folder / name).symlink_to(ROOT / name)
    settings = {
        "source_paths": SOURCES,
        "only_mutate": core.files,
        "also_copy": BESIDE,
        "pytest_add_cli_args_test_selection": core.tests,
    }
    rows = (f"{key} =\n" + "".join(f"    {value}\n" for value in values) for key, values in settings.items())
    (folder / "setup.cfg").write_text("[mutmut]\n" + "".join(rows))
    return folder


def mutmut(folder: Path, *names: str) -> None:
    """Try the mutants of these names; raise `AssertionError` where the tests fail without any."""
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", os.environ.get("WORKERS", "1"), *names]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-1500:]


def found(folder: Path) -> dict[str, int | None]:
    """What came of every mutant there is, by its name; None: not tried."""
    metas = sorted((folder / "mutants").rglob("*.py.meta"))
    return {name: code for meta in metas for name, code in json.loads(meta.read_text())["exit_code_by_key"].items()}


def tried(core: Core, folder: Path, n: int) -> dict[str, int | None]:
    """Try the first mutant of every function, and others up to n in all; return what came of them."""
    modules = [file.removesuffix(".py").replace("/", ".") for file in core.files]
    mutmut(workshop(folder, core), *(f"{module}.*__mutmut_1" for module in modules))
    every = found(folder)
    first = [name for name, code in every.items() if code not in UNTRIED]
    others = sorted(every.keys() - set(first))
    more = random.Random(SEED).sample(others, min(len(others), max(0, n - len(first))))
    if more:
        mutmut(folder, *more)
    return {name: code for name, code in found(folder).items() if code not in UNTRIED}


@pytest.mark.parametrize("core", CORES, ids=lambda core: core.name)
def test_faults_in_the_core_are_seen(core: Core, tmp_path: Path, trials_of: Callable[[str], Trials]) -> None:
    trials = trials_of("mutation")
    outcomes = tried(core, tmp_path, trials.n)
    assert outcomes
    unseen = {name: NOT_SEEN[code] for name, code in outcomes.items() if code in NOT_SEEN}
    for name in outcomes:
        trials.count(core.name, name not in unseen)
    for name, why in unseen.items():
        print(f"{core.name}: {name}: {why}", file=sys.stderr)
    of_all = len(found(tmp_path))
    trials.note(f"{core.name}: {len(outcomes)} of {of_all:,} mutants were tried, {len(unseen)} were not seen.")
