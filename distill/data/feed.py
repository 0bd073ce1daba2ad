"""The steps of a training, prepared ahead of it: by other processes, which import neither timm nor datasets.

The steps are the same for any number of workers, since each is a function of the order and its number.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from multiprocessing.context import BaseContext
from queue import Empty, Queue
from threading import Event, Thread
from typing import Literal, TypeVar

import torch
from torch.utils.data import DataLoader, Dataset

from distill.data.augment import Augment
from distill.data.batch import Batch, StepData, make_batch
from distill.data.damaged import without_damaged
from distill.data.lines import Lines
from distill.data.posteriors import Cached
from distill.data.prepared import KEPT_BYTES, PreparedLines, View
from distill.data.sampler import Group, Order
from distill.processes import begin_worker, one_thread
from students.charset import Charset
from students.errors import DataError, UserError
from students.image import Preparation

RECEIVED_AHEAD = 2
KILLED = (
    "a process that prepares training data was killed, as happens where memory is short; runtime.workers=0 takes less "
    "of it, and the same command goes on from the newest checkpoint"
)

S = TypeVar("S")  # a step as a task has it
AugmentOn = Literal["auto", "processor", "device"]


@dataclass(frozen=True)
class FeedSettings:
    """What a training is fed with, and which share of it this process prepares.

    After `cycle` epochs the augmentation begins anew (0: never). `cached` are the teacher's posteriors; without them,
    every batch also holds its lines as each of `other_preparations` wants them. Process `rank` of `n_ranks` prepares
    its part of every step, with `workers` processes of its own (0: in this one).
    """

    lines: Lines
    order: Order
    charset: Charset
    preparation: Preparation
    augment: Augment
    views: int = 1
    cycle: int = 0
    cached: Cached | None = None
    other_preparations: tuple[Preparation, ...] = ()
    augment_on: AugmentOn = "processor"
    device: torch.device | None = None
    rank: int = 0
    n_ranks: int = 1
    workers: int = 0

    @property
    def augments_on_device(self) -> bool:
        """Return whether lines are augmented once their batch is on its device; never so in a cycle of epochs.

        Raises `UserError` where the device should augment and cannot.
        """
        augments = [self.augment, *self.lines.augments.values()]
        return not self.cycle and device_augments(self.augment_on, self.preparation.channels, augments, self.device)


class _Steps(Dataset[StepData | DataError]):
    """The steps of a training by their number, as one process prepares them."""

    def __init__(self, settings: FeedSettings) -> None:
        others = () if settings.cached else settings.other_preparations
        kept_bytes = KEPT_BYTES // max(1, settings.workers)
        self.settings = settings
        self.prepared = PreparedLines(settings.lines, settings.preparation, others, kept_bytes)
        self.on_device = settings.augments_on_device

    def __getitem__(self, k: int) -> StepData | DataError:
        try:
            return self._step(k)
        except DataError as error:  # a worker would wrap it; the trainer raises it as it is
            return error

    def _step(self, k: int) -> StepData:
        settings = self.settings
        epoch, groups = settings.order.step(k)
        view = View(settings.augment, settings.order.seed, epoch, cycle=settings.cycle)
        batches: list[Batch] = []
        replaced: dict[str, str] = {}
        for group in (group.part(slice(settings.rank, None, settings.n_ranks)) for group in groups):
            if group.indices:
                of_group, damage = self._batches(group, view)
                batches += of_group
                replaced |= damage
        sampled = self._sampled(groups)
        return StepData(
            step=k,
            epoch=epoch,
            batches=tuple(batches),
            n_items=sum(len(group.indices) for group in groups) * settings.views,
            n_labelled=sum(labelled for labelled, _ in sampled.values()) * settings.views,
            sampled=sampled,
            replaced=replaced,
        )

    def _batches(self, group: Group, view: View) -> tuple[list[Batch], dict[str, str]]:
        """The batch of a group, or those of its whole lines and of the lines that stand in for damaged ones."""
        try:
            return [self._batch(group, view)], {}
        except DataError:
            whole, damage = without_damaged(self.prepared.own, group, (view.seed, view.epoch))
            if not damage:
                raise
            return [self._batch(each, view) for each in whole], damage

    def _sampled(self, groups: Sequence[Group]) -> dict[str, tuple[int, int]]:
        lines, indices = self.settings.lines, [i for group in groups for i in group.indices]
        counts = Counter((lines.sources[i], lines.texts[i] is not None) for i in indices)
        return {source: (counts[source, True], counts[source, False]) for source in sorted({s for s, _ in counts})}

    def _batch(self, group: Group, view: View) -> Batch:
        settings = self.settings
        if settings.cached is None:
            return make_batch(self.prepared, group, settings.charset, view, settings.views, self.on_device)
        batch = make_batch(self.prepared, group, settings.charset, view)
        cached_views = [view.moment(use)[0] for use in group.uses]
        return batch._replace(posteriors=settings.cached.of(group.indices, cached_views))


def feed(settings: FeedSettings, steps: range) -> Generator[StepData]:
    """Yield the steps of a training, in order; the same for any number of workers.

    Raises `DataError` for lines that cannot be prepared and `UserError` where a worker was killed.
    """
    yield from prepared_ahead(_Steps(settings), steps, settings.workers)


def prepared_ahead(of_number: Dataset[S | DataError], steps: range, workers: int) -> Generator[S]:
    """Yield what a data set has of each step, in order, prepared by so many other processes; 0: by this one.

    Raises the `DataError` that stands in the place of a step, and `UserError` where a worker was killed.
    """
    loader = DataLoader(
        of_number,
        batch_size=None,  # an item is a whole step
        sampler=steps,
        num_workers=workers,
        worker_init_fn=_begin_worker,
        multiprocessing_context=ready_workers() if workers else None,
    )
    one_thread()
    for step in _received(iter(loader)) if workers else loader:
        if isinstance(step, Exception):
            raise step
        yield step


def device_augments(where: AugmentOn, channels: int, augments: Sequence[Augment], device: torch.device | None) -> bool:
    """Return whether the device augments; raises `UserError` where it should and cannot."""
    colour_jpeg = channels > 1 and any(each.jpeg_probability for each in augments)
    if where == "device" and colour_jpeg:
        raise UserError("runtime.augment_on: a device does no JPEG of colour; set jpeg_probability to 0, or take auto")
    accelerated = device is not None and device.type != "cpu"
    return where == "device" or (where == "auto" and accelerated and not colour_jpeg)


def _received(steps: Iterator[S | DataError]) -> Generator[S | Exception]:
    """What workers have prepared, taken over by a thread: tensors come in several messages to and fro, each a wait."""
    ready: Queue[S | Exception | None] = Queue(RECEIVED_AHEAD)
    left = Event()

    def receive() -> None:
        try:
            for step in steps:
                ready.put(step)
                if left.is_set():
                    return
            ready.put(None)
        except RuntimeError as error:
            killed = "exited unexpectedly" in str(error)
            ready.put(UserError(f"{KILLED} ({error})") if killed else error)
        except Exception as error:  # the trainer's to raise
            ready.put(error)

    thread = Thread(target=receive, daemon=True)
    thread.start()
    try:
        while (step := ready.get()) is not None:
            yield step
    finally:
        left.set()
        while thread.is_alive():
            with suppress(Empty):
                ready.get_nowait()  # so that it can put and see that nobody listens
            thread.join(0.01)


@cache
def ready_workers() -> BaseContext:
    """Return how to start workers that hold what they need, and not all that the trainer has imported or holds.

    Where there is a server that forks them, what they need is imported once. A signal to the whole group is the
    trainer's to answer, so the server is started with it blocked.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    from multiprocessing.forkserver import ensure_running

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT))
    try:
        ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return context


def _begin_worker(_: int) -> None:
    begin_worker()
