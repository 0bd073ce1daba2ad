"""The steps of a training, prepared ahead of it: by other processes, which import neither timm nor datasets.

The steps are the same for any number of workers, since each is a function of the order and its number.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from functools import cache
from multiprocessing.context import BaseContext
from queue import Empty, Queue
from threading import Event, Thread
from typing import Literal

import torch
from torch.utils.data import DataLoader, Dataset

from distill.data.augment import Augment
from distill.data.batch import KEPT_BYTES, Batch, Pictures, StepData, View, make_batch, without_damaged
from distill.data.lines import Lines
from distill.data.posteriors import Cached
from distill.data.sampler import Group, Order
from distill.processes import begin_worker, one_thread
from students.charset import Charset
from students.errors import DataError, UserError
from students.image import Preparation

RECEIVED_AHEAD = 2
KILLED = (
    "a process that prepares lines was killed, as happens where memory is short; runtime.workers=0 takes less of it, "
    "and the same command goes on from the newest checkpoint"
)

AugmentOn = Literal["auto", "processor", "device"]


class _Steps(Dataset[StepData | DataError]):
    def __init__(
        self, lines: Lines, order: Order, charset: Charset, preparation: Preparation, augment_with: Augment,
        rank: int, n_ranks: int, n_views: int, cycle: int, cached: Cached | None, others: Sequence[Preparation],
        kept_bytes: int, on_device: bool,
    ) -> None:  # fmt: skip
        self.pictures = Pictures(lines, preparation, () if cached else others, kept_bytes)
        self.order, self.charset = order, charset
        self.augment_with, self.rank, self.n_ranks, self.n_views = augment_with, rank, n_ranks, n_views
        self.cycle, self.cached, self.on_device = cycle, cached, on_device

    def __getitem__(self, k: int) -> StepData | DataError:
        try:
            return self._step(k)
        except DataError as error:  # a worker would wrap it; the trainer raises it as it is
            return error

    def _step(self, k: int) -> StepData:
        epoch, groups = self.order.step(k)
        view = View(self.augment_with, self.order.seed, epoch, cycle=self.cycle)
        mine = [group.part(slice(self.rank, None, self.n_ranks)) for group in groups]
        batches: list[Batch] = []
        replaced: dict[str, str] = {}
        for group in mine:
            if not group.indices:
                continue
            try:
                batches.append(self._batch(group, view))
            except DataError:
                others, damage = without_damaged(self.pictures.own, group, (self.order.seed, epoch))
                if not damage:
                    raise
                batches += [self._batch(other, view) for other in others]
                replaced |= damage
        drawn = self._drawn(groups)
        n_labelled = sum(labelled for labelled, _ in drawn.values())
        n_lines = sum(len(group.indices) for group in groups)
        return StepData(
            k, epoch, tuple(batches), n_lines * self.n_views, n_labelled * self.n_views, drawn, replaced
        )  # fmt: skip

    def _drawn(self, groups: Sequence[Group]) -> dict[str, tuple[int, int]]:
        lines, indices = self.pictures.lines, [i for group in groups for i in group.indices]
        counts = Counter((lines.sources[i], lines.texts[i] is not None) for i in indices)
        return {source: (counts[source, True], counts[source, False]) for source in sorted({s for s, _ in counts})}

    def _batch(self, group: Group, view: View) -> Batch:
        if self.cached is None:
            return make_batch(self.pictures, group, self.charset, view, self.n_views, self.on_device)
        batch = make_batch(self.pictures, group, self.charset, view)
        shown = [view.moment(use)[0] for use in group.uses]
        return batch._replace(posteriors=self.cached.of(group.indices, shown))


def feed(
    lines: Lines, order: Order, charset: Charset, preparation: Preparation, augment_with: Augment,
    *, steps: range, rank: int, n_ranks: int, workers: int, views: int = 1, cycle: int = 0,
    cached: Cached | None = None, others: Sequence[Preparation] = (),
    augment_on: AugmentOn = "processor", device: torch.device | None = None,
) -> Generator[StepData]:  # fmt: skip
    """The steps `steps`, the same for any number of workers. After `cycle` epochs the augmentation begins anew.

    Lines that are augmented on `device` are so when their batch goes there; never where posteriors are cached.
    """
    changes = [augment_with, *lines.augments.values()]
    on_device = not cycle and augments_on_device(augment_on, preparation.channels, changes, device)
    data = _Steps(
        lines, order, charset, preparation, augment_with, rank, n_ranks, views, cycle, cached, others,
        KEPT_BYTES // max(1, workers), on_device,
    )  # fmt: skip
    # steps is the sampler: every item is one whole step, already batched
    loader = DataLoader(
        data, batch_size=None, sampler=steps, num_workers=workers, worker_init_fn=_begin_worker,
        multiprocessing_context=ready_workers() if workers else None,
    )  # fmt: skip
    one_thread()
    for step in _received(iter(loader)) if workers else loader:
        if isinstance(step, Exception):
            raise step
        yield step


def augments_on_device(
    where: AugmentOn, channels: int, changes: Sequence[Augment], device: torch.device | None
) -> bool:
    """Whether the device augments; raises `UserError` where it should and cannot."""
    colour_jpeg = channels > 1 and any(each.jpeg_probability for each in changes)
    if where == "device" and colour_jpeg:
        raise UserError("runtime.augment_on: a device does no JPEG of colour; set jpeg_probability to 0, or take auto")
    accelerated = device is not None and device.type != "cpu"
    return where == "device" or (where == "auto" and accelerated and not colour_jpeg)


def _received(steps: Iterator[StepData | DataError]) -> Generator[StepData | Exception]:
    """What workers have prepared, taken over by a thread: tensors come in several messages to and fro, each a wait."""
    ready: Queue[StepData | Exception | None] = Queue(RECEIVED_AHEAD)
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
    """Workers that begin with what they need, and not with all that the trainer has imported or holds.

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
