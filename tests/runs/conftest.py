"""One finished run of the smoke recipe for all tests that look at what a run leaves behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from distill.cli import main


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rendered lines, made once for all runs."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    run = tmp_path_factory.mktemp("runs") / "whole"
    for command in ("teacher", "student"):
        assert main([command, "smoke", f"runtime.cache_root={cache}", "--run", str(run)]) == 0
    return run
