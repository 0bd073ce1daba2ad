"""How fast several processes are at once, by the clock; their starts do not count."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from students.errors import UserError

MEET_S = 120.0
Work = TypeVar("Work")


def rate_together(span_of_one: Callable[[Work], tuple[float, float]], job: Work, n: int, n_processes: int) -> float:
    """Return things a second of processes that do `n` each, from the first start of any to the last end of all.

    `span_of_one` does a job and returns when it began and ended, seconds of `time.time`. Raises `UserError` where one
    of them dies or does not come up.
    """
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(n_processes)
    with ProcessPoolExecutor(n_processes, context, initializer=_meet, initargs=(barrier,)) as pool:
        try:
            spans = list(pool.map(span_of_one, [job] * n_processes))
        except BrokenProcessPool as error:
            raise UserError(f"one of {n_processes} processes was killed or did not come up; try fewer") from error
    return n_processes * n / (max(end for _, end in spans) - min(start for start, _ in spans))


def _meet(barrier: Any) -> None:
    barrier.wait(MEET_S)
