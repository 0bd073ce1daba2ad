"""Crops of pages with their targets, step by step: what a locator learns from.

Which pages form a step is `sampler.py`'s, as for lines; what a crop shows is a function of seed, epoch, page and its
earlier uses in the epoch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from distill.data.batch import StepData
from distill.data.feed import prepared_ahead
from distill.data.mixing import MixPlan
from distill.data.pages.augment import PageAugment, carry_out, sample_crop
from distill.data.pages.kept import KEPT_BYTES, KeptPages
from distill.data.pages.record import PageRecord
from distill.data.pages.targets import targets_of
from distill.data.sampler import Group, Order
from distill.seeds import generator_of
from students.errors import DataError, UserError
from students.pages.maps import CHANNELS
from students.pages.preparation import STRIDE_PX, PagePreparation

SEEN_ACROSS = 0.7  # a line of whose height a crop shows less is not to be counted
SEEN_ALONG = 0.5  # nor one of which it shows less than so many heights


class PageBatch(NamedTuple):
    """Crops of one size. Those of pages that nobody marked have targets and weights of 0, and `labelled_N` false."""

    images_NCHW: Tensor  # float32, prepared
    targets_NCHW: Tensor  # float32, (N, 5, H/4, W/4), as `targets.py` has them
    weights_NHW: Tensor  # float32, 0 where nothing is to be learnt
    labelled_N: Tensor  # bool
    keys: tuple[str, ...]
    sources: tuple[str, ...]


PageStep = StepData[PageBatch]


@dataclass(frozen=True)
class PageFeed:
    """What a training on pages is fed with, and which share of it this process prepares.

    `plan`: of a mix of sources; None: every page once an epoch. `only_labelled`: the slots of pages that nobody marked
    are filled with marked ones, as in the steps of a control. Process `rank` of `n_ranks` prepares its part of every
    step, with `workers` processes of its own (0: in this one).
    """

    pages: tuple[PageRecord, ...]
    preparation: PagePreparation
    augment: PageAugment
    batch_pages: int
    crop_px: int
    seed: int
    micro_batch_pages: int | None = None
    plan: MixPlan | None = None
    only_labelled: bool = False
    rank: int = 0
    n_ranks: int = 1
    workers: int = 0

    @property
    def order(self) -> Order:
        """Return which pages form which step. Raises `UserError` where a control has no page to learn from."""
        labelled_N = np.array([page.lines is not None for page in self.pages], bool)
        if not len(labelled_N) or (self.only_labelled and not labelled_N.any()):
            raise UserError("there is no page to learn from" + (" that has its lines marked" if self.pages else ""))
        sides_N = np.full(len(self.pages), self.crop_px)
        fillers = labelled_N if self.only_labelled else None
        return Order(sides_N, self.batch_pages, self.seed, self.micro_batch_pages, fillers, self.plan)


def feed_pages(settings: PageFeed, steps: range) -> Generator[PageStep]:
    """Yield the steps of a training, in order; the same for any number of workers.

    Raises `DataError` for pages that cannot be prepared and `UserError` where a worker was killed.
    """
    quantum_px = settings.preparation.quantum_px
    if settings.crop_px % quantum_px:
        raise UserError(f"crop_px {settings.crop_px} is no multiple of page.quantum_px, which is {quantum_px}")
    yield from prepared_ahead(PageSteps(settings), steps, settings.workers)


class PageSteps(Dataset[PageStep | DataError]):
    """The steps of a training by their number, as one process prepares them."""

    def __init__(self, settings: PageFeed) -> None:
        self.settings, self.order = settings, settings.order
        largest = max(1.0, settings.augment.scale[1])
        limit_bytes = KEPT_BYTES // max(1, settings.workers)
        self.kept = KeptPages(settings.pages, settings.preparation, largest, limit_bytes)

    def __getitem__(self, k: int) -> PageStep | DataError:
        try:
            return self._step(k)
        except DataError as error:  # a worker would wrap it; the trainer raises it as it is
            return error

    def _step(self, k: int) -> PageStep:
        settings, pages = self.settings, self.settings.pages
        epoch, groups = self.order.step(k)
        replaced: dict[str, str] = {}
        own = [group.part(slice(settings.rank, None, settings.n_ranks)) for group in groups]
        batches = tuple(self._batch(group, epoch, replaced) for group in own if group.indices)
        sampled = labelled_counts([pages[i] for group in groups for i in group.indices])
        return PageStep(
            step=k,
            epoch=epoch,
            batches=batches,
            n_items=sum(map(sum, sampled.values())),
            n_labelled=sum(labelled for labelled, _ in sampled.values()),
            sampled=sampled,
            replaced=replaced,
        )

    def _batch(self, group: Group, epoch: int, replaced: dict[str, str]) -> PageBatch:
        crops = [self._crop(i, epoch, use, replaced) for i, use in zip(group.indices, group.uses, strict=True)]
        images, targets, weights = (torch.from_numpy(np.stack([crop[part] for crop in crops])) for part in range(3))
        records = [self.settings.pages[i] for i in group.indices]
        return PageBatch(
            images,
            targets,
            weights,
            torch.tensor([record.lines is not None for record in records]),
            tuple(record.key for record in records),
            tuple(record.source for record in records),
        )

    def _crop(self, i: int, epoch: int, use: int, replaced: dict[str, str]) -> tuple[np.ndarray, ...]:
        """Image, targets and weights of a crop of page `i`, or of the page that stands in for it."""
        settings = self.settings
        generator = generator_of("crop", settings.seed, epoch, settings.pages[i].key, use)
        try:
            page = self.kept[i]
        except DataError as error:
            replaced[settings.pages[i].key] = str(error)
            page = self.kept[self._stand_in(i, epoch)]
        plan = sample_crop(page.to_crop, settings.crop_px, settings.augment, generator)
        crop_HWC = carry_out(plan, page.pixels_HWC, page.border, settings.preparation.padding_value)
        image_CHW = settings.preparation.to_tensor(crop_HWC)
        if settings.pages[i].lines is None:
            side = settings.crop_px // STRIDE_PX
            return image_CHW, np.zeros((CHANNELS, side, side), np.float32), np.zeros((side, side), np.float32)
        corners_N42 = plan.moved(page.to_crop.corners_N42)
        cut_N = cut_off(corners_N42, settings.crop_px)
        size_px = settings.crop_px, settings.crop_px
        return image_CHW, *targets_of(corners_N42, page.ignored_N | cut_N, size_px)

    def _stand_in(self, i: int, epoch: int) -> int:
        """The number of the page that stands in for one that cannot be decoded: marked as that one is."""
        settings = self.settings
        record = settings.pages[i]
        alike = [j for j, page in enumerate(settings.pages) if (page.lines is None) == (record.lines is None)]
        order = torch.randperm(len(alike), generator=generator_of("stand-in", settings.seed, epoch, record.key))
        for j in (alike[position] for position in order.tolist()):
            try:
                self.kept[j]
            except DataError:
                continue
            return j
        raise DataError(f"{record.key}: can no longer be decoded, and so can no page that might stand in for it")


def cut_off(corners_N42: np.ndarray, side_px: int) -> np.ndarray:
    """Return which lines a crop shows too little of to be counted, bool (N,): of their height, or of their length.

    A line that a crop cuts across its length is one: what is seen of it has a core like any other.
    """
    inside_N = ((corners_N42 >= 0) & (corners_N42 <= side_px)).all((1, 2))
    low_N2, high_N2 = corners_N42.min(1), corners_N42.max(1)
    touched_N = ((high_N2 > 0) & (low_N2 < side_px)).all(1)
    cut_N = np.zeros(len(corners_N42), bool)
    for n in np.flatnonzero(touched_N & ~inside_N):
        cut_N[n] = not _enough_seen(corners_N42[n], side_px)
    return cut_N


def _enough_seen(corners_42: np.ndarray, side_px: int) -> bool:
    crop_42 = np.array([(0, 0), (side_px, 0), (side_px, side_px), (0, side_px)], np.float32)
    area, seen_P2 = cv2.intersectConvexConvex(corners_42.astype(np.float32), crop_42)
    way = corners_42[1] + corners_42[2] - corners_42[0] - corners_42[3]
    length = float(np.hypot(*way))
    if not area or not length:
        return False
    direction = way / length
    normal = np.array([-direction[1], direction[0]])
    height = float((corners_42[[2, 3]].mean(0) - corners_42[[0, 1]].mean(0)) @ normal)
    along_P = seen_P2.reshape(-1, 2) @ direction
    seen_px = float(along_P.max() - along_P.min())
    return area >= SEEN_ACROSS * height * seen_px and seen_px >= SEEN_ALONG * height


def labelled_counts(pages: Sequence[PageRecord]) -> dict[str, tuple[int, int]]:
    """Return the numbers of marked and unmarked pages of each source."""
    counts = Counter((page.source, page.lines is not None) for page in pages)
    return {source: (counts[source, True], counts[source, False]) for source in sorted({s for s, _ in counts})}
