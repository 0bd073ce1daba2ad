"""CTC and KL for thousands of classes: only the columns that matter enter, and the teacher is never made dense.

At 6,900 classes log-softmax and torch's CTC cost more than a student. The recursion needs the blank's and the label's
columns alone, behind one logsumexp; the gradient is the softmax, less what those columns occupy.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from students.charset import BLANK

MANY_CLASSES = 1024  # from here on it wins over log-softmax and torch's CTC
ROWS = 512  # frames whose exponentials are held at once


def compact_ctc(logits_NTC: Tensor, lengths_N: Tensor, targets_NL: Tensor, target_lengths_N: Tensor) -> Tensor:
    """-log P(target | image) of every line, (N,): torch's CTC of the log-softmax, within rounding.

    Memory beyond the logits and their gradient does not grow with the classes.
    """
    nats_N: Tensor = _CompactCTC.apply(logits_NTC, lengths_N, targets_NL, target_lengths_N)
    return nats_N


def sparse_kl(logits_NTC: Tensor, classes_NTK: Tensor, log_p_NTK: Tensor, tail_NT: Tensor, tau: float) -> Tensor:
    """KL(teacher || student) at a temperature, frame by frame, (N, T), all classes but the teacher's K best as one.

    `log_p_NTK` are the teacher's log-posteriors at temperature 1, `tail_NT` the log of the sum of p^(1/tau) over the
    others. Never above the KL over all classes (log-sum inequality), and equal to it where both sides share the tail's
    shape.
    """
    kl_NT: Tensor = _SparseKL.apply(logits_NTC, classes_NTK, log_p_NTK, tail_NT, tau)
    return kl_NT


class _CompactCTC(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, logits_NTC: Tensor, lengths_N: Tensor, targets_NL: Tensor, target_lengths_N: Tensor
    ) -> Tensor:
        targets_NL = targets_NL.to(logits_NTC.device)
        columns_NU, compact_NL = _columns(targets_NL)
        total_NT = _logsumexp(logits_NTC, 1.0)
        index_NTU = columns_NU[:, None].expand(-1, logits_NTC.shape[1], -1)
        log_p_NTU = (logits_NTC.gather(-1, index_NTU) - total_NT[..., None]).to(total_NT.dtype)
        with torch.enable_grad():
            leaf_NTU = log_p_NTU.detach().requires_grad_()
            nats_N = F.ctc_loss(
                leaf_NTU.transpose(0, 1), compact_NL, lengths_N, target_lengths_N.to(logits_NTC.device),
                reduction="none",
            )  # fmt: skip
            (gradient_NTU,) = torch.autograd.grad(nats_N.sum(), leaf_NTU)
        # torch's gradient is exp(log p) - occupancy, made for a log-softmax in front; behind the length it is 0
        valid_NT1 = (torch.arange(logits_NTC.shape[1], device=lengths_N.device) < lengths_N[:, None])[..., None]
        valid_NT1 = valid_NT1.to(logits_NTC.device)
        occupied_NTU = torch.where(valid_NT1, log_p_NTU.exp() - gradient_NTU, 0)
        ctx.save_for_backward(logits_NTC, total_NT, index_NTU, occupied_NTU, valid_NT1)
        return nats_N.detach()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient_N: Tensor) -> tuple[Tensor | None, ...]:
        logits_NTC, total_NT, index_NTU, occupied_NTU, valid_NT1 = ctx.saved_tensors
        gradient_NTC = (logits_NTC - total_NT[..., None].to(logits_NTC.dtype)).exp_()
        factor_NT1 = gradient_N[:, None, None] * valid_NT1
        gradient_NTC.mul_(factor_NT1)
        gradient_NTC.scatter_add_(-1, index_NTU, (-occupied_NTU * factor_NT1).to(gradient_NTC.dtype))
        return gradient_NTC, None, None, None


class _SparseKL(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, logits_NTC: Tensor, classes_NTK: Tensor, log_p_NTK: Tensor, tail_NT: Tensor, tau: float
    ) -> Tensor:
        soft_NTX = torch.cat([log_p_NTK / tau, tail_NT[..., None]], -1).to(_wide(logits_NTC))
        log_p_NTX = soft_NTX.log_softmax(-1)  # the K best, then the tail
        total_NT = _logsumexp(logits_NTC, tau)
        log_q_NTK = logits_NTC.gather(-1, classes_NTK).to(total_NT.dtype) / tau - total_NT[..., None]
        # of nearly nothing the logarithm: the tail is what is left of 1
        left_NT = (1 - log_q_NTK.exp().sum(-1)).clamp(min=torch.finfo(total_NT.dtype).tiny)
        log_q_NTX = torch.cat([log_q_NTK, left_NT.log()[..., None]], -1)
        ctx.save_for_backward(logits_NTC, total_NT, classes_NTK, log_p_NTX, log_q_NTX)
        ctx.tau = tau
        return (log_p_NTX.exp() * (log_p_NTX - log_q_NTX)).sum(-1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient_NT: Tensor) -> tuple[Tensor | None, ...]:
        logits_NTC, total_NT, classes_NTK, log_p_NTX, log_q_NTX = ctx.saved_tensors
        factor_NT = gradient_NT / ctx.tau
        rest_NT = 1 - (log_p_NTX[..., -1] - log_q_NTX[..., -1]).exp()
        gradient_NTC = (logits_NTC / ctx.tau).sub_(total_NT[..., None].to(logits_NTC.dtype)).exp_()
        gradient_NTC.mul_((factor_NT * rest_NT)[..., None].to(logits_NTC.dtype))
        best_NTK = (log_q_NTX[..., :-1].exp() - log_p_NTX[..., :-1].exp()) * factor_NT[..., None]
        gradient_NTC.scatter_(-1, classes_NTK, best_NTK.to(gradient_NTC.dtype))
        return gradient_NTC, None, None, None, None


def _columns(targets_NL: Tensor) -> tuple[Tensor, Tensor]:
    """The columns that a line needs, the blank first, (N, L + 1); and its target as numbers of those columns, (N, L).

    A character that occurs again is the number of its first column, or CTC would not see the repeat.
    """
    same_NLL = targets_NL[:, :, None] == targets_NL[:, None, :]
    first_NL = same_NLL.int().argmax(-1)
    blank_N1 = torch.full_like(targets_NL[:, :1], BLANK)
    return torch.cat([blank_N1, targets_NL], 1), first_NL + 1


def _logsumexp(logits_NTC: Tensor, tau: float) -> Tensor:
    """log sum exp(logits / tau) of every frame, (N, T), some frames at a time."""
    rows = logits_NTC.flatten(0, 1).split(ROWS)
    parts = [(some.to(_wide(some)) / tau if tau != 1 else some.to(_wide(some))).logsumexp(-1) for some in rows]
    return torch.cat(parts).view(logits_NTC.shape[:2])


def _wide(tensor: Tensor) -> torch.dtype:
    """float64 stays what it is, everything else is summed in float32."""
    return torch.promote_types(tensor.dtype, torch.float32)
