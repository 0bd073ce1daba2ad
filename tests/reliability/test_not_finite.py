"""NaN and infinity anywhere in a step change nothing, are named, kept and found again."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from distill.data.batch import Batch, StepData
from distill.data.posteriors import Posteriors
from distill.digests import tensors_digest
from distill.recipe.objective import Objective
from distill.teaching.criterion import LineCriterion
from distill.teaching.teacher import CachedTeacher, FrozenTeacher, Member
from distill.training.optimisers import build_optimisers
from distill.training.step import NonFiniteError, StepSettings, take_step
from distill.training.trainee import Trainee
from students.config import STUDENTS
from students.parts import Recogniser
from tests.reliability.trials import Trials

PLACES = ("image", "teacher's weights", "cached posteriors", "loss", "gradient")
VALUES = (torch.nan, torch.inf, -torch.inf)
N, WIDTH, CLASSES = 3, 48, 11


def network() -> Recogniser:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return STUDENTS.validate_python({"kind": "digits", "channels": (4, 6, 8), "hidden": 8}).build(CLASSES, 1, 32)


@dataclass(frozen=True)
class Poisoned:
    """A criterion whose sums pass through `change`."""

    inner: LineCriterion
    change: Callable[[Tensor], Tensor]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def terms(self, *arguments: Any) -> tuple[dict[str, Tensor], Any]:
        found, figures = self.inner.terms(*arguments)
        return {name: self.change(total) for name, total in found.items()}, figures


class Spoiled(torch.autograd.Function):
    """The identity, whose gradient is not finite."""

    @staticmethod
    def forward(context: Any, value: Tensor, spoil: float) -> Tensor:
        context.spoil = spoil
        return value.clone()

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient * context.spoil, None


def one_of(tensor: Tensor, value: float, rng: random.Random) -> Tensor:
    """The tensor with `value` in one place."""
    spoiled = tensor.clone()
    spoiled.view(-1)[rng.randrange(spoiled.numel())] = value
    return spoiled


def poisoned_step(place: str, value: float, rng: random.Random) -> tuple[StepData, Any]:
    """A step of three lines, and the terms on it, with one number in `place` that is not finite."""
    images_NCHW = torch.rand(N, 1, 32, WIDTH)
    teacher: Any = FrozenTeacher([Member(network())], torch.device("cpu"), "fp32")
    posteriors = None
    if place == "image":
        images_NCHW = one_of(images_NCHW, value, rng)
    elif place == "teacher's weights":
        broken = network()
        broken.load_state_dict({**broken.state_dict(), "head.bias": broken.state_dict()["head.bias"] * value})
        teacher = FrozenTeacher([Member(broken)], torch.device("cpu"), "fp32")
    elif place == "cached posteriors":
        frames = WIDTH // 4
        log_p_NTK = torch.full((N, frames, 2), 0.4).log()
        classes_NTK = torch.arange(2).expand(N, frames, 2)
        posteriors = Posteriors(classes_NTK, one_of(log_p_NTK, value, rng), torch.full((N, frames, 1), 0.2).log())
        teacher = CachedTeacher(teacher, _cached())
    lengths_N = torch.ones(N, dtype=torch.int64)
    batch = Batch(
        images_NCHW,
        torch.ones(N, 1, dtype=torch.int64),
        lengths_N,
        torch.ones(N, dtype=torch.bool),
        tuple(f"line/{i}" for i in range(N)),
        (None,) * N,
        posteriors,
    )
    criterion: Any = LineCriterion(Objective(), teacher)
    if place == "loss":
        criterion = Poisoned(criterion, lambda total: total * value)
    elif place == "gradient":
        criterion = Poisoned(criterion, lambda total: Spoiled.apply(total, value))
    return StepData(7, 0, (batch,), N, N), criterion


def _cached() -> Any:
    from distill.data.posteriors import Cached

    return Cached((), 2, (1.0,), CLASSES)


def state_of(trainee: Trainee) -> str:
    """A digest of weights, running statistics and moments."""
    moments = {
        f"{i}/{j}/{key}": value
        for i, optimiser in enumerate(trainee.optimisers)
        for j, state in enumerate(optimiser.state.values())
        for key, value in state.items()
    }
    return tensors_digest(trainee.model.state_dict()) + tensors_digest(moments)


def test_a_number_that_is_not_finite_changes_nothing(trials_of: Callable[[str], Trials]) -> None:
    trials, rng = trials_of("not-finite"), random.Random(0)
    training = _training()
    for number in range(trials.n):
        place, value = PLACES[number % len(PLACES)], VALUES[number // len(PLACES) % len(VALUES)]
        trainee = Trainee(model := network(), build_optimisers(model, training, []))
        step, good = poisoned_step("", 0.0, rng)
        take_step(trainee, good, step, Accelerator(cpu=True), StepSettings())
        before = state_of(trainee)
        step, criterion = poisoned_step(place, value, rng)
        with trials.one(place):
            with pytest.raises(NonFiniteError, match="line/0, line/1, line/2"):
                take_step(trainee, criterion, step, Accelerator(cpu=True), StepSettings())
            assert state_of(trainee) == before, f"{place}: {value}"


def _training() -> Any:
    from distill.recipe.file import load_line_recipe

    return load_line_recipe("smoke").student.training


def test_modules_with_statistics_are_what_is_tried() -> None:
    assert any(isinstance(module, nn.BatchNorm2d) for module in network().modules())
