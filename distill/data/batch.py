"""From line numbers to tensors: decode, scale, augment, pad. A line's tensor depends on no other line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from distill.data.augment import Augment, augment
from distill.data.labels import Folding, foldings
from distill.data.lines import Lines
from distill.data.materialise import leave_signals_to_the_parent
from distill.data.posteriors import Cached, Posteriors
from distill.data.sampler import Group, Order
from distill.data.seeds import generator_of
from students.charset import Charset
from students.errors import DataError
from students.image import Preparation, decode_image

KEPT_BYTES = 2**30
Others = Mapping[Preparation, Tensor]


class Batch(NamedTuple):
    """Lines of one padded width. Unlabelled lines have an empty target and `labelled_N` false."""

    images_NCHW: Tensor  # float32, prepared
    targets_NL: Tensor  # int64, padded with the blank
    target_lengths_N: Tensor  # int64
    labelled_N: Tensor  # bool
    keys: tuple[str, ...]
    foldings: tuple[Folding | None, ...]  # classes that the label of each line does not tell apart
    posteriors: Posteriors | None = None  # the teacher's, where they are cached
    others: Others | None = None  # the same lines as a teacher with another preparation wants them

    def to(self, device: torch.device) -> Batch:
        """The images on `device`, channels last, which convolutions prefer; targets stay on the CPU."""
        images_NCHW = self.images_NCHW.to(device, memory_format=torch.channels_last, non_blocking=True)
        posteriors = self.posteriors and Posteriors(*(part.to(device) for part in self.posteriors))
        return self._replace(
            images_NCHW=images_NCHW, labelled_N=self.labelled_N.to(device), posteriors=posteriors,
            others=moved(self.others, device),
        )  # fmt: skip


def moved(others: Others | None, device: torch.device) -> Others | None:
    """Other preparations of a batch on `device`, channels last."""
    return others and {p: t.to(device, memory_format=torch.channels_last, non_blocking=True) for p, t in others.items()}


@dataclass(frozen=True)
class View:
    """How training sees a line: the augmentation is a function of seed, epoch, key, and earlier uses in the epoch."""

    augment: Augment
    seed: int
    epoch: int
    number: int = 0


class Pixels:
    """Lines decoded and scaled, uint8 (H, w, channels); the first ones asked for stay in memory, up to a limit."""

    def __init__(self, lines: Lines, preparation: Preparation, limit_bytes: int = KEPT_BYTES) -> None:
        self.lines, self.preparation, self.left_bytes = lines, preparation, limit_bytes
        self.kept: dict[int, np.ndarray] = {}

    def __getitem__(self, i: int) -> np.ndarray:
        if i in self.kept:
            return self.kept[i]
        line = self.lines[i]
        scaled_HWC = self.preparation.scale(decode_image(line.image, line.key), line.key)
        if scaled_HWC.nbytes <= self.left_bytes:
            self.left_bytes -= scaled_HWC.nbytes
            self.kept[i] = scaled_HWC
        return scaled_HWC

    def seen(self, i: int, view: View | None, use: int = 0) -> np.ndarray:
        """Line `i`, augmented where a view is given. Several views of one use share their geometry."""
        scaled_HWC = self[i]
        if view is None:
            return scaled_HWC
        names = (view.seed, view.epoch, use, self.lines.keys[i])
        other = generator_of("other view", view.number, *names) if view.number else None
        return augment(scaled_HWC, view.augment, generator_of("view", *names), other)

    def stacked(self, group: Group, view: View | None = None, width_px: int | None = None) -> Tensor:
        """The prepared lines of a group, float32 (N, channels, H, W), padded to `width_px` where it is given."""
        seen = (self.seen(i, view, use) for i, use in zip(group.indices, group.uses, strict=True))
        return torch.from_numpy(np.stack([self.preparation.to_tensor(scaled_HWC, width_px) for scaled_HWC in seen]))


class Pictures:
    """Lines prepared as the run wants them, and as every other of `preparations` does: the same views of them."""

    def __init__(
        self, lines: Lines, preparation: Preparation, others: Sequence[Preparation] = (), limit_bytes: int = KEPT_BYTES
    ) -> None:
        self.lines, self.own = lines, Pixels(lines, preparation, limit_bytes)
        self.others = {other: Pixels(lines, other, limit_bytes) for other in others}

    def stacked(self, group: Group, view: View | None = None) -> tuple[Tensor, dict[Preparation, Tensor]]:
        """A group as the run wants it and as the others do: as much of the line at another height."""
        height_px = self.own.preparation.height_px
        return self.own.stacked(group, view), {
            other: pixels.stacked(group, view, round(group.width_px * other.height_px / height_px))
            for other, pixels in self.others.items()
        }


def targets_of(texts: Sequence[str | None], charset: Charset) -> tuple[Tensor, Tensor]:
    """Classes of the labels, (N, L) int64 padded with the blank, and their lengths, (N,); 0 for an unlabelled line."""
    targets = [charset.encode(text) if text else [] for text in texts]
    targets_NL = torch.zeros(len(targets), max(1, *map(len, targets)), dtype=torch.int64)
    for row, target in enumerate(targets):
        targets_NL[row, : len(target)] = torch.tensor(target, dtype=torch.int64)
    return targets_NL, torch.tensor([len(target) for target in targets])


def make_batch(pictures: Pictures, group: Group, charset: Charset, view: View, n_views: int = 1) -> Batch:
    """Lines for training; with several views, all lines in their first, then all in the next.

    Raises `DataError` for a label outside the charset.
    """
    lines = pictures.lines
    texts = [lines.texts[i] for i in group.indices]
    targets_NL, target_lengths_N = targets_of(texts, charset)
    views = [pictures.stacked(group, replace(view, number=number)) for number in range(n_views)]
    return Batch(
        torch.cat([images_NCHW for images_NCHW, _ in views]),
        targets_NL.repeat(n_views, 1),
        target_lengths_N.repeat(n_views),
        torch.tensor([text is not None for text in texts] * n_views),
        tuple(lines.keys[i] for i in group.indices) * n_views,
        foldings(charset, [lines.form(i) for i in group.indices]) * n_views,
        others={other: torch.cat([others[other] for _, others in views]) for other in pictures.others} or None,
    )


@dataclass(frozen=True)
class StepData:
    """The share of one process in one step, and the counts of the whole step over all processes.

    Every view of a line counts as a line.
    """

    step: int
    epoch: int
    batches: tuple[Batch, ...]
    n_lines: int
    n_labelled: int


class _Steps(Dataset[StepData | DataError]):
    def __init__(
        self, lines: Lines, order: Order, charset: Charset, preparation: Preparation, augment_with: Augment,
        rank: int, n_ranks: int, n_views: int, cycle: int, cached: Cached | None, others: Sequence[Preparation],
    ) -> None:  # fmt: skip
        self.pictures = Pictures(lines, preparation, () if cached else others)
        self.order, self.charset = order, charset
        self.augment_with, self.rank, self.n_ranks, self.n_views = augment_with, rank, n_ranks, n_views
        self.cycle, self.cached = cycle, cached

    def __getitem__(self, k: int) -> StepData | DataError:
        try:
            return self._step(k)
        except DataError as error:  # a worker would wrap it; the trainer raises it as it is
            return error

    def _step(self, k: int) -> StepData:
        epoch, groups = self.order.step(k)
        view = View(self.augment_with, self.order.seed, epoch % self.cycle if self.cycle else epoch)
        mine = [group.part(slice(self.rank, None, self.n_ranks)) for group in groups]
        batches = tuple(self._batch(group, view) for group in mine if group.indices)
        indices = [i for group in groups for i in group.indices]
        n_labelled = sum(self.pictures.lines.texts[i] is not None for i in indices)
        return StepData(k, epoch, batches, len(indices) * self.n_views, n_labelled * self.n_views)

    def _batch(self, group: Group, view: View) -> Batch:
        if self.cached is None:
            return make_batch(self.pictures, group, self.charset, view, self.n_views)
        as_cached = replace(group, uses=(0,) * len(group.indices))
        batch = make_batch(self.pictures, as_cached, self.charset, view)
        return batch._replace(posteriors=self.cached.of(group.indices, view.epoch))


def feed(
    lines: Lines, order: Order, charset: Charset, preparation: Preparation, augment_with: Augment,
    *, steps: range, rank: int, n_ranks: int, workers: int, views: int = 1, cycle: int = 0,
    cached: Cached | None = None, others: Sequence[Preparation] = (),
) -> Iterator[StepData]:  # fmt: skip
    """The steps `steps`, the same for any number of workers. After `cycle` epochs the augmentation begins anew."""
    data = _Steps(lines, order, charset, preparation, augment_with, rank, n_ranks, views, cycle, cached, others)
    # steps is the sampler: every item is one whole step, already batched
    loader = DataLoader(data, batch_size=None, sampler=steps, num_workers=workers, worker_init_fn=_begin_worker)
    _one_thread()
    for step in loader:
        if isinstance(step, DataError):
            raise step
        yield step


def _begin_worker(_: int) -> None:
    leave_signals_to_the_parent()
    _one_thread()


def _one_thread() -> None:
    """OpenCV's own threads cost more than they bring on pictures of this size."""
    cv2.setNumThreads(0)
