"""Parts of a synthetic source made by several processes, each whole or not at all."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from distill.processes import begin_worker
from distill.waiting import available_cores
from students.errors import UserError

Part = TypeVar("Part")


def in_parallel(make: Callable[[Part], int], parts: Sequence[Part], most: int) -> Iterator[int]:
    """Yield what `make` returns for each part as it is finished, on all processors, by at most so many processes.

    One process is this one. Raises `UserError` where a process was killed.
    """
    n_processes = min(most, len(parts), available_cores())
    if n_processes <= 1:
        yield from map(make, parts)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(n_processes, context, initializer=begin_worker) as pool:
        try:
            yield from pool.map(make, parts)
        except BrokenProcessPool as error:
            raise UserError(
                "a process that renders lines or pages was killed, as happens where memory is short; the same command "
                "goes on behind the parts that are finished"
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)
