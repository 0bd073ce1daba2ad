"""One optimiser step: forward, backward, one reduction over processes, one division, one update.

Gradients are summed over micro-batches and processes and every term is divided by its count in the whole
step, so the split changes nothing. A loss or gradient that is not finite changes no weight.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from accelerate import Accelerator
from torch import nn

from distill.data.batch import StepData
from distill.recipe.terms import Objective
from distill.runtime import autocast
from distill.schema import Precision
from distill.seeds import seed_of
from distill.teaching.auxiliary import PEER
from distill.teaching.objective import KINDS, judge, judge_compactly, loss_terms, term_counts, term_weights, watched
from distill.teaching.teacher import FrozenTeacher
from students.errors import UserError

REPLACED = "replaced lines"  # counted with the terms, so that all processes hear of it in one message


class NonFiniteError(UserError):
    """A loss or gradient is infinite or NaN; no weight was changed."""


@dataclass(frozen=True)
class StepResult:
    """Means of the terms over the whole step, unweighted; the loss they make; the norm of its gradient.

    `n_replaced`: damaged lines that others stood in for.
    """

    figures: Mapping[str, float]
    stop: bool
    n_replaced: int


def take_step(
    model: nn.Module,
    optimisers: Sequence[torch.optim.Optimizer],
    teacher: FrozenTeacher | None,
    objective: Objective,
    step: StepData,
    accelerator: Accelerator,
    *,
    done: float,
    seed: int,
    clip_norm: float,
    precision: Precision,
    watch: bool,
    stop: bool,
    beside: nn.ModuleDict | None = None,
) -> StepResult:
    """Change the weights by one step. Raises `NonFiniteError` and changes nothing where a figure is not finite."""
    model.train()
    # dropout has no generator of its own; the global one becomes a function of the step
    torch.manual_seed(seed_of("dropout", seed, step.step, accelerator.process_index))
    for optimiser in optimisers:
        optimiser.zero_grad(set_to_none=False)
    weights = term_weights(objective, done, teacher is not None)
    counts = term_counts(weights, step)
    factors = {name: weight / max(1, counts[name]) for name, weight in weights.items()}
    taught = any(KINDS[name].taught for name in weights)
    sums = dict.fromkeys((*factors, REPLACED), 0.0)
    sums[REPLACED] = len(step.replaced)
    seen: Mapping[str, float] = {}
    beside = nn.ModuleDict() if beside is None else beside.train()
    for batch in (b.finished_on(accelerator.device) for b in step.batches):
        with autocast(precision, accelerator.device):
            student = model(batch.images_NCHW)
            peer = beside[PEER](batch.images_NCHW) if {"mutual", "peer_ctc"} & weights.keys() else None
        judged = judge_compactly(objective, weights, student, batch, teacher)
        watching = watch and not seen
        if judged is None:
            heard = teacher.hear(batch) if teacher is not None and (taught or watching) else None
            judged = judge(objective, weights, student, heard, batch, beside, peer, teacher)
        if watching:
            seen = watched(judged, teacher.cached if teacher is not None else None)
        terms = loss_terms(objective, weights, judged)
        loss = sum((factors[name] * total for name, (total, _) in terms.items()), torch.zeros(()))
        if loss.requires_grad:  # not so for unlabelled lines where no term speaks of them
            accelerator.backward(loss)
        for name, (total, _) in terms.items():
            sums[name] += total.item()
    learning = nn.ModuleList([model, *beside.values()])
    sums, stop = _summed_over_processes(learning, sums, stop, accelerator)
    norm = nn.utils.clip_grad_norm_(learning.parameters(), clip_norm).item()
    n_replaced = round(sums.pop(REPLACED))
    means = {name: total / counts[name] for name, total in sums.items() if counts[name]}
    mean_loss = sum(factors[name] * total for name, total in sums.items())
    if not (math.isfinite(mean_loss) and math.isfinite(norm)):
        keys = [key for batch in step.batches for key in batch.keys]
        raise NonFiniteError(
            f"step {step.step}: loss {mean_loss}, gradient norm {norm}; no weight was changed. Look at these "
            f"lines, or lower the learning rate: {', '.join(keys)}"
        )
    for optimiser in optimisers:
        optimiser.step()
    return StepResult({"loss": mean_loss, **means, "gradient_norm": norm, **seen}, stop, n_replaced)


def _summed_over_processes(
    model: nn.Module, sums: dict[str, float], stop: bool, accelerator: Accelerator
) -> tuple[dict[str, float], bool]:
    """Add up gradients, terms and stop flags, average running statistics: one message for everything."""
    if accelerator.num_processes == 1:
        return sums, stop
    gradients = [p.grad if p.grad is not None else torch.zeros_like(p) for p in model.parameters()]
    statistics = [b for b in model.buffers() if b.is_floating_point()]
    figures = torch.tensor([*sums.values(), float(stop)], device=accelerator.device)
    tensors = [*gradients, *statistics, figures]
    flat = accelerator.reduce(torch.cat([t.flatten().float() for t in tensors]), "sum")
    summed = [s.view_as(t) for s, t in zip(flat.split([t.numel() for t in tensors]), tensors, strict=True)]
    with torch.no_grad():
        for parameter, gradient in zip(model.parameters(), summed, strict=False):
            parameter.grad = gradient
        for statistic, total in zip(statistics, summed[len(gradients) :], strict=False):
            statistic.copy_(total / accelerator.num_processes)
    *values, stops = summed[-1].tolist()
    return dict(zip(sums, values, strict=True)), stops > 0
