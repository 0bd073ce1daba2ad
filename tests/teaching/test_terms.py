"""Every term with a teacher against a slow version of its formula in float64; and what all of them promise."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from distill.data.posteriors import Cached, Posteriors, pack, unpack
from distill.recipe.objective import Objective
from distill.recipe.terms import FrameKL
from distill.teaching.cache import temperatures_of
from distill.teaching.losses.alignment import aligned_cross_entropy, guided_spikes, self_alignment
from distill.teaching.losses.logits import bag_of_symbols, blank_split, dist, focal_frame_kl, frame_kl
from distill.teaching.losses.sequence import Search, sequence_kd
from students.greedy import collapse
from students.parts import Outputs
from tests.tensors import C, T, kl, logits, outputs

TAU = 1.7


def soft(logits_TC: Tensor) -> Tensor:
    return (logits_TC / TAU).softmax(-1)


def slow_standardised(s: Tensor, t: Tensor) -> Tensor:
    s, t = ((x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + 1e-6) for x in (s, t))
    return TAU**2 * torch.stack([kl(p, q) for p, q in zip(soft(t), soft(s), strict=True)]).mean()


def slow_focal(s: Tensor, t: Tensor) -> Tensor:
    q = s.detach().softmax(-1)
    factors = [(1 - q[frame, best]) ** 1.5 for frame, best in enumerate(t.argmax(-1))]
    each = [factor * kl(p, q) for factor, p, q in zip(factors, soft(t), soft(s), strict=True)]
    return TAU**2 * torch.stack(each).mean()


def slow_chosen(s: Tensor, t: Tensor, weights: list[float]) -> Tensor:
    total = sum(w * kl(p, q) for w, p, q in zip(weights, soft(t), soft(s), strict=True))
    return TAU**2 * torch.as_tensor(total) / sum(weights)


def slow_weighted(s: Tensor, t: Tensor) -> Tensor:
    return slow_chosen(s, t, [1.0 if row.argmax() else 0.25 for row in t])


def slow_elimination(s: Tensor, t: Tensor) -> Tensor:
    return slow_chosen(s, t, [float(row.argmax() > 0) for row in t])


def slow_symmetric(s: Tensor, t: Tensor) -> Tensor:
    written = [i for i, row in enumerate(t) if row.argmax()]
    return slow_chosen(s, t, [float(any(abs(i - j) <= 1 for j in written)) for i in range(len(t))])


def slow_split(s: Tensor, t: Tensor) -> Tensor:
    parts = []
    for p, q in zip(soft(t), soft(s), strict=True):
        blank = kl(torch.stack([p[0], 1 - p[0]]), torch.stack([q[0], 1 - q[0]]))
        parts.append(0.5 * blank + 3.0 * (1 - p[0]) * kl(p[1:] / p[1:].sum(), q[1:] / q[1:].sum()))
    return TAU**2 * torch.stack(parts).mean()


def slow_bag(s: Tensor, t: Tensor) -> Tensor:
    p, q = (soft(x)[:, 1:].sum(0) for x in (t, s))
    return kl(p / p.sum(), q / q.sum())


def slow_dist(s: Tensor, t: Tensor) -> Tensor:
    p, q = soft(t), soft(s)

    def apart(a: Tensor, b: Tensor) -> Tensor:
        a, b = a - a.mean(), b - b.mean()
        ab, aa, bb = ((x * y).sum() + 1e-6 for x, y in ((a, b), (a, a), (b, b)))
        return 1 - ab / (aa * bb).sqrt()

    mass = p.sum(0)
    between = torch.stack([apart(a, b) for a, b in zip(p, q, strict=True)]).mean()
    within = sum(m * apart(a, b) for m, a, b in zip(mass, p.T, q.T, strict=True)) / mass.sum()
    return TAU**2 * (between + 0.5 * within)


def slow_spikes(s: Tensor, t: Tensor) -> Tensor:
    frames = [(i, int(row.argmax())) for i, row in enumerate(t) if row.argmax()]
    return sum((1 - s[i].softmax(-1)[c] for i, c in frames), torch.zeros(())) / max(1, len(frames))


LABEL = (1, 2)


def paths_of(t: int) -> tuple[Tensor, list[tuple[int, ...]]]:
    """Every path of t frames, and the text that it writes."""
    paths = list(itertools.product(range(C), repeat=t))
    return torch.tensor(paths), [tuple(collapse(np.array(path))) for path in paths]


def slow_sequence(s: Tensor, t: Tensor) -> Tensor:
    """CTC by enumeration on the two likeliest texts of the teacher, at 1 / tau of their log-probabilities."""
    paths, texts = paths_of(len(s))
    numbers = {text: i for i, text in enumerate(dict.fromkeys(texts))}
    text_of = torch.tensor([numbers[text] for text in texts])

    def of_texts(x: Tensor) -> Tensor:
        log_p = x.log_softmax(-1)[torch.arange(len(x)), paths].sum(-1)
        return torch.zeros(len(numbers), dtype=torch.float64).index_add(0, text_of, log_p.exp())

    best = of_texts(t).topk(2)
    weights = (best.values.log() / TAU).softmax(0)
    return -(weights * of_texts(s)[best.indices].log()).sum() / len(s)


def slow_aligned(s: Tensor, t: Tensor) -> Tensor:
    paths, texts = paths_of(len(s))
    writes = torch.tensor([text == LABEL for text in texts])
    log_p = t.log_softmax(-1)[torch.arange(len(t)), paths].sum(-1).masked_fill(~writes, -torch.inf)
    return -s.log_softmax(-1)[torch.arange(len(s)), paths[log_p.argmax()]].mean()


def slow_self(s: Tensor, _: Tensor) -> Tensor:
    paths, texts = paths_of(len(s))
    writes = torch.tensor([text == LABEL for text in texts])
    p = s.detach().log_softmax(-1)[torch.arange(len(s)), paths].sum(-1).exp() * writes
    given = torch.stack([(p[:, None] * (paths == c)).sum(0) for c in range(C)], -1)  # (T, C)
    return -s.log_softmax(-1)[torch.arange(len(s)), given.argmax(-1)].mean()


def labels(student: Outputs) -> tuple[Tensor, Tensor, Tensor]:
    """Every line that has frames bears the label."""
    n = len(student.lengths_N)
    return torch.tensor(LABEL).repeat(n, 1), torch.full((n,), len(LABEL)), student.lengths_N > 0


def soft_kl(**settings: object) -> Callable[[Outputs, Outputs], tuple[Tensor, int]]:
    of_term = FrameKL.model_validate({"temperature": TAU, **settings})
    return lambda s, t: frame_kl(s, t, of_term)


FAST = {
    "standardised": (soft_kl(frames="all", standardised=True), slow_standardised, True),
    "weighted": (soft_kl(frames="weighted", blank_weight=0.25), slow_weighted, True),
    "elimination": (soft_kl(frames="elimination"), slow_elimination, True),
    "symmetric": (soft_kl(frames="symmetric"), slow_symmetric, True),
    "focal": (lambda s, t: focal_frame_kl(s, t, temperature=TAU, gamma=1.5), slow_focal, True),
    "split": (lambda s, t: blank_split(s, t, temperature=TAU, alpha=0.5, beta=3.0), slow_split, True),
    "bag": (lambda s, t: bag_of_symbols(s, t, temperature=TAU), slow_bag, True),
    "dist": (lambda s, t: dist(s, t, temperature=TAU, within=0.5), slow_dist, True),
    "spikes": (guided_spikes, slow_spikes, False),
    "sequence": (lambda s, t: sequence_kd(s, t, Search(2, 2000), temperature=TAU), slow_sequence, False),
    "aligned": (lambda s, t: aligned_cross_entropy(s, t, *labels(s)), slow_aligned, False),
    "self": (lambda s, _: self_alignment(s, *labels(s)), slow_self, False),
}


@pytest.mark.parametrize("name", FAST)
def test_value_and_gradient_are_those_of_the_slow_formula(name: str) -> None:
    fast, slow, _ = FAST[name]
    student_NTC, teacher_NTC = logits(2, T, C, seed=1).requires_grad_(), logits(2, T, C, seed=2)
    lengths = [T, T - 2]
    total, count = fast(outputs(student_NTC, lengths), outputs(teacher_NTC, lengths))
    expected = sum(slow(student_NTC[n, :t].double(), teacher_NTC[n, :t].double()) for n, t in enumerate(lengths))
    assert count == 2
    assert total.item() == pytest.approx(expected.item(), abs=1e-5)
    (gradient,), (wanted,) = (torch.autograd.grad(x, student_NTC) for x in (total, expected))
    assert torch.allclose(gradient, wanted.float(), atol=1e-5)


@pytest.mark.parametrize("name", FAST)
def test_a_term_depends_on_neither_padding_nor_other_lines_and_follows_the_trust(name: str) -> None:
    fast, _, zero_at_equality = FAST[name]
    one, other = logits(2, T, C, seed=3), logits(2, T, C, seed=4)
    alone = sum(fast(outputs(one[n : n + 1]), outputs(other[n : n + 1]))[0].item() for n in range(2))
    padding = logits(2, 3, C, seed=5)
    padded = [outputs(torch.cat([x, padding], 1), [T, T]) for x in (one, other)]
    assert fast(outputs(one), outputs(other))[0].item() == pytest.approx(alone, abs=1e-5)
    assert fast(*padded)[0].item() == pytest.approx(alone, abs=1e-5)
    if zero_at_equality:
        assert fast(outputs(one), outputs(one))[0].item() == pytest.approx(0, abs=1e-6)
    silent_NTC = torch.nn.functional.one_hot(torch.zeros(2, T, dtype=torch.int64), C) * 60.0
    student_NTC = one.clone().requires_grad_()
    total, _ = fast(outputs(student_NTC), outputs(silent_NTC))
    total.backward()
    assert student_NTC.grad is not None
    assert total.isfinite()
    assert student_NTC.grad.isfinite().all()


@pytest.mark.parametrize("surer", [7.0, 12.0, 60.0])
@pytest.mark.parametrize("name", [name for name, (_, _, zero_at_equality) in FAST.items() if zero_at_equality])
def test_a_term_is_zero_at_equality_on_silent_lines_too(name: str, surer: float) -> None:
    fast = FAST[name][0]
    silent_NTC = logits(2, T, C, seed=20)
    silent_NTC[..., 0] += surer
    student_NTC = silent_NTC.clone().requires_grad_()
    total, _ = fast(outputs(student_NTC), outputs(silent_NTC))
    (gradient,) = torch.autograd.grad(total, student_NTC)
    assert total.item() == pytest.approx(0, abs=1e-6)
    assert gradient.norm() < 1e-3


@pytest.mark.parametrize("name", FAST)
def test_a_term_bears_lines_without_frames_and_batches_without_lines(name: str) -> None:
    fast = FAST[name][0]
    student_NTC, teacher_NTC = logits(2, T, C, seed=18).requires_grad_(), logits(2, T, C, seed=19)
    total, count = fast(outputs(student_NTC, [T, 0]), outputs(teacher_NTC, [T, 0]))
    alone, _ = fast(outputs(student_NTC[:1]), outputs(teacher_NTC[:1]))
    assert (total.item(), count) == (pytest.approx(alone.item(), abs=1e-5), 1 if name == "self" else 2)
    (gradient,) = torch.autograd.grad(total, student_NTC)
    assert gradient.isfinite().all()
    nothing = Outputs(student_NTC[:0], torch.zeros(0, dtype=torch.int64), student_NTC[:0])
    total, count = fast(nothing, nothing)
    assert (total.item(), count) == (0, 0)


@pytest.mark.parametrize("name", FAST)
def test_a_term_of_half_precision_is_summed_in_float32_also_where_autocast_is_on(name: str) -> None:
    fast = FAST[name][0]
    student, teacher = (outputs(logits(2, T, C, seed=seed).bfloat16(), [T, T - 2]) for seed in (1, 2))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        total, _ = fast(student, teacher)
    wide, _ = fast(*(outputs(side.logits_NTC.float(), [T, T - 2]) for side in (student, teacher)))
    assert total.dtype == torch.float32
    assert total.item() == pytest.approx(wide.item(), rel=1e-5)


def test_focal_frame_kl_without_a_factor_is_the_whole_and_a_certain_student_still_follows() -> None:
    student, teacher = outputs(logits(2, T, C, seed=6)), outputs(logits(2, T, C, seed=7))
    whole, _ = frame_kl(student, teacher, FrameKL(temperature=TAU, frames="all"))
    assert focal_frame_kl(student, teacher, temperature=TAU, gamma=0)[0].item() == pytest.approx(whole.item())
    assert focal_frame_kl(student, teacher, temperature=TAU, gamma=2)[0].item() < whole.item()
    certain_NTC = (teacher.logits_NTC + 3 * torch.nn.functional.one_hot(teacher.logits_NTC.argmax(-1), C)).detach()
    leaf_NTC = certain_NTC.requires_grad_()
    focal_frame_kl(outputs(leaf_NTC), teacher, temperature=1, gamma=2)[0].backward()
    best_NT1 = teacher.logits_NTC.argmax(-1, keepdim=True)
    assert leaf_NTC.grad is not None
    assert (leaf_NTC.grad.gather(-1, best_NT1) > 0).all()  # surer than the teacher: it is to become less sure


def test_focal_frame_kl_of_cached_posteriors_is_that_of_the_network() -> None:
    objective = Objective.model_validate({"cache": {"views": 1}, "focal_frame_kl": {"weight": 1, "temperature": 2}})
    temperatures, teacher_NTC = temperatures_of(objective), logits(2, T, C, seed=60)
    log_p_NTC = teacher_NTC.log_softmax(-1).numpy()
    records = [unpack(pack(log_p_TC, C, 1.0, temperatures), C, len(temperatures)) for log_p_TC in log_p_NTC]
    kept = Posteriors(*(torch.from_numpy(np.stack(part)) for part in zip(*records, strict=True)))
    cached = Cached((), C, temperatures, C).outputs(kept, 2.0)
    student = outputs(logits(2, T, C, seed=61))
    found, _ = focal_frame_kl(student, cached, temperature=2, gamma=2)
    assert found.item() == pytest.approx(
        focal_frame_kl(student, outputs(teacher_NTC), temperature=2, gamma=2)[0].item(), rel=1e-2
    )


def test_a_split_with_equal_weights_is_the_whole() -> None:
    student, teacher = outputs(logits(2, T, C, seed=6)), outputs(logits(2, T, C, seed=7))
    whole, _ = frame_kl(student, teacher, FrameKL(temperature=TAU, frames="all"))
    assert blank_split(student, teacher, temperature=TAU, alpha=1, beta=1)[0].item() == pytest.approx(whole.item())


SLOW = {  # the test that holds each term against a slow reference
    "ctc": "test_losses::test_ctc_is_the_sum_over_all_paths_in_value_and_gradient",
    "class_changes": "test_losses::test_class_changes_are_the_expected_places_at_which_a_path_writes_one_symbol_twice",
    "consistency": "test_losses::test_two_equal_views_agree_and_the_followed_view_gets_no_gradient",
    "mutual": "test_inputs_of_terms::test_peers_follow_each_other",
    "peer_ctc": "test_losses::test_ctc_is_the_sum_over_all_paths_in_value_and_gradient",
    "attention": "test_inputs_of_terms::test_the_attention_head_is_a_cross_entropy_over_true_prefixes",
    "feature_hint": "test_inputs_of_terms::test_a_feature_hint_is_the_mean_distance_over_valid_frames",
}
HERE = (  # those of this file
    *("frame_kl", "focal_frame_kl", "blank_split", "dist", "bag_of_symbols", "guided_spikes", "sequence_kd"),
    *("aligned_cross_entropy", "self_alignment"),
)


def test_every_term_of_an_objective_has_a_slow_reference() -> None:
    assert Objective().terms.keys() == SLOW.keys() | set(HERE)
    for place in SLOW.values():
        file, _, test = place.partition("::")
        assert f"def {test}(" in Path(__file__).with_name(f"{file}.py").read_text("utf-8")
