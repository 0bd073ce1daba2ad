"""From line numbers to tensors: the batches of a step.

Lines are prepared by `prepared.py`. Which step holds which lines is `sampler.py`'s, preparing steps ahead `feed.py`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, NamedTuple, Protocol

import torch
from torch import Tensor
from typing_extensions import TypeVar

from distill.data.labels import Folding, foldings
from distill.data.posteriors import Posteriors
from distill.data.prepared import OtherImages, PreparedLines, Unfinished, View
from distill.data.sampler import Group
from students.charset import Charset
from students.image import Preparation

Others = Mapping[Preparation, OtherImages]


class Batch(NamedTuple):
    """Lines of one padded width. Unlabelled lines have an empty target and `labelled_N` false."""

    images_NCHW: Tensor  # float32, prepared
    targets_NL: Tensor  # int64, padded with the blank
    target_lengths_N: Tensor  # int64
    labelled_N: Tensor  # bool
    keys: tuple[str, ...]
    foldings: tuple[Folding | None, ...]  # classes that the label of each line does not distinguish
    posteriors: Posteriors | None = None  # the teacher's, where they are cached
    others: Others | None = None  # the same lines as a teacher with another preparation wants them
    unfinished: tuple[Unfinished, ...] = ()  # one a view: `finished_on` augments them and makes the images
    sources: tuple[str, ...] = ()  # of each line

    def of_lines(self, rows_M: Tensor) -> Batch:
        """Return the batch of some lines, in this order; one that `finished_on` has made."""
        rows = rows_M.tolist()
        return self._replace(
            images_NCHW=self.images_NCHW[rows],
            targets_NL=self.targets_NL[rows],
            target_lengths_N=self.target_lengths_N[rows],
            labelled_N=self.labelled_N[rows],
            keys=tuple(self.keys[row] for row in rows),
            foldings=tuple(self.foldings[row] for row in rows),
            posteriors=self.posteriors and Posteriors(*(part[rows] for part in self.posteriors)),
            others=self.others and {preparation: other.of_lines(rows) for preparation, other in self.others.items()},
            sources=tuple(self.sources[row] for row in rows),
        )

    def finished_on(self, device: torch.device) -> Batch:
        """Return the batch on `device`, where lines that are not augmented yet are augmented. Targets stay on the CPU.

        Images are channels last, which convolutions prefer.
        """
        images_NCHW = torch.cat([u.finished(device) for u in self.unfinished]) if self.unfinished else self.images_NCHW
        return self._replace(
            images_NCHW=images_NCHW.to(device, memory_format=torch.channels_last, non_blocking=True),
            labelled_N=self.labelled_N.to(device),
            posteriors=self.posteriors and Posteriors(*(part.to(device) for part in self.posteriors)),
            others=moved(self.others, device),
            unfinished=(),
        )


def moved(others: Others | None, device: torch.device) -> Others | None:
    """Return the other preparations of a batch on `device`, channels last."""
    return others and {preparation: _moved(images, device) for preparation, images in others.items()}


def _moved(other: OtherImages, device: torch.device) -> OtherImages:
    images_NCHW = other.images_NCHW.to(device, memory_format=torch.channels_last, non_blocking=True)
    return other._replace(images_NCHW=images_NCHW)


def targets_of(texts: Sequence[str | None], charset: Charset) -> tuple[Tensor, Tensor]:
    """Return the labels, (N, L) int64 padded with the blank, and their lengths, (N,); 0 for an unlabelled line."""
    return padded_targets([charset.encode(text) if text else [] for text in texts])


def padded_targets(targets_N: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Return classes as targets of CTC, (N, L) int64, at least one wide, 0 behind the end; and their lengths, (N,)."""
    targets_NL = torch.zeros(len(targets_N), max([1, *map(len, targets_N)]), dtype=torch.int64)
    for row, target in enumerate(targets_N):
        targets_NL[row, : len(target)] = torch.tensor(target, dtype=torch.int64)
    return targets_NL, torch.tensor([len(target) for target in targets_N], dtype=torch.int64)


def make_batch(
    prepared: PreparedLines, group: Group, charset: Charset, view: View, n_views: int = 1, on_device: bool = False
) -> Batch:
    """Return lines for training; with several views, all lines in their first view, then all in the next.

    `on_device`: augmentation is left to `Batch.finished_on`. Raises `DataError` for lines that cannot be decoded and
    for a label with other characters than the charset's.
    """
    lines = prepared.lines
    texts = [lines.texts[i] for i in group.indices]
    targets_NL, target_lengths_N = targets_of(texts, charset)
    views = [replace(view, number=number) for number in range(n_views)]
    views_of_lines = [prepared.stacked(group, each, not on_device) for each in views]
    return Batch(
        torch.cat([images_NCHW for images_NCHW, _ in views_of_lines]),
        targets_NL.repeat(n_views, 1),
        target_lengths_N.repeat(n_views),
        torch.tensor([text is not None for text in texts] * n_views),
        tuple(lines.keys[i] for i in group.indices) * n_views,
        foldings(charset, [lines.form(i) for i in group.indices]) * n_views,
        others={other: _together([others[other] for _, others in views_of_lines]) for other in prepared.others} or None,
        unfinished=tuple(prepared.own.unfinished(group, each) for each in views) if on_device else (),
        sources=tuple(lines.sources[i] for i in group.indices) * n_views,
    )


def _together(views: Sequence[OtherImages]) -> OtherImages:
    """The same lines in several views, one view behind the other."""
    images_NCHW = torch.cat([view.images_NCHW for view in views])
    return OtherImages(images_NCHW, torch.cat([view.widths_N for view in views]), views[0].extent_px)


class Keyed(Protocol):
    """What has the keys of the items in it."""

    @property
    def keys(self) -> tuple[str, ...]:
        """Return them, in order."""


B = TypeVar("B", bound=Keyed, default=Batch)  # a micro-batch as a task has it


@dataclass(frozen=True)
class StepData(Generic[B]):
    """The share of one process in one step, and the counts of the whole step over all processes.

    `n_items` and `n_labelled` count every view of a line; `sampled`, labelled and unlabelled lines of each source,
    counts a line once.
    """

    step: int
    epoch: int
    batches: tuple[B, ...]
    n_items: int
    n_labelled: int
    sampled: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    replaced: Mapping[str, str] = field(default_factory=dict)  # damaged items of this process's share, and why

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the keys of the items of this process."""
        return tuple(key for batch in self.batches for key in batch.keys)
