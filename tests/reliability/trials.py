"""Trials of a figure: counted by what they are of. In a run of the tests the first that fails ends them, else all run.

RELIABILITY=N takes the many trials of `make reliability`, at most N of each kind; RELIABILITY_SECONDS is how long a
test takes new ones; RELIABILITY_RECORD names the file that counts are written to.
"""

from __future__ import annotations

import json
import math
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LONG = "RELIABILITY"
RECORD = "RELIABILITY_RECORD"
SECONDS = "RELIABILITY_SECONDS"
TOLD_EVERY_S = 15


def without_folders(text: str) -> str:
    """Return a text whose absolute paths are the names of their files: records go to other machines."""
    return re.sub(r"(?<![\w.])/(?:[\w.+-]+/)+", "", text)


@dataclass
class Trials:
    """Counts of one figure: trials and those that passed, by what they are of, and the first reasons of failures."""

    name: str
    n: int
    long: bool
    counts: dict[str, list[int]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    told_s: float = field(default_factory=time.monotonic)
    until_s: float = field(default_factory=lambda: time.monotonic() + float(os.environ.get(SECONDS, math.inf)))

    @contextmanager
    def one(self, of: str, n: int = 1) -> Iterator[None]:
        """Count what happens inside as one trial, or as n; a failed one is raised in a run of the tests."""
        count = self.counts.setdefault(of, [0, 0])
        count[0] += n
        try:
            yield
        except Exception as error:
            if not self.long:
                raise
            self.failures.append(f"{of}: {type(error).__name__}: {without_folders(str(error))[:300]}")
        else:
            count[1] += n
        self._tell()

    def count(self, of: str, passed: bool, n: int = 1) -> None:
        """Count n trials that may fail, of a figure in which not every trial has to pass, or whose last may."""
        count = self.counts.setdefault(of, [0, 0])
        count[0] += n
        count[1] += n * passed
        self._tell()

    def note(self, sentence: str) -> None:
        """Say what else is to be known of this figure."""
        self.notes.append(sentence)

    @property
    def in_time(self) -> bool:
        """Return whether new trials may begin; without a limit always."""
        return time.monotonic() < self.until_s

    @property
    def total(self) -> int:
        """Return how many trials there were."""
        return sum(count[0] for count in self.counts.values())

    def close(self) -> None:
        """Add the counts to what is wanted of the figure; raise `AssertionError` where a trial failed."""
        if not self.in_time:
            self.note(f"After {float(os.environ[SECONDS]) / 60:g} minutes of a test no more trials were begun.")
        if path := os.environ.get(RECORD):
            known = json.loads(Path(path).read_text()) if Path(path).exists() else {}
            known[self.name] = _added(known.get(self.name), self)
            Path(path).write_text(json.dumps(known))
        assert not self.failures, f"{len(self.failures)} of {self.total} trials failed: {self.failures[:5]}"

    def _tell(self) -> None:
        if self.long and time.monotonic() - self.told_s > TOLD_EVERY_S:
            self.told_s = time.monotonic()
            print(f"{self.name}: {self.total} trials, {len(self.failures)} failed", file=sys.stderr, flush=True)


def _added(known: dict[str, Any] | None, trials: Trials) -> dict[str, Any]:
    """What several tests of one figure found."""
    if known is None:
        return {"counts": trials.counts, "failures": trials.failures, "notes": trials.notes}
    counts = dict(known["counts"])
    for of, (n, passed) in trials.counts.items():
        before = counts.get(of, [0, 0])
        counts[of] = [before[0] + n, before[1] + passed]
    notes = [*known["notes"], *(note for note in trials.notes if note not in known["notes"])]
    return {"counts": counts, "failures": [*known["failures"], *trials.failures], "notes": notes}
