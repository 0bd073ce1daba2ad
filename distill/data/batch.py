"""From line numbers to tensors: decode, scale, augment, pad. A line's tensor depends on no other line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from distill.data.augment import Augment, augment
from distill.data.lines import Lines
from distill.data.sampler import Group, Order
from distill.data.seeds import generator_of
from students.charset import Charset
from students.image import Preparation, decode_image


class Batch(NamedTuple):
    """Lines of one padded width. Unlabelled lines have an empty target and `labelled_N` false."""

    images_NCHW: Tensor  # float32, prepared
    targets_NL: Tensor  # int64, padded with the blank
    target_lengths_N: Tensor  # int64
    labelled_N: Tensor  # bool
    keys: tuple[str, ...]

    def to(self, device: torch.device) -> Batch:
        """The images on `device`; targets stay where the CTC loss of torch wants them, on the CPU."""
        return self._replace(
            images_NCHW=self.images_NCHW.to(device, non_blocking=True), labelled_N=self.labelled_N.to(device)
        )


@dataclass(frozen=True)
class View:
    """How training sees a line: the augmentation is a function of (seed, epoch, key)."""

    augment: Augment
    seed: int
    epoch: int


def augmented(lines: Lines, i: int, preparation: Preparation, view: View | None) -> np.ndarray:
    """Line `i` scaled to the model's height, uint8 (H, w, channels), augmented where a view is given."""
    line = lines[i]
    scaled_HWC = preparation.scale(decode_image(line.image, line.key), line.key)
    if view is None:
        return scaled_HWC
    return augment(scaled_HWC, view.augment, generator_of("view", view.seed, view.epoch, line.key))


def make_batch(
    lines: Lines, group: Group, charset: Charset, preparation: Preparation, view: View | None = None
) -> Batch:
    images = np.stack([preparation.to_tensor(augmented(lines, i, preparation, view)) for i in group.indices])
    texts = [lines.texts[i] for i in group.indices]
    targets = [charset.encode(text) if text and not charset.missing(text) else [] for text in texts]
    targets_NL = torch.zeros(len(targets), max(1, *map(len, targets)), dtype=torch.int64)
    for row, target in enumerate(targets):
        targets_NL[row, : len(target)] = torch.tensor(target, dtype=torch.int64)
    return Batch(
        torch.from_numpy(images),
        targets_NL,
        torch.tensor([len(t) for t in targets]),
        torch.tensor([text is not None for text in texts]),
        tuple(lines.keys[i] for i in group.indices),
    )


@dataclass(frozen=True)
class StepData:
    """The share of one process in one step, and the counts of the whole step over all processes."""

    step: int
    epoch: int
    batches: tuple[Batch, ...]
    n_lines: int
    n_labelled: int


class _Steps(Dataset[StepData]):
    def __init__(
        self, lines: Lines, order: Order, charset: Charset, preparation: Preparation, augment_with: Augment,
        rank: int, n_ranks: int,
    ) -> None:  # fmt: skip
        self.lines, self.order, self.charset, self.preparation = lines, order, charset, preparation
        self.augment_with, self.rank, self.n_ranks = augment_with, rank, n_ranks

    def __getitem__(self, k: int) -> StepData:
        epoch, groups = self.order.step(k)
        view = View(self.augment_with, self.order.seed, epoch)
        mine = [Group(g.width_px, g.indices[self.rank :: self.n_ranks]) for g in groups]
        batches = tuple(
            make_batch(self.lines, group, self.charset, self.preparation, view)
            for group in mine
            if group.indices
        )
        indices = [i for group in groups for i in group.indices]
        n_labelled = sum(self.lines.texts[i] is not None for i in indices)
        return StepData(k, epoch, batches, len(indices), n_labelled)


def feed(
    lines: Lines, order: Order, charset: Charset, preparation: Preparation, augment_with: Augment,
    *, steps: range, rank: int, n_ranks: int, workers: int,
) -> Iterator[StepData]:  # fmt: skip
    """The steps `steps`, the same for any number of workers."""
    data = _Steps(lines, order, charset, preparation, augment_with, rank, n_ranks)
    # steps is the sampler: every item is one whole step, already batched
    return iter(DataLoader(data, batch_size=None, sampler=steps, num_workers=workers))
