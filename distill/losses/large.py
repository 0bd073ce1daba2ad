"""CTC and KL for thousands of classes: only the columns that matter enter, and the teacher is never made dense.

At 6,900 classes log-softmax and torch's CTC cost more than a student. The recursion needs the blank's and the label's
columns alone, behind one logsumexp; the gradient is the softmax, less what those columns occupy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from students.charset import BLANK

MANY_CLASSES = 1024  # from here on it wins over log-softmax and torch's CTC
ROWS = 512  # frames whose exponentials are held at once


class Sparse(NamedTuple):
    """A teacher's posteriors on the student's frames: its K best classes, the blank among them, and the rest as one."""

    classes_NTK: Tensor  # int64
    log_p_NTK: Tensor  # at temperature 1
    tail_NT: Tensor  # log of the sum of p^(1/tau) over the other classes
    tau: float


def compact_ctc(logits_NTC: Tensor, lengths_N: Tensor, targets_NL: Tensor, target_lengths_N: Tensor) -> Tensor:
    """-log P(target | image) of every line, (N,): torch's CTC of the log-softmax, within rounding.

    Memory beyond the logits and their gradient does not grow with the classes.
    """
    nats_N, _ = ctc_and_kl(logits_NTC, lengths_N, targets_NL, target_lengths_N, None)
    return nats_N


def ctc_and_kl(
    logits_NTC: Tensor, lengths_N: Tensor, targets_NL: Tensor, target_lengths_N: Tensor, teacher: Sparse | None
) -> tuple[Tensor, Tensor]:
    """`compact_ctc`, (N,), and KL(teacher || student) at the teacher's temperature, frame by frame, (N, T).

    All classes but the teacher's K best are one: never above the KL over all classes (log-sum inequality), and equal to
    it where both sides share the tail's shape. Both have one gradient, the only thing made of the logits' size.
    """
    found: tuple[Tensor, Tensor] = _Fused.apply(logits_NTC, lengths_N, targets_NL, target_lengths_N, teacher)
    return found


class _Fused(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, logits_NTC: Tensor, lengths_N: Tensor, targets_NL: Tensor, target_lengths_N: Tensor,
        teacher: Sparse | None,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        targets_NL = targets_NL.to(logits_NTC.device)
        columns_NU, compact_NL = _columns(targets_NL)
        total_NT = _logsumexp(logits_NTC, 1.0)
        index_NTU = columns_NU[:, None].expand(-1, logits_NTC.shape[1], -1)
        log_q_NTU = (logits_NTC.gather(-1, index_NTU) - total_NT[..., None]).to(total_NT.dtype)
        with torch.enable_grad():
            leaf_NTU = log_q_NTU.detach().requires_grad_()
            nats_N = F.ctc_loss(
                leaf_NTU.transpose(0, 1), compact_NL, lengths_N, target_lengths_N.to(logits_NTC.device),
                reduction="none",
            )  # fmt: skip
            (gradient_NTU,) = torch.autograd.grad(nats_N.sum(), leaf_NTU)
        # torch's gradient is exp(log q) - occupancy, made for a log-softmax in front; behind the length it is 0
        valid_NT1 = (torch.arange(logits_NTC.shape[1], device=lengths_N.device) < lengths_N[:, None])[..., None]
        valid_NT1 = valid_NT1.to(logits_NTC.device)
        occupied_NTU = torch.where(valid_NT1, log_q_NTU.exp() - gradient_NTU, 0)
        ctx.tau = teacher.tau if teacher else 1.0
        kl_NT, of_kl = _kl(logits_NTC, teacher, total_NT) if teacher else (torch.zeros_like(total_NT), ())
        ctx.save_for_backward(logits_NTC, total_NT, index_NTU, occupied_NTU, valid_NT1, *of_kl)
        return nats_N.detach(), kl_NT

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient_N: Tensor, gradient_NT: Tensor) -> tuple[Tensor | None, ...]:
        logits_NTC, total_NT, index_NTU, occupied_NTU, valid_NT1, *of_kl = ctx.saved_tensors
        of_ctc_NT = gradient_N[:, None] * valid_NT1[..., 0]
        found_NTC = torch.empty_like(logits_NTC)
        if not of_kl:
            _add_softmax(found_NTC, logits_NTC, [(of_ctc_NT, total_NT, 1.0)])
        else:
            soft_NT, classes_NTK, log_p_NTX, log_q_NTX = of_kl
            of_kl_NT = gradient_NT / ctx.tau
            # the tail's part holds for every class; the K best are put right behind it
            tail_NT = of_kl_NT * (1 - (log_p_NTX[..., -1] - log_q_NTX[..., -1]).exp())
            passes = [(of_ctc_NT, total_NT, 1.0), (tail_NT, soft_NT, ctx.tau)]
            _add_softmax(found_NTC, logits_NTC, passes if ctx.tau != 1 else [(of_ctc_NT + tail_NT, total_NT, 1.0)])
            p_NTK, q_NTK = log_p_NTX[..., :-1].exp(), log_q_NTX[..., :-1].exp()
            best_NTK = (q_NTK - p_NTK) * of_kl_NT[..., None] - q_NTK * tail_NT[..., None]
            found_NTC.scatter_add_(-1, classes_NTK, best_NTK.to(found_NTC.dtype))
        found_NTC.scatter_add_(-1, index_NTU, (-occupied_NTU * of_ctc_NT[..., None]).to(found_NTC.dtype))
        return found_NTC, None, None, None, None


def _kl(logits_NTC: Tensor, teacher: Sparse, total_NT: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
    """The KL of every frame, and what its gradient needs."""
    tau = teacher.tau
    soft_NTX = torch.cat([teacher.log_p_NTK / tau, teacher.tail_NT[..., None]], -1).to(total_NT.dtype)
    log_p_NTX = soft_NTX.log_softmax(-1)  # the K best, then the tail
    soft_NT = total_NT if tau == 1 else _logsumexp(logits_NTC, tau)
    log_q_NTK = logits_NTC.gather(-1, teacher.classes_NTK).to(total_NT.dtype) / tau - soft_NT[..., None]
    # of nearly nothing the logarithm: the tail is what is left of 1
    left_NT = (1 - log_q_NTK.exp().sum(-1)).clamp(min=torch.finfo(total_NT.dtype).tiny)
    log_q_NTX = torch.cat([log_q_NTK, left_NT.log()[..., None]], -1)
    kl_NT = (log_p_NTX.exp() * (log_p_NTX - log_q_NTX)).sum(-1)
    return kl_NT, (soft_NT, teacher.classes_NTK, log_p_NTX, log_q_NTX)


def _add_softmax(into_NTC: Tensor, logits_NTC: Tensor, passes: Sequence[tuple[Tensor, Tensor, float]]) -> None:
    """into = sum over (factor, total, tau) of factor exp(logits / tau - total), some frames at a time."""
    rows = [(factor.flatten().split(ROWS), total.flatten().split(ROWS), tau) for factor, total, tau in passes]
    for i, (some, target) in enumerate(
        zip(logits_NTC.flatten(0, 1).split(ROWS), into_NTC.flatten(0, 1).split(ROWS), strict=True)
    ):
        for number, (factors, totals, tau) in enumerate(rows):
            scaled, total = some if tau == 1 else some / tau, totals[i][:, None].to(some.dtype)
            q = torch.sub(scaled, total, out=None if number else target)
            q.exp_().mul_(factors[i][:, None].to(some.dtype))
            if number:
                target.add_(q)


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
