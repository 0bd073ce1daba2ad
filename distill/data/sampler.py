"""Which lines form step k: a pure function of the seed, the lines' widths and k.

An epoch is one pass in random order, or what a mix samples from each source, cut into steps of exactly `batch_lines`
lines. Most steps hold lines of one padded width; what is left of each width is gathered into steps of several, and the
last step is filled up with the first lines of the epoch. The control of a distillation takes the student's steps, with
labelled lines in the slots of unlabelled ones.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from distill.data.mixing import MixPlan
from distill.seeds import generator_of
from students.reader import of_one_width


@dataclass(frozen=True)
class Group:
    """Lines of one padded width that go through the network together.

    `uses` counts for each line how often it was already used in the same epoch; every use is augmented differently.
    """

    width_px: int
    indices: tuple[int, ...]
    uses: tuple[int, ...]

    def part(self, which: slice) -> Group:
        """Return some of the lines, in a group of the same width."""
        return Group(self.width_px, self.indices[which], self.uses[which])


@dataclass(frozen=True, eq=False)
class Order:
    """The order of training lines, for any number of epochs."""

    padded_width_px: np.ndarray
    batch_lines: int
    seed: int
    micro_batch_lines: int | None = None
    labelled: np.ndarray | None = None  # where given, the slots of other lines are filled with these
    plan: MixPlan | None = None  # of a mix of sources; None: every line once an epoch

    @property
    def steps_per_epoch(self) -> int:
        """Return the steps of an epoch without a plan: every line once, the last step filled up."""
        return -(-len(self.padded_width_px) // self.batch_lines)

    def step(self, k: int) -> tuple[int, list[Group]]:
        """Return (epoch, groups) of step `k`, counted from 0 over all epochs."""
        epoch, position = divmod(k, self.steps_per_epoch) if self.plan is None else self.plan.place(k)
        steps, uses = _epoch(self, epoch)
        return epoch, self._grouped(steps[position], uses[position])

    def _grouped(self, indices: np.ndarray, uses: np.ndarray) -> list[Group]:
        groups = []
        widths = self.padded_width_px[indices]
        for width_px in np.unique(widths):
            same = widths == width_px
            whole = Group(int(width_px), tuple(indices[same].tolist()), tuple(uses[same].tolist()))
            limit = self.micro_batch_lines or len(whole.indices)
            groups += [whole.part(slice(i, i + limit)) for i in range(0, len(whole.indices), limit)]
        return groups


def _steps_of_epoch(order: Order, epoch: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The line numbers of every step of one epoch, and how often each was used before."""
    generator = generator_of("order", order.seed, epoch)
    size = order.batch_lines
    lines = np.arange(len(order.padded_width_px)) if order.plan is None else order.plan.lines(order.seed, epoch)
    shuffled = lines[torch.randperm(len(lines), generator=generator).numpy()]
    widths = order.padded_width_px[shuffled]
    full, left = [], []
    for width_px in np.unique(widths):
        same = shuffled[widths == width_px]
        whole = len(same) // size * size
        full += np.split(same[:whole], whole // size) if whole else []
        left.append(same[whole:])
    rest = np.concatenate(left)
    if short := -len(rest) % size:
        rest = np.concatenate([rest, np.resize(shuffled, short)])
    steps = full + (np.split(rest, len(rest) // size) if len(rest) else [])
    steps = [steps[i] for i in torch.randperm(len(steps), generator=generator).tolist()]
    if order.labelled is not None:
        steps = _filled(order, epoch, steps)
    seen: Counter[int] = Counter()
    return steps, [np.array([_count_up(seen, i) for i in step.tolist()], np.int64) for step in steps]


_epoch = lru_cache(maxsize=2)(_steps_of_epoch)


def _count_up(seen: Counter[int], i: int) -> int:
    seen[i] += 1
    return seen[i] - 1


def _filled(order: Order, epoch: int, steps: list[np.ndarray]) -> list[np.ndarray]:
    """The same steps with every unlabelled line replaced by the next labelled one of its width.

    Where a width has fewer labelled lines than a step holds, those of the nearest widths join them.
    """
    assert order.labelled is not None
    if order.plan is None:
        fillers = np.flatnonzero(order.labelled)
    else:
        fillers = order.plan.fillers(order.seed, epoch, order.labelled)
    shuffled = fillers[torch.randperm(len(fillers), generator=generator_of("fill", order.seed, epoch)).numpy()]
    widths = order.padded_width_px[np.unique(fillers)]
    queues = {}
    for width_px in np.unique(order.padded_width_px[~order.labelled]):
        distance = np.abs(widths - width_px)
        reach = np.sort(distance)[min(order.batch_lines, len(distance)) - 1]
        near = np.abs(order.padded_width_px[shuffled] - width_px) <= reach
        queues[width_px] = itertools.cycle(shuffled[near].tolist())
    return [
        np.array([i if order.labelled[i] else next(queues[order.padded_width_px[i]]) for i in step], np.int64)
        for step in steps
    ]


def in_width_order(padded_width_px: np.ndarray, batch_lines: int, some: np.ndarray | None = None) -> Iterator[Group]:
    """Yield every line once, in groups of one padded width, as a reader batches them; `some`: only these lines."""
    rows = np.arange(len(padded_width_px)) if some is None else some
    for width_px, positions in of_one_width(padded_width_px[rows].tolist(), batch_lines):
        yield Group(width_px, tuple(rows[positions].tolist()), (0,) * len(positions))
