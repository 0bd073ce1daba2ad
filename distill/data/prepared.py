"""Lines decoded, scaled and augmented: what `batch.py` puts together. A line's tensor depends on no other line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from distill.data.augment import Augment, AugmentPlan, apply_plan, sample_plan
from distill.data.device_augment import apply_plans
from distill.data.lines import Lines
from distill.data.sampler import Group
from distill.seeds import generator_of
from students.errors import DataError
from students.image import Preparation, decode_image
from students.turning import after

KEPT_BYTES = 2**30  # of scaled lines, kept in memory by all workers of a process together


@dataclass(frozen=True)
class View:
    """How lines are augmented: a function of seed, epoch, key of the line, and its earlier uses in the epoch.

    Views of another `number` share the geometry and differ in the rest. With a `cycle`, the n-th use in epoch e is
    augmented as the first use in epoch e + n, modulo the cycle.
    """

    augment: Augment
    seed: int
    epoch: int
    number: int = 0
    cycle: int = 0

    def moment(self, use: int) -> tuple[int, int]:
        """Return the epoch and the use in it that the augmentation of the `use`-th use (from 0) is sampled for."""
        return ((self.epoch + use) % self.cycle, 0) if self.cycle else (self.epoch, use)


class Unfinished(NamedTuple):
    """Scaled lines that are augmented and prepared once they are on their device."""

    preparation: Preparation
    levels_NCHW: Tensor  # uint8, padded on the right
    widths_N: Tensor  # int64, without the padding
    plans: tuple[AugmentPlan, ...]

    def finished(self, device: torch.device) -> Tensor:
        """Return what `Preparation.to_tensor` makes of the augmented lines, float32 (N, channels, H, W)."""
        widths_N = self.widths_N.to(device)
        levels_NCHW = apply_plans(self.plans, self.levels_NCHW.to(device, non_blocking=True), widths_N)
        inside_NW = torch.arange(levels_NCHW.shape[3], device=device) < widths_N[:, None]
        padded_NCHW = levels_NCHW.where(inside_NW[:, None, None], self.preparation.padding_value)
        return (padded_NCHW - self.preparation.mean) / self.preparation.std


class OtherImages(NamedTuple):
    """Lines of one batch as another preparation than the run's makes them, each padded to a width of its own."""

    images_NCHW: Tensor  # float32, as wide as the widest of them
    widths_N: Tensor  # int64, padded width of each line in px; what is right of it is no part of the line
    extent_px: int  # at this height, the padded width that the run gives all of them

    def of_lines(self, rows: Sequence[int]) -> OtherImages:
        """Return some of the lines, as wide as they are here."""
        return self._replace(images_NCHW=self.images_NCHW[rows], widths_N=self.widths_N[rows])


class ScaledLines:
    """Lines decoded and scaled, uint8 (H, w, channels).

    Those asked for first stay in memory, up to `limit_bytes`. Raises `DataError` for a line that cannot be decoded.
    """

    def __init__(self, lines: Lines, preparation: Preparation, limit_bytes: int = KEPT_BYTES) -> None:
        self.lines, self.preparation, self.left_bytes = lines, preparation, limit_bytes
        self.kept: dict[int, np.ndarray] = {}

    def __getitem__(self, i: int) -> np.ndarray:
        if i in self.kept:
            return self.kept[i]
        line = self.lines[i]
        pixels = after(self.lines.quarters_of(i), decode_image(line.image, line.key))
        scaled_HWC = self.preparation.scale(pixels, line.key)
        if scaled_HWC.nbytes <= self.left_bytes:
            self.left_bytes -= scaled_HWC.nbytes
            self.kept[i] = scaled_HWC
        return scaled_HWC

    def augmented(self, i: int, view: View | None, use: int = 0) -> np.ndarray:
        """Return line `i`, uint8 (H, w, channels), augmented where a view is given."""
        scaled_HWC = self[i]
        return scaled_HWC if view is None else apply_plan(self._plan(i, scaled_HWC, view, use), scaled_HWC)

    def _plan(self, i: int, scaled_HWC: np.ndarray, view: View, use: int) -> AugmentPlan:
        """Return the augmentation of line `i`, as it was scaled, used for the `use`-th time in the view's epoch."""
        names = (view.seed, *view.moment(use), self.lines.keys[i])
        other = generator_of("other view", view.number, *names) if view.number else None
        augment = self.lines.augments.get(self.lines.sources[i], view.augment)
        height, width, _ = scaled_HWC.shape
        return sample_plan(height, width, augment, generator_of("view", *names), other)

    def unfinished(self, group: Group, view: View) -> Unfinished:
        """Return the scaled lines of a group with their augmentation, for the device to carry out."""
        scaled = [self[i] for i in group.indices]
        for i, scaled_HWC in zip(group.indices, scaled, strict=True):
            self._fits(i, scaled_HWC.shape[1] <= group.width_px)
        padded = [np.pad(each, ((0, 0), (0, group.width_px - each.shape[1]), (0, 0))) for each in scaled]
        return Unfinished(
            self.preparation,
            torch.from_numpy(np.stack(padded).transpose(0, 3, 1, 2)),
            torch.tensor([each.shape[1] for each in scaled]),
            tuple(self._plan(i, s, view, use) for i, s, use in zip(group.indices, scaled, group.uses, strict=True)),
        )

    def stacked(self, group: Group, view: View | None = None, width_px: int | None = None) -> Tensor:
        """Return the prepared lines of a group, float32 (N, channels, H, W), padded to `width_px` where it is given.

        Raises `DataError` for a line whose width is no longer that of the group.
        """
        tensors = []
        for i, use in zip(group.indices, group.uses, strict=True):
            tensors.append(self.preparation.to_tensor(self.augmented(i, view, use), width_px))
            self._fits(i, tensors[-1].shape[2] == (width_px or group.width_px))
        return torch.from_numpy(np.stack(tensors))

    def padded_alone(self, group: Group, view: View | None, extent_px: int) -> OtherImages:
        """Return the prepared lines of a group for another network; the run's padded widths become `extent_px`.

        A preparation with a least width pads every line as it would alone, since its network reads a line otherwise
        under another padding. Without one, lines are as wide as the run makes them.
        """
        if not self.preparation.least_width_px:
            images_NCHW = self.stacked(group, view, extent_px)
            return OtherImages(images_NCHW, torch.full((len(images_NCHW),), extent_px), extent_px)
        augmented = (self.augmented(i, view, use) for i, use in zip(group.indices, group.uses, strict=True))
        alone = self.preparation
        tensors = [alone.to_tensor(line_HWC, alone.padded_px(line_HWC.shape[1])) for line_HWC in augmented]
        widths = [tensor_CHW.shape[2] for tensor_CHW in tensors]
        padded = [np.pad(t_CHW, ((0, 0), (0, 0), (0, max(widths) - t_CHW.shape[2]))) for t_CHW in tensors]
        return OtherImages(torch.from_numpy(np.stack(padded)), torch.tensor(widths), extent_px)

    def _fits(self, i: int, fits: bool) -> None:
        if not fits:
            raise DataError(f"{self.lines.keys[i]}: has another width than when it was opened")


class PreparedLines:
    """Lines as the run's own preparation makes them, and as each of `others` does, in the same views."""

    def __init__(
        self, lines: Lines, preparation: Preparation, others: Sequence[Preparation] = (), limit_bytes: int = KEPT_BYTES
    ) -> None:
        self.lines, self.own = lines, ScaledLines(lines, preparation, limit_bytes)
        self.others = {other: ScaledLines(lines, other, limit_bytes) for other in others}

    def stacked(
        self, group: Group, view: View | None = None, own: bool = True
    ) -> tuple[Tensor, dict[Preparation, OtherImages]]:
        """Return a group as the run prepares it, float32 (N, channels, H, W), empty unless `own`; and by each other."""
        height_px = self.own.preparation.height_px
        return self.own.stacked(group, view) if own else torch.zeros(0, 1, 1, 1), {
            other: scaled.padded_alone(group, view, round(group.width_px * other.height_px / height_px))
            for other, scaled in self.others.items()
        }
