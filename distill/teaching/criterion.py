"""The loss terms of text lines: a student's pass over a micro-batch, its teacher's outputs, and what they come to."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from distill.data.batch import Batch, StepData
from distill.recipe.objective import Objective
from distill.runtime import autocast
from distill.schema import Precision
from distill.teaching.auxiliary import PEER
from distill.teaching.inputs import compact_inputs, term_inputs
from distill.teaching.objective import any_needs_teacher, loss_terms, term_counts, term_weights
from distill.teaching.teacher import TeacherSource
from distill.teaching.watching import watched_figures


@dataclass(frozen=True)
class LineCriterion:
    """The terms of an objective on text lines; without a `teacher`, those that need none."""

    objective: Objective
    teacher: TeacherSource | None = None
    precision: Precision = "fp32"

    def weights(self, done: float) -> Mapping[str, float]:
        """Return the weights of the terms that count once a share `done` (0-1) of the steps is over."""
        return term_weights(self.objective, done, self.teacher is not None)

    def counts(self, names: Collection[str], step: StepData) -> Mapping[str, int]:
        """Return the lines of the whole step, over all processes, that each named term is a sum over."""
        return term_counts(self.objective, names, step)

    def terms(
        self, model: nn.Module, auxiliary: nn.ModuleDict, batch: Batch, names: Collection[str], watch: bool
    ) -> tuple[Mapping[str, Tensor], Mapping[str, float]]:
        """Return the named terms as sums over the lines of a micro-batch, and with `watch` figures that explain them.

        The teacher is asked where a term needs it, and for the figures.
        """
        teacher, device = self.teacher, next(model.parameters()).device
        batch = batch.finished_on(device)
        with autocast(self.precision, device):
            student = model(batch.images_NCHW)
            peer = auxiliary[PEER](batch.images_NCHW) if {"mutual", "peer_ctc"} & set(names) else None
        inputs = compact_inputs(self.objective, names, student, batch, teacher)
        if inputs is None:
            asked = teacher if watch or any_needs_teacher(self.objective, names) else None
            inputs = term_inputs(self.objective, names, student, batch, auxiliary, peer, asked)
        figures = watched_figures(inputs) if watch else {}
        return {name: total for name, (total, _) in loss_terms(self.objective, names, inputs).items()}, figures
