"""One optimiser step: forward, backward with a reduction over processes, one division, one update.

Gradients are summed over micro-batches and processes (`together.py`) and every term is divided by its count in the
whole step, so the split changes nothing. A loss or gradient that is not finite changes no weight.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from distill.seeds import seed_of
from distill.training.task import Criterion, Step
from distill.training.trainee import Trainee
from students.errors import UserError

REPLACED = "replaced lines"  # counted with the terms, so that all processes learn of it in one message


class NonFiniteError(UserError):
    """A loss or gradient is infinite or NaN; no weight was changed."""


@dataclass(frozen=True)
class StepSettings:
    """How one step is taken: `done` is the share (0-1) of the training that lies before it.

    With `watch` there are figures that explain a curve; `stop`: this process was asked to stop.
    """

    done: float = 0.0
    seed: int = 0
    clip_norm: float = 5.0
    watch: bool = False
    stop: bool = False


@dataclass(frozen=True)
class StepResult:
    """Means of the terms over the whole step, unweighted; the loss they make; the norm of its gradient.

    `n_replaced`: damaged items that others stood in for.
    """

    figures: Mapping[str, float]
    stop: bool
    n_replaced: int


def take_step(
    trainee: Trainee, criterion: Criterion, step: Step, accelerator: Accelerator, settings: StepSettings
) -> StepResult:
    """Change the weights by one step. Raises `NonFiniteError` and changes nothing where a figure is not finite."""
    trainee.model.train()
    trainee.auxiliary.train()
    # dropout has no generator of its own; the global one becomes a function of the step
    torch.manual_seed(seed_of("dropout", settings.seed, step.step, accelerator.process_index))
    learning = trainee.learning
    learning.zero_grad(set_to_none=False)
    statistics = [buffer.clone() for buffer in learning.buffers()]
    weights = criterion.weights(settings.done)
    counts = criterion.counts(weights, step)
    factors = {name: weight / max(1, counts[name]) for name, weight in weights.items()}
    sums, seen = _accumulated(learning, criterion, step, factors, accelerator, settings.watch)
    sums, stop = _agreed(learning, sums, settings.stop, accelerator)
    norm = nn.utils.clip_grad_norm_(learning.parameters(), settings.clip_norm).item()
    n_replaced = round(sums.pop(REPLACED))
    means = {name: total / counts[name] for name, total in sums.items() if counts[name]}
    loss = sum(factors[name] * total for name, total in sums.items())
    if not (math.isfinite(loss) and math.isfinite(norm)):
        _put_back(learning, statistics)
        raise NonFiniteError(
            f"step {step.step}: loss {loss}, gradient norm {norm}; no weight was changed. Look at these "
            f"lines, or lower the learning rate: {', '.join(step.keys)}"
        )
    for optimiser in trainee.optimisers:
        optimiser.step()
    return StepResult({"loss": loss, **means, "gradient_norm": norm, **seen}, stop, n_replaced)


@torch.no_grad()
def _put_back(model: nn.Module, statistics: Sequence[Tensor]) -> None:
    """Running statistics, which a forward pass has changed, as they were before it."""
    for buffer, before in zip(model.buffers(), statistics, strict=True):
        buffer.copy_(before)


def _accumulated(
    learning: nn.Module,
    criterion: Criterion,
    step: Step,
    factors: Mapping[str, float],
    accelerator: Accelerator,
    watch: bool,
) -> tuple[dict[str, float], Mapping[str, float]]:
    """Add up gradients over the micro-batches, and with the last over processes; sums of this process's terms.

    Figures are of its first batch.
    """
    sums = dict.fromkeys((*factors, REPLACED), 0.0)
    sums[REPLACED] = len(step.replaced)
    seen: Mapping[str, float] = {}
    batches = step.batches or (None,)
    for place, batch in enumerate(batches, 1):
        with accelerator.no_sync(learning) if place < len(batches) else nullcontext():
            loss, terms, figures = learning(criterion, batch, factors, watch and not seen)
            accelerator.backward(loss)
        seen = seen or figures
        for name, total in terms.items():
            sums[name] += total.item()
    return sums, seen


@torch.no_grad()
def _agreed(
    learning: nn.Module, sums: dict[str, float], stop: bool, accelerator: Accelerator
) -> tuple[dict[str, float], bool]:
    """Add up terms and stop flags over the processes and average running statistics: one message for all of it."""
    if accelerator.num_processes == 1:
        return sums, stop
    statistics = [b for b in learning.buffers() if b.is_floating_point()]
    figures = torch.tensor([*sums.values(), float(stop)], device=accelerator.device)
    tensors = [*statistics, figures]
    flat = accelerator.reduce(torch.cat([t.flatten().float() for t in tensors]), "sum")
    *of_statistics, summed = flat.split([t.numel() for t in tensors])
    for statistic, total in zip(statistics, of_statistics, strict=True):
        statistic.copy_(total.view_as(statistic) / accelerator.num_processes)
    *values, stops = summed.tolist()
    return dict(zip(sums, values, strict=True)), stops > 0
