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
HIGHEST = 80.0  # log of the largest ratio of tails, which float32 can still hold


class Sparse(NamedTuple):
    """A teacher's posteriors on the student's frames: its K best classes, the blank among them, and the rest as one.

    KL is alpha KL(blank or not) + beta p(no blank) KL(among characters), as in `logits.blank_split`: 1 and 1 are KL.
    """

    classes_NTK: Tensor  # int64
    log_p_NTK: Tensor  # at temperature 1
    tail_NT: Tensor  # log of the sum of p^(1/tau) over the other classes
    tau: float
    alpha: float = 1.0
    beta: float = 1.0


def compact_ctc(logits_NTC: Tensor, lengths_N: Tensor, targets_NL: Tensor, target_lengths_N: Tensor) -> Tensor:
    """-log P(target | image) of every line, (N,): torch's CTC of the log-softmax, within rounding.

    Memory beyond the logits and their gradient does not grow with the classes.
    """
    nats_N, _ = ctc_and_kl(logits_NTC, lengths_N, targets_NL, target_lengths_N, None)
    return nats_N


def ctc_and_kl(
    logits_NTC: Tensor, lengths_N: Tensor, targets_NL: Tensor, target_lengths_N: Tensor, teacher: Sparse | None
) -> tuple[Tensor, Tensor]:
    """Return `compact_ctc`, (N,), and KL(teacher || student) at the teacher's temperature, frame by frame, (N, T).

    All classes but the teacher's K best are one: never above the KL over all classes (log-sum inequality), and equal to
    it where both sides share the tail's shape. Both have one gradient, the only thing made of the logits' size.
    """
    found: tuple[Tensor, Tensor] = _Fused.apply(logits_NTC, lengths_N, targets_NL, target_lengths_N, teacher)
    return found


def sparse_kl(logits_NTC: Tensor, teacher: Sparse) -> Tensor:
    """Return the KL of `ctc_and_kl` alone, (N, T), without a gradient."""
    return _kl(logits_NTC, teacher)[0]


def ctc_of_columns(
    log_q_NTU: Tensor, targets_NL: Tensor, lengths_N: Tensor, target_lengths_N: Tensor, differentiated: bool
) -> tuple[Tensor, Tensor]:
    """torch's CTC on few columns, (N,), and its gradient, zeros where nobody asks; in float64.

    The gradient is a difference of logarithms as large as the nats of a whole line, which float32 rounds to 3e-5.
    """
    device = log_q_NTU.device
    # CUDA's has no deterministic form, Apple's no float64
    on_cpu = torch.are_deterministic_algorithms_enabled() or device.type == "mps"
    where = torch.device("cpu") if on_cpu else device
    with torch.inference_mode(False), torch.set_grad_enabled(differentiated):
        leaf_NTU = log_q_NTU.detach().clone().to(where).double().requires_grad_(differentiated)
        targets_NL, lengths_N, target_lengths_N = (
            tensor.clone().to(where) for tensor in (targets_NL, lengths_N, target_lengths_N)
        )
        nats_N = F.ctc_loss(leaf_NTU.transpose(0, 1), targets_NL, lengths_N, target_lengths_N, reduction="none")
        gradient_NTU = torch.autograd.grad(nats_N.sum(), leaf_NTU)[0] if differentiated else torch.zeros_like(leaf_NTU)
    return nats_N.detach().to(log_q_NTU), gradient_NTU.to(log_q_NTU)


class _Fused(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        logits_NTC: Tensor,
        lengths_N: Tensor,
        targets_NL: Tensor,
        target_lengths_N: Tensor,
        teacher: Sparse | None,
    ) -> tuple[Tensor, Tensor]:
        targets_NL = targets_NL.to(logits_NTC.device)
        columns_NU, compact_NL = _columns(targets_NL)
        ctx.tau, ctx.alpha, ctx.beta = teacher[3:] if teacher else (1.0, 1.0, 1.0)
        kl_NT = logits_NTC.new_zeros(logits_NTC.shape[:2])
        of_kl: tuple[Tensor, ...] = ()
        if teacher is not None:
            kl_NT, of_kl = _kl(logits_NTC, teacher)
        total_NT = of_kl[0] if of_kl and ctx.tau == 1 else _logsumexp(logits_NTC)
        index_NTU = columns_NU[:, None].expand(-1, logits_NTC.shape[1], -1)
        log_q_NTU = (logits_NTC.gather(-1, index_NTU) - total_NT[..., None]).to(total_NT.dtype)
        nats_N, gradient_NTU = ctc_of_columns(
            log_q_NTU, compact_NL, lengths_N, target_lengths_N, ctx.needs_input_grad[0]
        )
        # torch's gradient is exp(log q) - occupancy, made for a log-softmax in front; behind the length it is 0
        valid_NT1 = (torch.arange(logits_NTC.shape[1], device=lengths_N.device) < lengths_N[:, None])[..., None]
        valid_NT1 = valid_NT1.to(logits_NTC.device)
        occupied_NTU = torch.where(valid_NT1, log_q_NTU.exp() - gradient_NTU, 0)
        ctx.save_for_backward(logits_NTC, total_NT, index_NTU, occupied_NTU, valid_NT1, *of_kl)
        return nats_N, kl_NT

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient_N: Tensor, gradient_NT: Tensor) -> tuple[Tensor | None, ...]:
        logits_NTC, total_NT, index_NTU, occupied_NTU, valid_NT1, *of_kl = ctx.saved_tensors
        of_ctc_NT = gradient_N[:, None] * valid_NT1[..., 0]
        found_NTC = torch.empty_like(logits_NTC, memory_format=torch.contiguous_format)
        if not of_kl:
            _add_softmax(found_NTC, logits_NTC, [(of_ctc_NT, total_NT, 1.0)])
        else:
            soft_NT, classes_NTK, log_p_NTX, log_q_NTX = of_kl
            of_kl_NT = gradient_NT / ctx.tau
            # the tail's part holds for every class; the K best are put right behind it
            over_NT = (log_p_NTX[..., -1] - log_q_NTX[..., -1]).clamp(max=HIGHEST)
            is_blank_NTK = classes_NTK == BLANK
            missed_NT = _blank_or_not(log_p_NTX, is_blank_NTK) - _blank_or_not(log_q_NTX, is_blank_NTK)
            # what the blank loses, the characters gain, each by its share among them
            written_NT1, split = missed_NT[..., 1:], ctx.alpha - ctx.beta
            gained_NT = split * (1 - written_NT1[..., 0].clamp(max=HIGHEST).exp())
            tail_NT = of_kl_NT * (ctx.beta * (1 - over_NT.exp()) + gained_NT)
            passes = [(of_ctc_NT, total_NT, 1.0), (tail_NT, soft_NT, ctx.tau)]
            _add_softmax(found_NTC, logits_NTC, passes if ctx.tau != 1 else [(of_ctc_NT + tail_NT, total_NT, 1.0)])
            p_NTK, q_NTK = log_p_NTX[..., :-1].exp(), log_q_NTX[..., :-1].exp()
            of_both_NTK = (logits_NTC.gather(-1, classes_NTK).to(total_NT.dtype) - total_NT[..., None]).exp()
            shared_NTK = (log_q_NTX[..., :-1] + written_NT1).exp()
            characters_NTK = ctx.beta * (q_NTK - p_NTK) + split * (q_NTK - shared_NTK)
            apart_NTK = torch.where(is_blank_NTK, ctx.alpha * (q_NTK - p_NTK), characters_NTK)
            best_NTK = of_both_NTK * of_ctc_NT[..., None] + apart_NTK * of_kl_NT[..., None]
            found_NTC.scatter_(-1, classes_NTK, best_NTK.to(found_NTC.dtype))
        found_NTC.scatter_add_(-1, index_NTU, (-occupied_NTU * of_ctc_NT[..., None]).to(found_NTC.dtype))
        return found_NTC, None, None, None, None


def _kl(logits_NTC: Tensor, teacher: Sparse) -> tuple[Tensor, tuple[Tensor, ...]]:
    """The KL of every frame, and what its gradient needs."""
    tau, classes_NTK = teacher.tau, teacher.classes_NTK
    soft_NTX = torch.cat([teacher.log_p_NTK / tau, teacher.tail_NT[..., None]], -1).to(_wide(logits_NTC))
    log_p_NTX = soft_NTX.log_softmax(-1)  # the K best, then the tail
    rows = zip(logits_NTC.flatten(0, 1).split(ROWS), classes_NTK.flatten(0, 1).split(ROWS), strict=True)
    # summed, not what is left of 1: of a sure student nothing would be left but rounding
    parts = [(some.to(_wide(some)) / tau).scatter_(-1, best, -torch.inf).logsumexp(-1) for some, best in rows]
    rest_NT1 = torch.cat(parts).view(*logits_NTC.shape[:2], 1)
    scaled_NTX = torch.cat([logits_NTC.gather(-1, classes_NTK).to(_wide(logits_NTC)) / tau, rest_NT1], -1)
    log_q_NTX = scaled_NTX.log_softmax(-1)
    kl_NT = teacher.beta * (log_p_NTX.exp() * (log_p_NTX - log_q_NTX)).sum(-1)
    if teacher.alpha != teacher.beta:
        p_NT2, q_NT2 = (_blank_or_not(log_x_NTX, classes_NTK == BLANK) for log_x_NTX in (log_p_NTX, log_q_NTX))
        kl_NT += (teacher.alpha - teacher.beta) * (p_NT2.exp() * (p_NT2 - q_NT2)).sum(-1)
    return kl_NT, (scaled_NTX.logsumexp(-1), classes_NTK, log_p_NTX, log_q_NTX)


def _blank_or_not(log_p_NTX: Tensor, is_blank_NTK: Tensor) -> Tensor:
    """Log-probabilities of writing nothing and of writing something, (N, T, 2)."""
    is_blank_NTX = F.pad(is_blank_NTK, (0, 1))  # the tail writes
    masked = [log_p_NTX.masked_fill(without, -torch.inf).logsumexp(-1) for without in (~is_blank_NTX, is_blank_NTX)]
    return torch.stack(masked, -1)


def _add_softmax(into_NTC: Tensor, logits_NTC: Tensor, passes: Sequence[tuple[Tensor, Tensor, float]]) -> None:
    """into = sum over (factor, total, tau) of factor exp(logits / tau - total), some frames at a time."""
    split = [(factor.flatten().split(ROWS), total.flatten().split(ROWS), tau) for factor, total, tau in passes]
    pairs = zip(logits_NTC.flatten(0, 1).split(ROWS), into_NTC.flatten(0, 1).split(ROWS), strict=True)
    for i, (some, target) in enumerate(pairs):
        for number, (factors, totals, tau) in enumerate(split):
            q = torch.sub(some if tau == 1 else some / tau, totals[i][:, None], out=None if number else target)
            q.exp_().mul_(factors[i][:, None])
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


def _logsumexp(logits_NTC: Tensor) -> Tensor:
    """log sum exp(logits) of every frame, (N, T), some frames at a time."""
    parts = [some.to(_wide(some)).logsumexp(-1) for some in logits_NTC.flatten(0, 1).split(ROWS)]
    return torch.cat(parts).view(logits_NTC.shape[:2])


def _wide(tensor: Tensor) -> torch.dtype:
    """float64 stays what it is, everything else is summed in float32."""
    return torch.promote_types(tensor.dtype, torch.float32)
