"""Files that are altered where that reaches new code end in lines or in a documented error, too.

Collected by `make reliability` alone, which names this file. Needs the extra `guided`.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from tests.reliability.trials import Trials

ROOT = Path(__file__).parents[2]


def test_guided_alterations_end_in_a_documented_error(tmp_path: Path, trials_of: Callable[[str], Trials]) -> None:
    assert find_spec("atheris"), "pip install -e '.[guided]'"
    trials, counts = trials_of("guided"), tmp_path / "counts.json"
    words = [sys.executable, "-m", "tests.reliability.guided", str(counts), str(trials.n)]
    if math.isfinite(trials.until_s):
        words.append(str(math.ceil(trials.until_s - time.monotonic())))
    done = subprocess.run(words, cwd=ROOT, stderr=subprocess.PIPE, text=True, check=False)
    for name, n in json.loads(counts.read_text()).items() if counts.exists() else ():
        trials.count(name, True, n)
    if done.returncode:
        with trials.one("what ended it"):
            raise AssertionError(done.stderr[-2000:])
