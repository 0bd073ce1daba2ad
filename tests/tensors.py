"""Small outputs and a slow KL that several tests of the loss terms share."""

from __future__ import annotations

import torch
from torch import Tensor

from students.parts import Outputs

T, C = 6, 4  # frames and classes


def outputs(logits_NTC: Tensor, lengths: list[int] | None = None) -> Outputs:
    n, t, _ = logits_NTC.shape
    return Outputs(logits_NTC, torch.tensor(lengths or [t] * n), logits_NTC)


def logits(*shape: int, seed: int = 0) -> Tensor:
    return 2 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def kl(p: Tensor, q: Tensor) -> Tensor:
    return sum((a * (a / b).log() for a, b in zip(p, q, strict=True) if a > 0), torch.zeros((), dtype=torch.float64))
