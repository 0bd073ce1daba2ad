"""Losses for thousands of classes: torch's values and gradients, without its memory."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from distill.data.batch import Batch
from distill.data.posteriors import Cached, Posteriors
from distill.recipe.objective import Objective, Trust
from distill.recipe.terms import BlankSplit, FrameKL
from distill.teaching.inputs import compact_inputs, term_inputs
from distill.teaching.losses.large import MANY_CLASSES, Sparse, compact_ctc, ctc_and_kl
from distill.teaching.objective import loss_terms, term_weights
from distill.teaching.teacher import CachedTeacher, FrozenTeacher, Member
from distill.teaching.watching import watched_figures
from students.config import STUDENTS
from students.parts import Outputs

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


def with_blank(log_p_NTC: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The blank and the k - 1 likeliest others, as the cache keeps them: log-probabilities and classes."""
    ranked_NTC = log_p_NTC.clone()
    ranked_NTC[..., 0] = torch.inf
    classes_NTK = ranked_NTC.topk(k).indices
    return log_p_NTC.gather(-1, classes_NTK), classes_NTK


def split(p_NTX: Tensor, q_NTX: Tensor, alpha: float, beta: float) -> Tensor:
    """alpha KL(blank or not) + beta p(no blank) KL(among characters), the blank first."""
    p_NT2, q_NT2 = (torch.stack([x[..., 0], x[..., 1:].logsumexp(-1)], -1) for x in (p_NTX, q_NTX))
    among_p_NTX, among_q_NTX = p_NTX[..., 1:] - p_NT2[..., 1:], q_NTX[..., 1:] - q_NT2[..., 1:]
    among_NT = p_NT2[..., 1].exp() * (among_p_NTX.exp() * (among_p_NTX - among_q_NTX)).sum(-1)
    return alpha * (p_NT2.exp() * (p_NT2 - q_NT2)).sum(-1) + beta * among_NT


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
@pytest.mark.parametrize(("alpha", "beta"), [(1, 1), (0.5, 3), (2, 0.7)])
def test_the_kl_is_that_of_the_best_classes_and_one_tail(tau: float, scale: float, alpha: float, beta: float) -> None:
    student_NTC = case(torch.float64, scale=scale)[0]
    log_p_NTC = case(torch.float64, scale=2)[0].detach().flip(0).log_softmax(-1)
    top_NTK, classes_NTK = with_blank(log_p_NTC, 3)
    tail_NT = (log_p_NTC / tau).scatter(-1, classes_NTK, -torch.inf).logsumexp(-1)

    def grouped(log_x_NTC: Tensor) -> Tensor:
        rest_NT = log_x_NTC.scatter(-1, classes_NTK, -torch.inf).logsumexp(-1)
        return torch.cat([log_x_NTC.gather(-1, classes_NTK), rest_NT[..., None]], -1)

    p_NTX, q_NTX = (grouped((x / tau).log_softmax(-1)) for x in (log_p_NTC, student_NTC))
    expected = split(p_NTX, q_NTX, alpha, beta)
    _, *rest = case(torch.float64)
    nats_N, found = ctc_and_kl(student_NTC, *rest, Sparse(classes_NTK, top_NTK, tail_NT, tau, alpha, beta))
    assert torch.allclose(found, expected, rtol=1e-6, atol=1e-9)
    if alpha == beta:
        log_q_NTC, softened_NTC = (student_NTC / tau).log_softmax(-1), (log_p_NTC / tau).log_softmax(-1)
        full = F.kl_div(log_q_NTC, softened_NTC, reduction="none", log_target=True).sum(-1)
        assert (found <= full + 1e-9).all()
    weights_NT = torch.linspace(0.2, 1, found.numel(), dtype=torch.float64).view_as(found)
    weights_N = torch.tensor([0.5, 0.0, 2.0, 0.7], dtype=torch.float64)
    together, slow = (nats_N, found), (torch_ctc(student_NTC, *rest), expected)
    gradient, wanted = (
        torch.autograd.grad((n * weights_N).sum() + (k * weights_NT).sum(), student_NTC)[0] for n, k in (together, slow)
    )
    assert torch.allclose(gradient, wanted, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    "objective",
    [
        *(
            Objective(frame_kl=FrameKL(weight=1, temperature=2, frames=f), blank_split=BlankSplit(weight=0))
            for f in ("all", "symmetric", "weighted")
        ),
        Objective(blank_split=BlankSplit(weight=2, temperature=2, alpha=0.5, beta=3)),
    ],
)
def test_the_compact_path_is_the_dense_one_where_tails_are_flat(objective: Objective) -> None:
    n, t, k, classes, taus = 3, 6, 5, MANY_CLASSES + 3, (1.0, 2.0)
    generator = torch.Generator().manual_seed(1)
    top_NTK = 3 * torch.randn(n, t, k, generator=generator)
    others_NTK = torch.randint(2, classes - k, (n, t, 1), generator=generator) + torch.arange(k - 1)
    classes_NTK = torch.cat([torch.zeros(n, t, 1, dtype=torch.int64), others_NTK], -1)
    logits_NTC = torch.zeros(n, t, classes).scatter(-1, classes_NTK, top_NTK)
    log_p_NTC = logits_NTC.flip(0).scatter(-1, classes_NTK, top_NTK.flip(1)).log_softmax(-1)
    rest = [(log_p_NTC / tau).scatter(-1, classes_NTK, -torch.inf).logsumexp(-1) for tau in taus]
    kept = Posteriors(classes_NTK, log_p_NTC.gather(-1, classes_NTK), torch.stack(rest, -1))
    cached = Cached((), k, taus, classes)
    network = STUDENTS.validate_python({"kind": "digits"}).build(4, 1, 32)
    teacher = CachedTeacher(FrozenTeacher([Member(network)], torch.device("cpu"), "fp32"), cached)
    targets_NL = torch.tensor([[3, 4], [5, 0], [0, 0]])
    labels = targets_NL, torch.tensor([2, 1, 0]), torch.tensor([True, True, False])
    batch = Batch(torch.zeros(n, 1, 8, 8), *labels, ("a", "b", "c"), (None,) * n, kept)
    names = term_weights(objective, 0.5, taught=True)
    assert names.keys() == {"ctc", "class_changes", "frame_kl" if objective.frame_kl.weight else "blank_split"}
    found, figures = {}, {}
    for way in ("compact", "dense"):
        leaf_NTC = logits_NTC.clone().requires_grad_()
        student = Outputs(leaf_NTC, torch.full((n,), t), leaf_NTC.new_zeros(n, t, 0))
        if way == "compact":
            inputs = compact_inputs(objective, names, student, batch, teacher)
        else:
            inputs = term_inputs(objective, (), student, batch, torch.nn.ModuleDict(), None, teacher)
        assert inputs is not None
        assert (inputs.fused is not None) == (way == "compact")
        figures[way] = watched_figures(inputs)
        terms = loss_terms(objective, names, inputs)
        (gradient,) = torch.autograd.grad(sum(total for total, _ in terms.values()), leaf_NTC)
        found[way] = {name: (total.item(), count) for name, (total, count) in terms.items()}, gradient
    for name, (total, count) in found["dense"][0].items():
        assert found["compact"][0][name] == (pytest.approx(total, rel=1e-4, abs=1e-5), count), name
    assert torch.allclose(found["compact"][1], found["dense"][1], atol=1e-5)
    assert {"teacher_entropy", "kl_character", "teacher_wrong"} <= figures["dense"].keys()
    assert figures["compact"] == pytest.approx(figures["dense"], rel=1e-4, abs=1e-5)
    also = objective.model_copy(update={"trust": Trust(policy="drop")})
    assert compact_inputs(also, names, student, batch, teacher) is None
    assert compact_inputs(objective, [*names, "dist"], student, batch, teacher) is None
    assert compact_inputs(objective, ["ctc"], student, batch, teacher) is None
    for n_unknown, is_compact in ((classes // 50, True), (classes // 40, False)):
        known = (*range(classes - n_unknown), *[-1] * n_unknown)
        lacking = FrozenTeacher([Member(network, class_of_C=known)], torch.device("cpu"), "fp32")
        fused = compact_inputs(objective, names, student, batch, CachedTeacher(lacking, cached))
        assert (fused is not None) == is_compact
    few = Outputs(student.logits_NTC[..., :MANY_CLASSES], *student[1:])
    every = kept._replace(classes_NTK=torch.arange(MANY_CLASSES).expand(n, t, -1))
    assert compact_inputs(objective, names, few, batch._replace(posteriors=every), teacher) is None  # no tail is left


@pytest.mark.parametrize("tau", [1.0, 2.0])
@pytest.mark.parametrize("surer", [20.0, 30.0, 200.0])
def test_a_sure_student_has_the_gradient_of_float64(tau: float, surer: float) -> None:
    _, lengths_N, targets_NL, target_lengths_N = case(torch.float32)
    generator = torch.Generator().manual_seed(2)
    logits_NTC = torch.randn(len(TARGETS), 7, 2000, generator=generator)
    logits_NTC[..., 0] += surer
    log_p_NTC = (0.5 * torch.randn(len(TARGETS), 7, 2000, generator=generator)).log_softmax(-1)
    found = {}
    for dtype in (torch.float32, torch.float64):
        not_contiguous = logits_NTC.to(dtype).transpose(0, 1).contiguous().transpose(0, 1)
        leaf_NTC = not_contiguous.requires_grad_()
        log_p = log_p_NTC.to(dtype)
        top_NTK, classes_NTK = log_p.topk(5)
        tail_NT = (log_p / tau).scatter(-1, classes_NTK, -torch.inf).logsumexp(-1)
        teacher = Sparse(classes_NTK, top_NTK, tail_NT, tau)
        nats_N, kl_NT = ctc_and_kl(leaf_NTC, lengths_N, targets_NL, target_lengths_N, teacher)
        (gradient,) = torch.autograd.grad(nats_N.sum() / 7 + kl_NT.mean(), leaf_NTC)
        found[dtype] = nats_N.double(), kl_NT.double(), gradient.double()
    for less, more in zip(*found.values(), strict=True):
        assert less.isfinite().all()
        assert (less - more).norm() < 1e-4 * more.norm()


@pytest.mark.parametrize(("classes", "alpha", "beta"), [(6906, 1.0, 1.0), (6906, 1.0, 2.0), (18710, 0.0, 1.0)])
def test_float32_is_within_a_millionth_of_float64_for_many_classes_and_frames(
    classes: int, alpha: float, beta: float
) -> None:
    n, t, k, tau = 4, 40, 8, 2.0
    generator = torch.Generator().manual_seed(3)
    logits_NTC = torch.randn(n, t, classes, generator=generator)
    log_p_NTC = (4 * torch.randn(n, t, classes, generator=generator)).log_softmax(-1)
    top_NTK, classes_NTK = with_blank(log_p_NTC, k)
    tail_NT = (log_p_NTC / tau).scatter(-1, classes_NTK, -torch.inf).logsumexp(-1)
    targets_NL = torch.randint(1, classes, (n, 12), generator=generator)
    lines = torch.full((n,), t), targets_NL, torch.full((n,), 12)
    slow_NTC = logits_NTC.double().requires_grad_()
    ctc_N = torch_ctc(slow_NTC, *lines)
    p_NTX, q_NTX = (
        torch.cat([x.gather(-1, classes_NTK), x.scatter(-1, classes_NTK, -torch.inf).logsumexp(-1, keepdim=True)], -1)
        for x in ((log_p_NTC.double() / tau).log_softmax(-1), (slow_NTC / tau).log_softmax(-1))
    )
    wanted = ctc_N, split(p_NTX, q_NTX, alpha, beta)
    leaf_NTC = logits_NTC.clone().requires_grad_()
    found = ctc_and_kl(leaf_NTC, *lines, Sparse(classes_NTK, top_NTK, tail_NT, tau, alpha, beta))
    for one, other in zip(found, wanted, strict=True):
        (gradient,) = torch.autograd.grad(one.sum(), leaf_NTC, retain_graph=True)
        (expected,) = torch.autograd.grad(other.sum(), slow_NTC, retain_graph=True)
        assert (one.double() - other).norm() < 1e-6 * other.norm()
        assert (gradient.double() - expected).norm() < 1e-6 * expected.norm()


def test_no_gradient_is_asked_for_in_inference_mode() -> None:
    logits_NTC, *rest = case(torch.float32)
    with torch.inference_mode():
        assert torch.allclose(compact_ctc(logits_NTC, *rest), torch_ctc(logits_NTC, *rest), rtol=1e-5)
