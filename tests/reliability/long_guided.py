"""Files that are altered where that reaches new code end in lines or in a documented error, too.

Collected by `make reliability` alone, which names this file. Needs the extra `guided`.
"""

from __future__ import annotations

import math
import re
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.reliability.trials import Trials

ROOT = Path(__file__).parents[2]
FILES = (
    *("picture.png", "picture.tiff", "labels.json", "metadata.jsonl", "Label.txt", "page.xml", "alto.xml"),
    *("lines.tar", "model.safetensors", "model.onnx", "recipe.yaml"),
)


@pytest.mark.parametrize("name", FILES)
def test_guided_alterations_end_in_a_documented_error(name: str, trials_of: Callable[[str], Trials]) -> None:
    assert find_spec("atheris"), "pip install -e '.[guided]'"
    trials = trials_of("guided")
    seconds = [str(math.ceil(trials.until_s - time.monotonic()))] if math.isfinite(trials.until_s) else []
    words = [sys.executable, "-m", "tests.reliability.guided", name, str(trials.n), *seconds]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    ended = re.search(r"^Done (\d+) ", done.stderr, re.MULTILINE)
    if ended and done.returncode == 0:
        trials.count(name, True, int(ended[1]))
    else:
        with trials.one(name):
            raise AssertionError(done.stderr[-2000:])
