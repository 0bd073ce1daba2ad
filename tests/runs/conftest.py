"""One finished run of the smoke recipe, made small, for all tests that look at what a run leaves behind."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from filelock import FileLock

from distill.cli import main
from tests.isolation import isolated


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this session have in common."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def cache(shared: Path) -> Path:
    """The cache of all runs: lines are rendered once."""
    return shared / "cache"


FEW = ("data.train.0.lines=96", "data.train.1.lines=48", "data.validation.0.lines=24", "data.test.0.lines=24")
TINY = [
    *(
        f"{network}.training.{key}={value}"
        for network in ("teacher", "student")
        for key, value in (
            *(("steps", 16), ("batch_lines", 8), ("validate_every", 8), ("checkpoint_every", 4), ("log_every", 4)),
        )
    ),
]


@pytest.fixture(scope="session")
def few_lines(cache: Path) -> list[str]:
    """Settings of the smoke recipe that leave a few lines."""
    return [*FEW, f"runtime.cache_root={cache}", "runtime.workers=0"]


@pytest.fixture(scope="session")
def tiny(few_lines: list[str]) -> list[str]:
    """Settings of the smoke recipe that leave a few steps on a few lines."""
    return [*TINY, *few_lines]


@pytest.fixture
def own_cache(tiny_run: Path, cache: Path, tmp_path: Path) -> Path:
    """A cache of a test's own for posteriors, in which the lines are those that are rendered already."""
    del tiny_run  # which has rendered them
    own = tmp_path / "cache"
    own.mkdir()
    for rendered in cache.glob("rendered-*"):
        (own / rendered.name).symlink_to(rendered)
    return own


@pytest.fixture(scope="session")
def tiny_run(shared: Path, tiny: list[str]) -> Path:
    """A finished run of these settings, made by the first worker that wants it; tests read it, or copy it."""
    run = shared / "tiny"
    with FileLock(shared / "tiny.lock"):
        if not (run / "report.json").exists():
            with isolated(programs=True):  # nothing that it does unpickles or leaves the machine
                for command in ("teacher", "student"):
                    assert main([command, "smoke", *tiny, "--run", str(run)]) == 0
    return run
