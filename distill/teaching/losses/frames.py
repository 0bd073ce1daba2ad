"""What all terms share: valid frames, means over them, and the sum over lines.

One normalisation for every term: a mean over the frames that take part, then a sum over lines with their number.
"""

from __future__ import annotations

import torch
from torch import Tensor

from students.parts import Outputs

SURELY_NOT = -30.0  # logit of a character on a frame that is put in as a blank
TINY = 1e-12  # under every logarithm of a probability that may vanish
LEAST = torch.finfo(torch.float32).min  # logit of what takes no part; with -inf a softmax over nothing else is NaN


def valid_frames(outputs: Outputs) -> Tensor:
    """Return the frames within the valid length, (N, T) bool."""
    t = outputs.logits_NTC.shape[1]
    return torch.arange(t, device=outputs.logits_NTC.device) < outputs.lengths_N[:, None]


def log_posteriors(outputs: Outputs, temperature: float = 1.0) -> Tensor:
    """Return log softmax(logits / tau), (N, T, C), in float32 whatever autocast is set to."""
    return (outputs.logits_NTC.float() / temperature).log_softmax(-1)


def mean_over(values_NT: Tensor, share_NT: Tensor) -> Tensor:
    """Return sum_t m_t v_t / sum_t m_t of every line, (N,); 0 where no frame takes part."""
    total_N = share_NT.sum(1)
    return (values_NT * share_NT).sum(1) / torch.where(total_N > 0, total_N, 1)


def summed(values_N: Tensor, weights_N: Tensor | None = None) -> tuple[Tensor, int]:
    """Return what every term returns: the sum over lines, each by its weight, and the number of lines."""
    if weights_N is not None:
        values_N = values_N * weights_N.to(values_N.device)
    return values_N.sum(), len(values_N)
