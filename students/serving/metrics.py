"""What the service counts, and how Prometheus reads it: the text format 0.0.4, without a package for it."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_STATM = Path("/proc/self/statm")  # sizes in pages, the resident one second


class Metrics:
    """Counts of one process since it began; one thread changes them, that of the event loop."""

    def __init__(self) -> None:
        self.requests: Counter[int] = Counter()  # by status
        self.closed: Counter[str] = Counter()  # connections that the service ended, by reason
        self.lines = 0
        self.batches = 0
        self._slots = [0] * (len(BUCKETS_S) + 1)
        self._seconds = 0.0
        self.gauges: dict[str, tuple[str, Callable[[], float]]] = {
            "process_resident_memory_bytes": ("Memory of the process", resident_bytes)
        }

    def took(self, seconds: float) -> None:
        """Count one picture that was read, from its last byte to its answer."""
        self._slots[bisect_left(BUCKETS_S, seconds)] += 1
        self._seconds += seconds

    def text(self) -> str:
        """Return all of it as Prometheus reads it."""
        return "\n".join(self._rows()) + "\n"

    def _rows(self) -> Iterator[str]:
        yield from _counted("requests", "Answered requests by status", "code", self.requests)
        yield from _counted("connections_closed", "Connections that were ended, by reason", "reason", self.closed)
        for name, about, n in (("lines", "Lines that were read", self.lines), ("batches", "Batches", self.batches)):
            yield from (f"# HELP students_{name}_total {about}", f"# TYPE students_{name}_total counter")
            yield f"students_{name}_total {n}"
        yield "# HELP students_line_seconds From the last byte of a picture to its answer"
        yield "# TYPE students_line_seconds histogram"
        n_so_far = 0
        for bound, n in zip((*BUCKETS_S, "+Inf"), self._slots, strict=True):
            n_so_far += n
            yield f'students_line_seconds_bucket{{le="{bound}"}} {n_so_far}'
        yield from (f"students_line_seconds_sum {self._seconds:.6f}", f"students_line_seconds_count {n_so_far}")
        for name, (about, value) in self.gauges.items():
            yield from (f"# HELP {name} {about}", f"# TYPE {name} gauge", f"{name} {value():.10g}")


def _counted(name: str, about: str, label: str, counts: Mapping[int, int] | Mapping[str, int]) -> Iterator[str]:
    yield from (f"# HELP students_{name}_total {about}", f"# TYPE students_{name}_total counter")
    for key, n in sorted(counts.items()):
        yield f'students_{name}_total{{{label}="{key}"}} {n}'


def resident_bytes() -> float:
    """Return the resident memory of this process in bytes; NaN where the system does not tell."""
    if not _STATM.is_file():
        return float("nan")
    return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
