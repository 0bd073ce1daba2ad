"""Losses for thousands of classes: torch's values and gradients, without its memory."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from distill.losses.large import compact_ctc, sparse_kl

TARGETS = [[3, 3, 1], [2, 5, 2], [], [4]]
LENGTHS = [7, 6, 7, 3]


def case(dtype: torch.dtype, classes: int = 9, scale: float = 2) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits_NTC = (scale * torch.randn(len(TARGETS), 7, classes, generator=generator, dtype=torch.float64)).to(dtype)
    targets_NL = torch.zeros(len(TARGETS), 3, dtype=torch.int64)
    for row, target in enumerate(TARGETS):
        targets_NL[row, : len(target)] = torch.tensor(target, dtype=torch.int64)
    return logits_NTC.requires_grad_(), torch.tensor(LENGTHS), targets_NL, torch.tensor([len(t) for t in TARGETS])


def torch_ctc(logits_NTC: Tensor, lengths_N: Tensor, targets_NL: Tensor, target_lengths_N: Tensor) -> Tensor:
    log_p_TNC = logits_NTC.log_softmax(-1).transpose(0, 1)
    return F.ctc_loss(log_p_TNC, targets_NL, lengths_N, target_lengths_N, reduction="none")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_compact_ctc_is_torchs_behind_a_log_softmax(dtype: torch.dtype) -> None:
    logits_NTC, *rest = case(dtype)
    weights_N = torch.tensor([1.0, 0.3, 2.0, 0.7], dtype=dtype)
    found, expected = compact_ctc(logits_NTC, *rest), torch_ctc(logits_NTC.double(), *rest)
    assert torch.allclose(found.double(), expected, rtol=1e-6, atol=1e-6)
    (gradient,) = torch.autograd.grad((found * weights_N).sum(), logits_NTC)
    (wanted,) = torch.autograd.grad((expected * weights_N).sum(), logits_NTC)
    assert torch.allclose(gradient, wanted, rtol=1e-5, atol=1e-6 if dtype == torch.float32 else 1e-9)


def test_an_infeasible_target_is_infinite_and_says_so() -> None:
    logits_NTC, _, targets_NL, target_lengths_N = case(torch.float32)
    assert compact_ctc(logits_NTC, torch.tensor([3, 6, 7, 3]), targets_NL, target_lengths_N)[0].isinf()


@pytest.mark.parametrize("tau", [1.0, 2.0])
@pytest.mark.parametrize("scale", [2, 12])
def test_sparse_kl_is_that_of_the_best_classes_and_one_tail(tau: float, scale: float) -> None:
    student_NTC = case(torch.float64, scale=scale)[0]
    log_p_NTC = case(torch.float64, scale=2)[0].detach().flip(0).log_softmax(-1)
    top_NTK, classes_NTK = log_p_NTC.topk(3)
    tail_NT = (log_p_NTC / tau).scatter(-1, classes_NTK, -torch.inf).logsumexp(-1)

    def grouped(log_x_NTC: Tensor) -> Tensor:
        rest_NT = log_x_NTC.scatter(-1, classes_NTK, -torch.inf).logsumexp(-1)
        return torch.cat([log_x_NTC.gather(-1, classes_NTK), rest_NT[..., None]], -1)

    p_NTX, q_NTX = (grouped((x / tau).log_softmax(-1)) for x in (log_p_NTC, student_NTC))
    expected = (p_NTX.exp() * (p_NTX - q_NTX)).sum(-1)
    found = sparse_kl(student_NTC, classes_NTK, top_NTK, tail_NT, tau)
    assert torch.allclose(found, expected, rtol=1e-6, atol=1e-9)
    full = F.kl_div((student_NTC / tau).log_softmax(-1), (log_p_NTC / tau).log_softmax(-1), reduction="none",
                    log_target=True).sum(-1)  # fmt: skip
    assert (found <= full + 1e-9).all()
    weights_NT = torch.linspace(0.2, 1, found.numel(), dtype=torch.float64).view_as(found)
    (gradient,) = torch.autograd.grad((found * weights_NT).sum(), student_NTC)
    (wanted,) = torch.autograd.grad((expected * weights_NT).sum(), student_NTC)
    assert torch.allclose(gradient, wanted, rtol=1e-6, atol=1e-9)
