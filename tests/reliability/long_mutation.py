"""Small faults put into the core, one at a time: how many of them its tests see.

`make mutation` runs it; mutmut makes the mutants. Of each module every mutant is tried or, where there are more than
wanted, a sample that a seed chooses. A mutant that nothing ran through counts as one that was not seen. Functions with
a decorator are not altered, since mutmut cannot; they are named.
"""

from __future__ import annotations

import ast
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.reliability.trials import Trials

ROOT = Path(__file__).parents[2]
COPIED = ("students", "distill", "tests")
BESIDE = ("teachers", "recipes", "docs", "README.md", "Makefile", "pyproject.toml")
SEED = 0


@dataclass(frozen=True)
class Core:
    """A part of the core: its files, and the quick tests that ought to see a fault in them."""

    name: str
    files: tuple[str, ...]
    tests: tuple[str, ...]


CORES = (
    Core(
        "charset",
        ("students/charset.py",),
        ("tests/students/test_charset.py", "tests/students/test_right_to_left.py"),
    ),
    Core("direction", ("students/direction.py",), ("tests/students/test_direction.py",)),
    Core("sampler", ("distill/data/sampler.py",), ("tests/data/test_sampler.py", "tests/data/test_mixing.py")),
    Core(
        "losses",
        ("distill/teaching/losses/*.py",),
        tuple(
            f"tests/teaching/test_{name}.py"
            for name in (
                "losses",
                "terms",
                "alignment_terms",
                "inputs_of_terms",
                "large",
                "matching",
                "near",
                "ensemble",
            )
        ),
    ),
    Core("checkpoint", ("distill/checkpoint.py",), ("tests/ground/test_checkpoint.py",)),
    Core("metrics", ("distill/evaluation/metrics.py",), ("tests/evaluation/test_metrics.py",)),
)


def workshop(folder: Path, core: Core) -> list[str]:
    """Lay out a folder with the suite whose core holds all its mutants; return their names."""
    from mutmut.mutation.file_mutation import mutate_file_contents
    from mutmut.utils.format_utils import get_mutant_name

    for name in COPIED:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in BESIDE:
        (folder / name).symlink_to(ROOT / name)
    names = []
    for path in files_of(core):
        place = path.relative_to(ROOT)
        altered = mutate_file_contents(str(place), path.read_text())
        (folder / place).write_text(altered.code)
        names += [get_mutant_name(place, name) for name in altered.mutant_names]
    return sorted(names)


def tried(core: Core, folder: Path, mutants: list[str]) -> dict[str, str]:
    """Run the tests of the core once for every mutant; return what came of each."""
    from tests.reliability.altered import MUTANTS, OUTCOMES

    (folder / MUTANTS).write_text(json.dumps(mutants))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.reliability.altered", *core.tests]
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=False)
    assert (folder / OUTCOMES).exists(), done.stdout[-1500:]
    outcomes: dict[str, str] = json.loads((folder / OUTCOMES).read_text())
    assert outcomes.keys() == set(mutants), done.stdout[-1500:]
    return outcomes


def files_of(core: Core) -> list[Path]:
    """The files of a core, in the order of their names."""
    return sorted(path for pattern in core.files for path in ROOT.glob(pattern))


def left_alone(path: Path) -> Iterator[str]:
    """The functions of a file that mutmut does not alter: those with a decorator that is not of a class."""
    for node in ast.walk(ast.parse(path.read_text())):
        decorators = [ast.unparse(each) for each in node.decorator_list] if isinstance(node, ast.FunctionDef) else []
        if decorators not in ([], ["classmethod"], ["staticmethod"]):
            yield node.name


@pytest.mark.parametrize("core", CORES, ids=lambda core: core.name)
def test_faults_in_the_core_are_seen(core: Core, tmp_path: Path, trials_of: Callable[[str], Trials]) -> None:
    from tests.reliability.altered import NO_TEST, NOT_SEEN, TOO_LONG

    trials = trials_of(f"mutation-{core.name}")
    every = workshop(tmp_path, core)
    outcomes = tried(core, tmp_path, random.Random(SEED).sample(every, min(trials.n, len(every))))
    unseen = {name: outcome for name, outcome in outcomes.items() if outcome in (NOT_SEEN, NO_TEST)}
    for name in outcomes:
        trials.count(core.name, name not in unseen)
    for name, outcome in unseen.items():
        print(f"{name}: {outcome}", file=sys.stderr)
    n_long = list(outcomes.values()).count(TOO_LONG)
    trials.note(f"{len(outcomes):,} of {len(every):,} mutants were tried; {n_long} of those seen never came to an end.")
    if len(outcomes) < len(every):
        trials.note(f"They are a random sample of all (seed {SEED}).")
    if alone := [name for path in files_of(core) for name in left_alone(path)]:
        trials.note(f"Not altered, as they have a decorator: {', '.join(alone)}.")
    trials.note(f"The tests are {', '.join(core.tests)}.")
