"""Pictures that wait, and the one thread that reads them: as many together as are there, never more than the limit.

Nothing waits for a batch to fill: while one is read the next one gathers.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

from PIL import Image

from students.errors import DataError
from students.image import ImageInput, open_image
from students.reader import Reader
from students.reading import Reading
from students.serving.limits import Limits
from students.serving.metrics import Metrics

KEY = "the picture"  # what errors call it: a client knows which one it has sent
log = logging.getLogger(__name__)


class Overloaded(Exception):
    """More pictures wait than the limits allow."""


class _Waiting(NamedTuple):
    picture: bytes
    answer: asyncio.Future[Reading]


class Batcher:
    """Reads pictures for coroutines of one event loop, in the order in which they come."""

    def __init__(self, reader: Reader, limits: Limits, metrics: Metrics) -> None:
        self.reader = reader
        self.limits = limits
        self.metrics = metrics
        self._waiting: deque[_Waiting] = deque()
        self._some_wait = asyncio.Event()
        self._began_s: float | None = None  # when the batch that is being read was begun

    def __len__(self) -> int:
        """Return how many pictures wait."""
        return len(self._waiting)

    @property
    def is_full(self) -> bool:
        """Return whether another picture would be refused."""
        return len(self._waiting) >= self.limits.max_waiting

    @property
    def is_stuck(self) -> bool:
        """Return whether a batch has been read for longer than an answer may take."""
        return self._began_s is not None and time.monotonic() - self._began_s > self.limits.answer_s

    async def read(self, picture: bytes) -> Reading:
        """Read one encoded picture. Raises `DataError` where it cannot be read, `Overloaded` where too many wait."""
        if self.is_full:
            raise Overloaded
        answer: asyncio.Future[Reading] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(picture, answer))
        self._some_wait.set()
        return await answer

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Read for as long as the context lasts; what still waits then is read first."""
        with ThreadPoolExecutor(1, "reading") as thread:
            turns = asyncio.create_task(self._take_turns(thread))
            try:
                yield
                while self._waiting and not turns.done():
                    await asyncio.sleep(0.01)
            finally:
                turns.cancel()
                with suppress(asyncio.CancelledError):
                    await turns

    async def _take_turns(self, thread: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        while True:
            if not self._waiting:
                self._some_wait.clear()
                await self._some_wait.wait()
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), self.limits.max_batch))]
            self._began_s = time.monotonic()
            try:
                found = await loop.run_in_executor(thread, self._read_all, [each.picture for each in batch])
            except Exception as error:  # a defect: these pictures are answered with 500, later ones are read
                log.exception("pictures read as one batch, and failed: %d", len(batch))
                found = [error] * len(batch)
            self._began_s = None
            self.metrics.batches += 1
            self._answer(batch, found)

    def _answer(self, batch: Sequence[_Waiting], found: Sequence[Reading | Exception]) -> None:
        for (_, answer), each in zip(batch, found, strict=True):
            if answer.done():  # its client has left
                continue
            if isinstance(each, Exception):
                answer.set_exception(each)
            else:
                self.metrics.lines += 1
                answer.set_result(each)

    def _read_all(self, pictures: Sequence[bytes]) -> Sequence[Reading | Exception]:
        opened = [self._opened(picture) for picture in pictures]
        images: list[ImageInput] = [each for each in opened if not isinstance(each, DataError)]
        readings = iter(self.reader.read_each(images, len(pictures), [KEY] * len(images)))
        return [each if isinstance(each, DataError) else next(readings) for each in opened]

    def _opened(self, picture: bytes) -> Image.Image | DataError:
        try:
            return open_image(picture, KEY, self.limits.max_pixels)
        except DataError as error:
            return error
