"""The recipe `quick` as it is shipped, whole, with unpickling, `torch.load` and sockets refused.

It takes 25 minutes of two cores. Collected by `make reliability` alone, which names this file.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.reliability.trials import Trials

ROOT = Path(__file__).parents[2]
ISOLATED = """
import sys
from distill.cli import main
from tests.isolation import isolated
with isolated(programs=True):
    sys.exit(main(sys.argv[1:]))
"""


def run_isolated(run: Path, *settings: str) -> None:
    """Run `quick` in a process of its own, in which such things are refused, with as many threads as it likes."""
    environment = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    words = [sys.executable, "-c", ISOLATED, "run", "quick", *settings, "runtime.workers=0", "--run", str(run)]
    done = subprocess.run(
        words, cwd=ROOT, env=environment | {"PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert (run / "report.json").is_file()


def test_quick_as_it_is_shipped(tmp_path: Path, trials_of: Callable[[str], Trials]) -> None:
    with trials_of("isolation-whole").one("quick as it is shipped"):
        run_isolated(tmp_path / "run")
