"""What one training needs from its task, and nothing else about it.

Text lines are the first task (`lines.py`). Order of the steps, optimisers, checkpoints, progress, resuming and the
choice of the best weights are the same for every task and stand in `train.py`, `step.py` and `trainee.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from accelerate import Accelerator
from torch import Tensor, nn

from distill.processes import Poll


class Step(Protocol):
    """The share of one process in one step. `sampled` and `replaced` stand in the record of the training."""

    @property
    def step(self) -> int:
        """Return its number, counted from 0."""

    @property
    def batches(self) -> Sequence[Any]:
        """Return the micro-batches of this process, which only the task's criterion opens."""

    @property
    def n_items(self) -> int:
        """Return the items of the whole step, over all processes, every view counted."""

    @property
    def keys(self) -> Sequence[str]:
        """Return the names of this process's items, for an error to name."""

    @property
    def sampled(self) -> Mapping[str, tuple[int, int]]:
        """Return the numbers of labelled and unlabelled items of each source in the whole step."""

    @property
    def replaced(self) -> Mapping[str, str]:
        """Return the damaged items of this process that others stood in for, and why."""


class Criterion(Protocol):
    """The named loss terms of a task. Only the step divides, by the counts of the whole step over all processes."""

    def weights(self, done: float) -> Mapping[str, float]:
        """Return the weights of the terms that count once a share `done` (0-1) of the steps is over."""

    def counts(self, names: Collection[str], step: Any) -> Mapping[str, int]:
        """Return how many items of the whole step, over all processes, each named term is a sum over."""

    def terms(
        self, model: nn.Module, auxiliary: nn.ModuleDict, batch: Any, names: Collection[str], watch: bool
    ) -> tuple[Mapping[str, Tensor], Mapping[str, float]]:
        """Run the network on a micro-batch and return the named terms as differentiable sums over its items.

        The second mapping has figures that explain a curve, means over the micro-batch, where `watch` is set.
        """


class Lessons(NamedTuple):
    """What a training goes through: its steps, and the terms on them. `steps` is given the range of step numbers."""

    steps: Callable[[range], Generator[Step]]
    criterion: Criterion


class Answer(NamedTuple):
    """What a network gives on one validation item, beside what is right, in words."""

    key: str
    right: str
    given: str


class Validation(NamedTuple):
    """Validation figures by name, one score in [0, 1] an item for paired resampling, and whether nothing was found.

    `silent`: the network gives no answer on any item, as one that has collapsed does. `answers`: some of them, always
    on the same items, for a person to look at.
    """

    figures: Mapping[str, float]
    scores: np.ndarray
    silent: bool
    answers: tuple[Answer, ...] = ()


class Task(Protocol):
    """One network's task: its first weights, its lessons, how it is validated, and what its model file holds."""

    @property
    def digest(self) -> str:
        """Return the digest: two trainings with equal digests give the same weights."""

    @property
    def unit(self) -> str:
        """Return what an item is called in progress and messages, such as `line`."""

    @property
    def n_items(self) -> int:
        """Return how many items there are to learn from."""

    @property
    def items_a_step(self) -> int:
        """Return the items of one step over all processes, every view counted."""

    @property
    def silence(self) -> str:
        """Return what a network gives that gives no answer on any item, such as `blanks`."""

    @property
    def advice(self) -> str:
        """Return what may help where the network gives no answer on any validation item."""

    def build(self) -> nn.Module:
        """Return the network with its first weights, a function of the task alone: control and student begin equal."""

    def auxiliary(self, model: nn.Module) -> nn.ModuleDict:
        """Return fresh auxiliary modules, which learn with the network and do not enter its file."""

    def begin(self, accelerator: Accelerator, poll: Poll) -> Lessons:
        """Open or compute what the steps need, and return steps and terms; `poll` may raise to stop in between."""

    def teacher_figures(self, accelerator: Accelerator) -> Mapping[str, float]:
        """Return the teacher's own figures on validation, by name, as step 0 records them; none without one."""

    def validate(self, model: nn.Module, accelerator: Accelerator) -> Validation:
        """Return figures and scores on the validation items; every process takes part and gets the same."""

    def selection_key(self, figures: Mapping[str, float]) -> tuple[float, ...]:
        """Return what validations are compared by: the larger is the better."""

    def write(
        self,
        target: Path,
        model: nn.Module,
        best: Mapping[str, Tensor],
        chosen: Mapping[str, float] | None,
        accelerator: Accelerator,
        record: Mapping[str, Any],
    ) -> None:
        """Write the model file of the `best` weights. Every process takes part, the first one writes.

        `chosen` has the step and the figures of the validation that chose them; `record` goes into the training record,
        over what the task itself says there.
        """

    def record_of(self, file: Path) -> Mapping[str, Any]:
        """Return the training record of a model file; empty where it has none."""
