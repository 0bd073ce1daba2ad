"""What learns, as one module whose forward pass is the loss of a micro-batch; and its gradients over several processes.

With several processes torch's DistributedDataParallel adds the gradients up in buckets, which travel while the backward
pass goes on. A process takes part once a step, whatever lines it has of it.
"""

# without `from __future__ import annotations`: DDP looks at those of `_summed`, and wants them as they are

import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch import distributed as processes
from torch.nn.parallel import DistributedDataParallel

from distill.training.task import Criterion

BUCKET_MB = 4  # a network of 8 M parameters travels in eight


class Learning(nn.Module):
    """A network and its auxiliary modules, which learn together."""

    def __init__(self, model: nn.Module, auxiliary: nn.ModuleDict) -> None:
        super().__init__()
        self.model, self.auxiliary = model, auxiliary

    def forward(
        self, criterion: Criterion, batch: Any, factors: Mapping[str, float], watch: bool
    ) -> tuple[Tensor, dict[str, Tensor], Mapping[str, float]]:
        """Return the loss of a micro-batch, which has a gradient whatever is in it; its terms; and watched figures.

        `factors` are what the terms count by their names. None for `batch`: this process has nothing in the step.
        """
        terms: Mapping[str, Tensor] = {}
        figures: Mapping[str, float] = {}
        if batch is not None:
            terms, figures = criterion.terms(self.model, self.auxiliary, batch, factors, watch)
        loss = sum((factors[name] * total for name, total in terms.items()), torch.zeros(()))
        if not loss.requires_grad:  # so for unlabelled lines where no term is of them
            loss = loss + next(self.parameters()).flatten()[:0].sum()
        return loss, {name: total.detach() for name, total in terms.items()}, figures


def learning_together(model: nn.Module, auxiliary: nn.ModuleDict) -> nn.Module:
    """Return `Learning`, with several processes such that a backward pass ends with the sum of all their gradients.

    Every process calls it at the same time; their weights are those of the first from here on.
    """
    learning = Learning(model, auxiliary)
    if not (processes.is_initialized() and processes.get_world_size() > 1):
        return learning
    # in no step: with all of them in a step, DDP warns in every training that looking for unused ones is not needed
    learning.unused = nn.Parameter(torch.zeros(1, device=next(model.parameters()).device))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch 2.14 calls `broadcast_buffers` by another name
        together = DistributedDataParallel(
            learning,
            broadcast_buffers=False,  # running statistics are averaged after the step
            bucket_cap_mb=BUCKET_MB,
            gradient_as_bucket_view=True,
            # terms set in and fade, and lines of a kind lie with one process alone; and only with it the buckets stay
            # as they are laid out at first: laid out anew after the first step, they would add up in another order
            # than those of a training that was interrupted
            find_unused_parameters=True,
        )
    together.register_comm_hook(None, _summed)
    return together


def _summed(_: object, bucket: processes.GradBucket) -> torch.futures.Future[Tensor]:  # type: ignore[name-defined]
    """Add a bucket up over the processes, not divided: the loss is, by the count of the whole step."""
    work = processes.all_reduce(bucket.buffer(), async_op=True)
    return work.get_future().then(lambda done: done.value()[0])
