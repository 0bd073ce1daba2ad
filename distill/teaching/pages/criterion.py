"""The loss terms of pages: a locator's pass over a micro-batch of crops, its teacher's maps, and what they come to."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from distill.data.pages.batch import PageBatch, PageStep
from distill.recipe.page_objective import PageObjective
from distill.runtime import autocast
from distill.schema import Precision
from distill.seeds import seeded
from distill.teaching.objective import any_needs_teacher, term_counts, term_weights
from distill.teaching.pages.features import MapProjection
from distill.teaching.pages.objective import PageInputs, page_terms
from distill.teaching.pages.teacher import FrozenLocator

HINT = "hint"


@dataclass(frozen=True)
class PageCriterion:
    """The terms of an objective on pages; without a `teacher`, those that need none."""

    objective: PageObjective
    teacher: FrozenLocator | None = None
    precision: Precision = "fp32"

    def weights(self, done: float) -> Mapping[str, float]:
        """Return the weights of the terms that count once a share `done` (0-1) of the steps is over."""
        return term_weights(self.objective, done, self.teacher is not None)

    def counts(self, names: Collection[str], step: PageStep) -> Mapping[str, int]:
        """Return the crops of the whole step, over all processes, that each named term is a sum over."""
        return term_counts(self.objective, names, step)

    def terms(
        self, model: nn.Module, auxiliary: nn.ModuleDict, batch: PageBatch, names: Collection[str], watch: bool
    ) -> tuple[Mapping[str, Tensor], Mapping[str, float]]:
        """Return the named terms as sums over the crops of a micro-batch, and with `watch` figures that explain them.

        The teacher is asked where a term needs it, and for the figures.
        """
        device = next(model.parameters()).device
        images_NCHW = batch.images_NCHW.to(device, memory_format=torch.channels_last, non_blocking=True)
        with autocast(self.precision, device):
            student = model(images_NCHW)
        asked = self.teacher if watch or any_needs_teacher(self.objective, names) else None
        teacher = asked(images_NCHW) if asked is not None else None
        features = None
        if teacher is not None and "feature_hint" in names:
            features = auxiliary[HINT](student.features_NDHW), teacher.features_NDHW
        inputs = PageInputs(
            student.maps_NCHW.float(),
            batch.targets_NCHW.to(device),
            batch.weights_NHW.to(device),
            batch.labelled_N.to(device),
            None if teacher is None else teacher.maps_NCHW,
            features,
        )
        figures = watched(inputs) if watch else {}
        return {name: total for name, (total, _) in page_terms(self.objective, names, inputs).items()}, figures


def map_projection(
    objective: PageObjective, model: nn.Module, teacher: FrozenLocator | None, channels: int, seed: int
) -> nn.ModuleDict:
    """Return the auxiliary modules of an objective, with first weights that are a function of the seed."""
    if teacher is None or not objective.feature_hint.weight:
        return nn.ModuleDict()
    ours, theirs = (_n_features(network, channels) for network in (model, teacher.model))
    with seeded(HINT, seed):
        return nn.ModuleDict({HINT: MapProjection(ours, theirs)})


def _n_features(model: nn.Module, channels: int) -> int:
    """The feature maps of a network, measured on a small white page."""
    learning, parameter = model.training, next(model.parameters())
    model.eval()
    with torch.inference_mode():
        n = model(torch.ones(1, channels, 64, 64, device=parameter.device)).features_NDHW.shape[1]
    model.train(learning)
    return int(n)


@torch.inference_mode()
def watched(inputs: PageInputs) -> dict[str, float]:
    """Return `text_share`, the share of pixels that the student takes for text, and F1 of its cores, by pixel.

    With boxes: `core_f1`, over the labelled crops; with a teacher: `teacher_core_f1`, its own, and `agreement`, the F1
    of the student's cores against the teacher's, over all crops.
    """
    ours_NHW, truth_NHW = inputs.maps_NCHW[:, 0] > 0, inputs.targets_NCHW[:, 0] > 0.5
    counts_NHW = (inputs.weights_NHW > 0) & inputs.labelled_N[:, None, None]
    figures = {"text_share": ours_NHW.float().mean().item()}
    if counts_NHW.any():
        figures["core_f1"] = pixel_f1(ours_NHW & counts_NHW, truth_NHW & counts_NHW)
    if inputs.teacher_NCHW is not None:
        theirs_NHW = inputs.teacher_NCHW[:, 0] > 0
        figures["agreement"] = pixel_f1(ours_NHW, theirs_NHW)
        if counts_NHW.any():
            figures["teacher_core_f1"] = pixel_f1(theirs_NHW & counts_NHW, truth_NHW & counts_NHW)
    return figures


def pixel_f1(found: Tensor, wanted: Tensor) -> float:
    """Return 2 |found and wanted| / (|found| + |wanted|); 1 where both are empty."""
    either = int(found.sum()) + int(wanted.sum())
    return 2 * int((found & wanted).sum()) / either if either else 1.0
