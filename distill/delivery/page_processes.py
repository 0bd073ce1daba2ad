"""Pages read by several processes: each opens the reader once, and reads a few pages at a time."""

from __future__ import annotations

import multiprocessing
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np

from distill.processes import begin_worker
from students.decoding_settings import Beam, Greedy
from students.errors import DataError, UserError
from students.pages.page import Page
from students.pages.reader import PAGES_TOGETHER, PIXELS_TOGETHER, PageReader
from students.turning import Turned

AHEAD = 2  # groups of pages that wait for each process: it is never idle, and memory stays flat
Group = list[np.ndarray]
ReadGroup = Callable[[Group], list[Page | DataError]]
ReadPages = Callable[[Iterable[np.ndarray]], Iterator[Page | DataError]]


class Opening(NamedTuple):
    """A page reader that is to be opened: one file of both networks, or a locator and what reads; how it reads."""

    locator: str
    recogniser: str | None = None
    decoding: Greedy | Beam | None = None
    review_below: float = 0.0
    turned: Turned | None = None

    def open(self) -> PageReader:
        """Open it; teachers too, where they have a part of their own. Raises as `students.load_page` does."""
        if self.recogniser is None:
            import students  # a student alone needs nothing of teachers

            return students.load_page(self.locator, None, self.decoding, self.review_below, self.turned)
        import teachers

        reader = teachers.load_page(self.locator, self.recogniser)
        reader.recogniser.decode_by(self.decoding, self.review_below)
        reader.recogniser.turn_by(self.turned)
        return reader


@contextmanager
def reading_in_processes(opening: Opening, batch_size: int, n_processes: int) -> Iterator[ReadPages]:
    """Give what reads pages in order, each with the texts that one process would read.

    A process computes with one thread. The caller has opened the reader before, so that what is wrong with its files is
    said once. Raises `UserError` where a process dies.
    """
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(n_processes, context, initializer=begin_worker)
    try:
        yield partial(_read_in, pool, partial(_read_group, opening, batch_size), AHEAD * n_processes)
    except BrokenProcessPool as error:
        raise UserError(f"one of {n_processes} processes was killed or did not come up; try fewer") from error
    finally:
        pool.shutdown(cancel_futures=True)


def _read_in(
    pool: ProcessPoolExecutor, read: ReadGroup, n_waiting: int, pages: Iterable[np.ndarray]
) -> Iterator[Page | DataError]:
    waiting: deque[Future[list[Page | DataError]]] = deque()
    try:
        for group in groups_of(pages):
            waiting.append(pool.submit(read, group))
            if len(waiting) > n_waiting:
                yield from waiting.popleft().result()
    except KeyboardInterrupt:
        while waiting and waiting[0].done():
            yield from waiting.popleft().result()
        raise
    while waiting:
        yield from waiting.popleft().result()


def groups_of(pages: Iterable[np.ndarray]) -> Iterator[Group]:
    """Yield pages that follow each other in groups, each of at most `PAGES_TOGETHER`, a large page alone."""
    group: Group = []
    n_pixels = 0
    for page_HWC in pages:
        group.append(page_HWC)
        n_pixels += page_HWC.shape[0] * page_HWC.shape[1]
        if len(group) == PAGES_TOGETHER or n_pixels >= PIXELS_TOGETHER:
            yield group
            group, n_pixels = [], 0
    if group:
        yield group


def _read_group(opening: Opening, batch_size: int, group: Group) -> list[Page | DataError]:
    return list(_opened(opening).read_pages(group, batch_size))


@lru_cache(maxsize=1)
def _opened(opening: Opening) -> PageReader:
    """The reader of a process that reads, which computes with one thread."""
    reader = opening.open()
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    return reader
