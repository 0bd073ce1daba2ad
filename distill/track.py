"""What a person sees while it runs, and what a plot is made of afterwards.

`progress` shows what, how far, how fast and how long still. `MetricsLog` appends canonical JSON lines
without any clock, and can be cut back to a checkpoint. `Stopwatch` is the only place for wall-clock values.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sys
import time
from collections.abc import Generator, Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from tqdm import tqdm

from distill.signed_json import read_json, write_json
from distill.waiting import watch
from students.errors import CheckpointError
from students.model_file import canonical_json

Item = TypeVar("Item")
log = logging.getLogger(__name__)
EVERY_S = 15  # seconds of steps are added up and written down, for whoever watches the run


def progress(what: str, total: int | None, unit: str, done: int = 0, shown: bool = True) -> tqdm[Any]:
    """Return a bar on a terminal, elsewhere a line every ten seconds; silent in all processes but the first.

    What was `done` before counts for how far, not for how fast. It shows "machine busy" while other processes take
    cores that this one needs.
    """
    terminal = sys.stderr.isatty()
    return _Bar(
        desc=what,
        total=total,
        initial=done,
        unit=f" {unit}s",
        mininterval=0.2 if terminal else 10,
        maxinterval=1 if terminal else 30,
        ascii=None if terminal else " .",
        dynamic_ncols=terminal,
        ncols=None if terminal else 100,
        file=sys.stderr if terminal else _Plain(),
        disable=not shown or _rank() != 0,
    )


class _Bar(tqdm):  # type: ignore[type-arg]
    """A bar that names a busy machine as the reason why it is slow."""

    @property
    def format_dict(self) -> MutableMapping[str, Any]:
        found: MutableMapping[str, Any] = super().format_dict
        if watch().contended:
            found["postfix"] = ", ".join(filter(None, (found["postfix"], "machine busy")))
        return found


class _Plain:
    """Standard error for logs: every state of a bar on a line of its own."""

    def write(self, text: str) -> None:
        sys.stderr.write(text.replace("\r", "\n"))

    def flush(self) -> None:
        sys.stderr.flush()


def _rank() -> int:
    if "accelerate" not in sys.modules:  # its import takes long, and without it there is one process
        return 0
    from accelerate import PartialState

    return PartialState().process_index if PartialState._shared_state else 0


def say(message: str) -> None:
    """Print one line on standard error, above any bar; from the first process only."""
    if _rank() == 0:
        tqdm.write(message, file=sys.stderr)


class MetricsLog:
    """`metrics.jsonl`: one canonical JSON object a line, equal for equal runs."""

    def __init__(self, path: Path, size: int, digest: str = "") -> None:
        """Continue behind the first `size` bytes; what an interrupted run wrote after them is cut off.

        Raises `CheckpointError` where their SHA-256 is not `digest` (empty: not known).
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        with path.open("ab") as file:
            if file.tell() < size or (digest and _sha256(path, size) != digest):
                raise CheckpointError(
                    f"{path}: not what its checkpoint remembers; it was altered. Remove {path.parent} to start anew"
                )
            file.truncate(size)

    def write(self, **values: object) -> None:
        """Append one entry."""
        with self.path.open("ab") as file:
            file.write(canonical_json(values).encode() + b"\n")

    def flushed(self) -> tuple[int, str]:
        """Return the size of the file in bytes, all of them on disk, and their SHA-256."""
        with self.path.open("rb") as file:
            os.fsync(file.fileno())
        size = self.path.stat().st_size
        return size, _sha256(self.path, size)


def _sha256(path: Path, size: int) -> str:
    with path.open("rb") as file:
        return hashlib.sha256(file.read(size)).hexdigest()


def read_metrics(path: Path, going_on: bool = False) -> list[dict[str, float]]:
    """Return the entries of a `metrics.jsonl` in their order; none where there is no such file.

    Of a training that is `going_on` the last row may be half written, and is left out. Raises `CheckpointError` that
    names a damaged row.
    """
    rows = path.read_bytes().split(b"\n") if path.is_file() else []
    entries: list[dict[str, float]] = []
    for number, row in enumerate(rows, 1):
        entry = _entry_in(row)
        if entry is not None:
            entries.append(entry)
        elif row and not (going_on and number == len(rows)):
            raise CheckpointError(
                f"{path}: row {number} was damaged; put back a copy of the file, or remove {path.parent} to train anew"
            )
    return entries


def _refuse(constant: str) -> None:
    """Raise `ValueError` for what JSON knows no number for."""
    raise ValueError(f"{constant} is no figure")


def _entry_in(row: bytes) -> dict[str, float] | None:
    """The figures of a row; None where it holds none."""
    try:
        entry = json.loads(row, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) and isinstance(entry.get("step"), int) else None


class Stopwatch:
    """Seconds of each phase, summed over interruptions, in `timing.json`."""

    def __init__(self, path: Path, writes: bool) -> None:
        """Continue the seconds of the file; only the process that `writes` changes it."""
        self.path, self.writes = path, writes
        self.seconds = _seconds_in(path)

    @contextmanager
    def measure(self, phase: str) -> Iterator[None]:
        """Count the seconds of the block towards a phase, also where the block raises."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.add(phase, time.perf_counter() - start)

    def add(self, phase: str, seconds: float) -> None:
        """Count seconds that were measured elsewhere."""
        self.seconds[phase] = round(self.seconds.get(phase, 0.0) + seconds, 3)
        if self.writes:
            write_json(self.path, self.seconds)

    def put(self, phase: str, seconds: float) -> None:
        """Put seconds that were counted elsewhere in the place of those that stood there."""
        self.seconds.pop(phase, None)
        self.add(phase, seconds)

    def waited(self, what: str, items: Iterable[Item]) -> Generator[Item]:
        """Yield the items; add the seconds from first to last, those spent waiting, and their share, now and then."""
        waiting = 0.0
        begun = asked = time.perf_counter()
        try:
            for item in items:
                now = time.perf_counter()
                waiting += now - asked
                if now - begun > EVERY_S:
                    self._add_waited(what, now - begun, waiting)
                    begun, waiting = now, 0.0
                yield item
                asked = time.perf_counter()
        finally:
            self._add_waited(what, time.perf_counter() - begun, waiting)

    def _add_waited(self, what: str, seconds: float, waiting: float) -> None:
        whole, part = f"{what}: steps", f"{what}: waiting for data"
        self.add(whole, seconds)
        self.add(part, waiting)
        self.seconds[f"{part}, share"] = round(self.seconds[part] / max(self.seconds[whole], 1e-3), 6)
        self.add(part, 0.0)  # and write


def _seconds_in(path: Path) -> dict[str, float]:
    """The seconds of each phase in a file; none with a warning where it is damaged, since nothing rests on them."""
    if not path.is_file():
        return {}
    try:
        found = read_json(path)
        return {phase: float(seconds) for phase, seconds in found.items()}
    except (CheckpointError, TypeError, ValueError) as error:
        log.warning("%s; seconds are counted anew", error)
        return {}
