"""From line numbers to tensors: decode, scale, augment, pad. A line's tensor depends on no other line.

A line that can no longer be decoded is replaced by one of its width. Which step holds which lines is `sampler.py`'s,
preparing steps ahead `feed.py`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from distill.data.augment import Augment, AugmentPlan, carry_out, draw_plan
from distill.data.device_augment import carry_out_all
from distill.data.formats.contents import reason_of
from distill.data.labels import Folding, foldings
from distill.data.lines import Lines
from distill.data.posteriors import Posteriors
from distill.data.sampler import Group
from distill.seeds import generator_of
from students.charset import Charset
from students.errors import DataError
from students.image import Preparation, decode_image

KEPT_BYTES = 2**30
Others = Mapping[Preparation, Tensor]


class Unfinished(NamedTuple):
    """Scaled lines that are augmented and prepared once they are on their device."""

    preparation: Preparation
    levels_NCHW: Tensor  # uint8, padded on the right
    widths_N: Tensor  # int64, without the padding
    plans: tuple[AugmentPlan, ...]

    def finished(self, device: torch.device) -> Tensor:
        """What `Preparation.to_tensor` makes of the augmented lines, float32 (N, channels, H, W)."""
        widths_N = self.widths_N.to(device)
        levels_NCHW = carry_out_all(self.plans, self.levels_NCHW.to(device, non_blocking=True), widths_N)
        inside_NW = torch.arange(levels_NCHW.shape[3], device=device) < widths_N[:, None]
        padded_NCHW = levels_NCHW.where(inside_NW[:, None, None], self.preparation.padding_value)
        return (padded_NCHW - self.preparation.mean) / self.preparation.std


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
    unfinished: tuple[Unfinished, ...] = ()  # one a view: `finished_on` augments them and makes the images

    def finished_on(self, device: torch.device) -> Batch:
        """The batch on `device`, where lines that are not augmented yet are augmented. Targets stay on the CPU.

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
    """Other preparations of a batch on `device`, channels last."""
    return others and {p: t.to(device, memory_format=torch.channels_last, non_blocking=True) for p, t in others.items()}


@dataclass(frozen=True)
class View:
    """How training sees a line: the augmentation is a function of seed, epoch, key, and earlier uses in the epoch.

    With a `cycle`, a line looks the n-th time in epoch e as it does the first time in epoch e + n, modulo the cycle.
    """

    augment: Augment
    seed: int
    epoch: int
    number: int = 0
    cycle: int = 0

    def moment(self, use: int) -> tuple[int, int]:
        """Epoch and use in it that say how a line looks, used for the `use`-th time, from 0."""
        return ((self.epoch + use) % self.cycle, 0) if self.cycle else (self.epoch, use)


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
        return scaled_HWC if view is None else carry_out(self.plan(i, view, use), scaled_HWC)

    def plan(self, i: int, view: View, use: int) -> AugmentPlan:
        """What is to happen to line `i`."""
        names = (view.seed, *view.moment(use), self.lines.keys[i])
        other = generator_of("other view", view.number, *names) if view.number else None
        changes = self.lines.augments.get(self.lines.sources[i], view.augment)
        height, width, _ = self[i].shape
        return draw_plan(height, width, changes, generator_of("view", *names), other)

    def unfinished(self, group: Group, view: View) -> Unfinished:
        """The lines of a group, and what is to happen to them on their device."""
        scaled = [self[i] for i in group.indices]
        for i, scaled_HWC in zip(group.indices, scaled, strict=True):
            self._fits(i, scaled_HWC.shape[1] <= group.width_px)
        padded = [np.pad(each, ((0, 0), (0, group.width_px - each.shape[1]), (0, 0))) for each in scaled]
        return Unfinished(
            self.preparation,
            torch.from_numpy(np.stack(padded).transpose(0, 3, 1, 2)),
            torch.tensor([each.shape[1] for each in scaled]),
            tuple(self.plan(i, view, use) for i, use in zip(group.indices, group.uses, strict=True)),
        )

    def stacked(self, group: Group, view: View | None = None, width_px: int | None = None) -> Tensor:
        """The prepared lines of a group, float32 (N, channels, H, W), padded to `width_px` where it is given."""
        tensors = []
        for i, use in zip(group.indices, group.uses, strict=True):
            tensors.append(self.preparation.to_tensor(self.seen(i, view, use), width_px))
            self._fits(i, tensors[-1].shape[2] == (width_px or group.width_px))
        return torch.from_numpy(np.stack(tensors))

    def _fits(self, i: int, fits: bool) -> None:
        if not fits:
            raise DataError(f"{self.lines.keys[i]}: has another width than when it was opened")


class Pictures:
    """Lines prepared as the run wants them, and as every other of `preparations` does: the same views of them."""

    def __init__(
        self, lines: Lines, preparation: Preparation, others: Sequence[Preparation] = (), limit_bytes: int = KEPT_BYTES
    ) -> None:
        self.lines, self.own = lines, Pixels(lines, preparation, limit_bytes)
        self.others = {other: Pixels(lines, other, limit_bytes) for other in others}

    def stacked(
        self, group: Group, view: View | None = None, own: bool = True
    ) -> tuple[Tensor, dict[Preparation, Tensor]]:
        """A group as the run wants it (nothing unless `own`), and as the others do: as much at another height."""
        height_px = self.own.preparation.height_px
        return self.own.stacked(group, view) if own else torch.zeros(0), {
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


def make_batch(
    pictures: Pictures, group: Group, charset: Charset, view: View, n_views: int = 1, on_device: bool = False
) -> Batch:
    """Lines for training; with several views, all lines in their first, then all in the next.

    `on_device`: the images come into being when the batch goes to its device. Raises `DataError` for a label with
    other characters than the charset's.
    """
    lines = pictures.lines
    texts = [lines.texts[i] for i in group.indices]
    targets_NL, target_lengths_N = targets_of(texts, charset)
    views = [replace(view, number=number) for number in range(n_views)]
    seen = [pictures.stacked(group, each, not on_device) for each in views]
    return Batch(
        torch.cat([images_NCHW for images_NCHW, _ in seen]),
        targets_NL.repeat(n_views, 1),
        target_lengths_N.repeat(n_views),
        torch.tensor([text is not None for text in texts] * n_views),
        tuple(lines.keys[i] for i in group.indices) * n_views,
        foldings(charset, [lines.form(i) for i in group.indices]) * n_views,
        others={other: torch.cat([others[other] for _, others in seen]) for other in pictures.others} or None,
        unfinished=tuple(pictures.own.unfinished(group, each) for each in views) if on_device else (),
    )


@dataclass(frozen=True)
class StepData:
    """The share of one process in one step, and the counts of the whole step over all processes.

    Every view of a line counts as a line, but not in `sampled`: labelled and unlabelled lines of each source.
    """

    step: int
    epoch: int
    batches: tuple[Batch, ...]
    n_lines: int
    n_labelled: int
    sampled: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    replaced: Mapping[str, str] = field(default_factory=dict)  # damaged lines of this process's share, and why


def without_damaged(pixels: Pixels, group: Group, names: tuple[int, int]) -> tuple[list[Group], dict[str, str]]:
    """The group with another line for every one that cannot be decoded, and why by the keys of the latter.

    The one that stands in is a function of `names` (seed and epoch) and the key: labelled as that line is, of the
    nearest width, where it can be of its source. Raises `DataError` where there is none.
    """
    indices, damage = [], {}
    for i in group.indices:
        if reason := _damage(pixels, i):
            damage[pixels.lines.keys[i]] = reason
        indices.append(_stand_in(pixels, i, names) if reason else i)
    lines, uses = np.array(indices), np.array(group.uses)
    widths = pixels.lines.padded_width_px[lines]
    return [
        Group(int(width_px), tuple(lines[widths == width_px].tolist()), tuple(uses[widths == width_px].tolist()))
        for width_px in np.unique(widths)
    ], damage


def _damage(pixels: Pixels, i: int) -> str:
    """Why line `i` can no longer be used as it was opened; empty where it can."""
    try:
        height_px, width_px = pixels[i].shape[:2]
    except DataError as error:
        return reason_of(error, pixels.lines.keys[i])
    same = pixels.preparation.padded_width_px(height_px, width_px) == pixels.lines.padded_width_px[i]
    return "" if same else f"{pixels.lines.keys[i]}: has another width than when it was opened"


def _stand_in(pixels: Pixels, i: int, names: tuple[int, int]) -> int:
    lines = pixels.lines
    alike = np.array([j for j, text in enumerate(lines.texts) if (text is None) == (lines.texts[i] is None)])
    shuffle = torch.randperm(len(alike), generator=generator_of("stand-in", *names, lines.keys[i])).numpy()
    elsewhere = np.array([lines.sources[j] != lines.sources[i] for j in alike])
    distance = np.abs(lines.padded_width_px[alike] - lines.padded_width_px[i])
    for j in alike[np.lexsort((shuffle, elsewhere, distance))].tolist():
        if not _damage(pixels, j):
            return int(j)
    raise DataError(f"{lines.keys[i]}: can no longer be decoded, and so can no line that might stand in for it")
