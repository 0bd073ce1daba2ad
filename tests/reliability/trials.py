"""Trials of a figure: counted by what they are of. In a run of the tests the first that fails ends them, else all run.

RELIABILITY=N takes the many trials of `make reliability`, at most N of each kind; RELIABILITY_RECORD names the file
that counts are written to.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

LONG = "RELIABILITY"
RECORD = "RELIABILITY_RECORD"
TOLD_EVERY_S = 15


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

    @contextmanager
    def one(self, of: str) -> Iterator[None]:
        """Count what happens inside as one trial; a failed one is raised in a run of the tests."""
        count = self.counts.setdefault(of, [0, 0])
        count[0] += 1
        try:
            yield
        except Exception as error:
            if not self.long:
                raise
            self.failures.append(f"{of}: {type(error).__name__}: {str(error)[:300]}")
        else:
            count[1] += 1
        self._tell()

    def note(self, sentence: str) -> None:
        """Say what else is to be known of this figure."""
        self.notes.append(sentence)

    @property
    def total(self) -> int:
        """Return how many trials there were."""
        return sum(count[0] for count in self.counts.values())

    def close(self) -> None:
        """Write the counts where they are wanted; raise `AssertionError` where a trial failed."""
        if path := os.environ.get(RECORD):
            known = json.loads(Path(path).read_text()) if Path(path).exists() else {}
            known[self.name] = {"counts": self.counts, "failures": self.failures, "notes": self.notes}
            Path(path).write_text(json.dumps(known))
        assert not self.failures, f"{len(self.failures)} of {self.total} trials failed: {self.failures[:5]}"

    def _tell(self) -> None:
        if self.long and time.monotonic() - self.told_s > TOLD_EVERY_S:
            self.told_s = time.monotonic()
            print(f"{self.name}: {self.total} trials, {len(self.failures)} failed", file=sys.stderr, flush=True)
