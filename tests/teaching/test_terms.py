"""Every term with a teacher against a slow version of its formula in float64; and what all of them promise."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

from distill.data.batch import Batch, StepData
from distill.data.labels import foldings
from distill.data.posteriors import Cached, Posteriors, decode, encode
from distill.recipe.objective import TAUGHT, Objective, Trust
from distill.recipe.terms import FrameKL
from distill.teaching.auxiliary import HINT
from distill.teaching.cache import temperatures_of
from distill.teaching.inputs import TermInputs, term_inputs
from distill.teaching.losses.alignment import aligned_cross_entropy, forced_alignment, guided_spikes, self_alignment
from distill.teaching.losses.attention import AttentionHead, attention
from distill.teaching.losses.ctc import ctc
from distill.teaching.losses.features import Distance, Hint, feature_hint
from distill.teaching.losses.logits import bag_of_symbols, blank_split, dist, focal_frame_kl, frame_kl, mutual
from distill.teaching.losses.matching import in_classes, matched, rest_as_student
from distill.teaching.losses.sequence import sequence_kd
from distill.teaching.objective import loss_terms, term_counts, term_weights
from distill.teaching.teacher import NOT_KNOWN
from distill.teaching.trust import trust_in
from students.beam import prefix_beam_search
from students.charset import Charset
from students.decode import collapse, frames_needed
from students.parts import Outputs, Recurrent

TAU = 1.7
T, C = 6, 4
Slow = Callable[[Tensor, Tensor], Tensor]  # logits (T, C) of student and teacher, float64, valid frames only


@dataclass(frozen=True)
class Fixed:
    """A teacher with the same outputs on every batch."""

    outputs: Outputs
    unknown_C: Tensor | None = None

    def outputs_by_temperature(self, batch: Batch) -> dict[float, Outputs]:  # noqa: ARG002 - as a TeacherSource
        return {1.0: self.outputs}

    @property
    def neck(self) -> Recurrent:
        raise NotImplementedError


def outputs(logits_NTC: Tensor, lengths: list[int] | None = None) -> Outputs:
    n, t, _ = logits_NTC.shape
    return Outputs(logits_NTC, torch.tensor(lengths or [t] * n), logits_NTC)


def logits(*shape: int, seed: int) -> Tensor:
    return 2 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def soft(logits_TC: Tensor) -> Tensor:
    return (logits_TC / TAU).softmax(-1)


def kl(p: Tensor, q: Tensor) -> Tensor:
    return sum((a * (a / b).log() for a, b in zip(p, q, strict=True) if a > 0), torch.zeros((), dtype=torch.float64))


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
    "sequence": (lambda s, t: sequence_kd(s, t, n_best=2, beam=2000, temperature=TAU), slow_sequence, False),
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
    assert total.item() == pytest.approx(expected.item(), abs=2e-5)
    (gradient,), (wanted,) = (torch.autograd.grad(x, student_NTC) for x in (total, expected))
    assert torch.allclose(gradient, wanted.float(), atol=2e-5)


@pytest.mark.parametrize("name", FAST)
def test_a_term_sees_neither_padding_nor_company_and_trusts_as_told(name: str) -> None:
    fast, _, zero_at_equality = FAST[name]
    one, other = logits(2, T, C, seed=3), logits(2, T, C, seed=4)
    alone = sum(fast(outputs(one[n : n + 1]), outputs(other[n : n + 1]))[0].item() for n in range(2))
    padding = logits(2, 3, C, seed=5)
    padded = [outputs(torch.cat([x, padding], 1), [T, T]) for x in (one, other)]
    assert fast(outputs(one), outputs(other))[0].item() == pytest.approx(alone, abs=1e-5)
    assert fast(*padded)[0].item() == pytest.approx(alone, abs=1e-5)
    if zero_at_equality:
        assert fast(outputs(one), outputs(one))[0].item() == pytest.approx(0, abs=1e-5)
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
    assert total.item() == pytest.approx(0, abs=1e-5)
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
    records = [decode(encode(log_p_TC, C, 1.0, temperatures), C, len(temperatures)) for log_p_TC in log_p_NTC]
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


def by_enumeration(log_p_TC: np.ndarray) -> dict[tuple[int, ...], float]:
    texts: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(log_p_TC.shape[1]), repeat=len(log_p_TC)):
        text = tuple(collapse(np.array(path)))
        texts[text] = texts.get(text, 0) + math.exp(sum(log_p_TC[t, c] for t, c in enumerate(path)))
    return texts


def test_prefix_beam_search_is_exact_where_nothing_is_dropped() -> None:
    log_p_TC = logits(5, 3, seed=8).log_softmax(-1).numpy()
    expected = by_enumeration(log_p_TC)
    found = prefix_beam_search(log_p_TC, beam=1000, ignored_below=0)
    assert len(found) == len(expected)
    for text, log_p in found:
        assert math.exp(log_p) == pytest.approx(expected[text], rel=1e-5)
    assert [p for _, p in found] == sorted((p for _, p in found), reverse=True)
    narrow = prefix_beam_search(log_p_TC, beam=3)
    assert len(narrow) == 3
    assert math.exp(narrow[0][1]) <= expected[narrow[0][0]] * (1 + 1e-6)


def test_sequence_kd_is_ctc_on_the_likeliest_texts_by_their_weights() -> None:
    student_NTC, teacher_NTC = logits(1, 4, 3, seed=9), logits(1, 4, 3, seed=10)
    texts = by_enumeration(teacher_NTC[0].log_softmax(-1).numpy())
    best = sorted(texts, key=lambda text: -texts[text])[:3]
    mass = sum(texts[text] for text in best)
    student = by_enumeration(student_NTC[0].log_softmax(-1).numpy())
    expected = -sum(texts[text] / mass * math.log(student[text]) for text in best) / 4
    total, count = sequence_kd(outputs(student_NTC), outputs(teacher_NTC), n_best=3, beam=200)
    assert count == 1
    assert total.item() == pytest.approx(expected, abs=1e-4)


def test_texts_too_long_for_the_student_are_left_out() -> None:
    long = torch.nn.functional.one_hot(torch.tensor([[1, 2, 1, 2, 1]]), 3) * 30.0
    student_NTC = logits(1, 3, 3, seed=11).requires_grad_()
    total, count = sequence_kd(outputs(student_NTC), outputs(long), n_best=1, beam=4)
    total.backward()
    assert (total.item(), count) == (0, 1)
    assert frames_needed([1, 1, 2]) == 4


def test_a_forced_alignment_is_the_best_path_that_writes_the_target() -> None:
    log_p_NTC = logits(3, 5, 3, seed=12).log_softmax(-1)
    targets = [[1, 1], [2], []]
    lengths = [5, 4, 5]
    found = forced_alignment(
        log_p_NTC, torch.tensor(lengths), torch.tensor([[1, 1], [2, 0], [0, 0]]), torch.tensor([2, 1, 0])
    )
    for log_p_TC, target, length, path in zip(log_p_NTC, targets, lengths, found, strict=True):
        best = max(
            (p for p in itertools.product(range(3), repeat=length) if collapse(np.array(p)) == target),
            key=lambda p: sum(log_p_TC[t, c].item() for t, c in enumerate(p)),
        )
        assert path.tolist() == [*best, *[0] * (5 - length)]


def test_aligned_cross_entropy_follows_the_label_or_else_the_teachers_reading() -> None:
    student_NTC, teacher_NTC = logits(2, 5, 3, seed=13), logits(2, 5, 3, seed=14)
    targets_NL, lengths_N = torch.tensor([[1, 2], [0, 0]]), torch.tensor([2, 0])
    total, count = aligned_cross_entropy(
        outputs(student_NTC), outputs(teacher_NTC), targets_NL, lengths_N, torch.tensor([True, False])
    )
    label = forced_alignment(teacher_NTC.log_softmax(-1)[:1], torch.tensor([5]), targets_NL[:1], lengths_N[:1])[0]
    read = teacher_NTC[1].argmax(-1)
    log_q_NTC = student_NTC.log_softmax(-1)
    expected = -sum(log_q_NTC[n, torch.arange(5), path].mean() for n, path in enumerate((label, read)))
    assert count == 2
    assert total.item() == pytest.approx(expected.item(), abs=1e-6)


def test_self_alignment_follows_the_class_that_is_likeliest_given_the_label() -> None:
    logits_NTC = logits(2, 4, 3, seed=15).requires_grad_()
    total, count = self_alignment(
        outputs(logits_NTC), torch.tensor([[1, 2], [0, 0]]), torch.tensor([2, 0]), torch.tensor([True, False])
    )
    p_TC = logits_NTC[0].detach().double().softmax(-1)
    occupied = torch.zeros(4, 3, dtype=torch.float64)
    for path in itertools.product(range(3), repeat=4):
        if collapse(np.array(path)) == [1, 2]:
            for t, c in enumerate(path):
                occupied[t, c] += math.prod(p_TC[i, k].item() for i, k in enumerate(path))
    expected = -logits_NTC[0].log_softmax(-1)[torch.arange(4), occupied.argmax(-1)].mean()
    assert count == 1
    assert total.item() == pytest.approx(expected.item(), abs=1e-6)
    (gradient,), (wanted,) = (torch.autograd.grad(x, logits_NTC) for x in (total, expected))
    assert torch.allclose(gradient, wanted, atol=1e-6)
    none, count = self_alignment(outputs(logits_NTC), torch.zeros(2, 1), torch.zeros(2), torch.tensor([False] * 2))
    assert (none.item(), count) == (0, 0)


CASES = Charset(characters="aAb")


def batch(texts: list[str | None], forms: list[str]) -> Batch:
    targets = [CASES.encode(text) if text else [] for text in texts]
    targets_NL = torch.zeros(len(texts), max(1, *map(len, targets)), dtype=torch.int64)
    for row, target in enumerate(targets):
        targets_NL[row, : len(target)] = torch.tensor(target)
    return Batch(
        images_NCHW=torch.zeros(len(texts), 1, 8, 8),
        targets_NL=targets_NL,
        target_lengths_N=torch.tensor([len(t) for t in targets]),
        labelled_N=torch.tensor([text is not None for text in texts]),
        keys=tuple(map(str, range(len(texts)))),
        foldings=foldings(CASES, forms),  # type: ignore[arg-type]
    )


def test_alignments_go_by_what_the_label_tells() -> None:
    """By enumeration: a caseless `Ab` is any path whose groups of classes collapse to those of the label."""
    (folded,) = foldings(CASES, ["caseless"])
    assert folded is not None
    student_NTC, teacher_NTC = logits(1, 4, 4, seed=16), logits(1, 4, 4, seed=17)
    lines = batch(["Ab"], ["caseless"])
    wanted = folded.group_of[lines.targets_NL[0]].tolist()

    def collapsed(path: tuple[int, ...]) -> list[int]:
        return [group for group, _ in itertools.groupby(folded.group_of[list(path)].tolist()) if group != folded.blank]

    paths = [path for path in itertools.product(range(4), repeat=4) if collapsed(path) == wanted]
    p_TC, q_TC = (x[0].double().softmax(-1) for x in (teacher_NTC, student_NTC))
    group_p_TG = torch.stack([p_TC[:, list(members)].sum(-1) for members in folded.groups], -1)
    frames = torch.arange(4)
    best = max(paths, key=lambda p: group_p_TG[frames, folded.group_of[list(p)]].log().sum().item())
    in_group_TC = folded.group_of == folded.group_of[list(best)][:, None]
    classes_T = p_TC.masked_fill(~in_group_TC, 0).argmax(-1)
    arguments = (lines.targets_NL, lines.target_lengths_N, lines.labelled_N, lines.foldings)
    aligned, _ = aligned_cross_entropy(outputs(student_NTC), outputs(teacher_NTC), *arguments)
    assert aligned.item() == pytest.approx(-q_TC[frames, classes_T].log().mean().item(), abs=1e-6)
    occupied_TC = torch.zeros(4, 4, dtype=torch.float64)
    for path in paths:
        occupied_TC[frames, list(path)] += q_TC[frames, list(path)].prod()
    own, _ = self_alignment(outputs(student_NTC), *arguments)
    assert own.item() == pytest.approx(-q_TC[frames, occupied_TC.argmax(-1)].log().mean().item(), abs=1e-6)
    exact = aligned_cross_entropy(outputs(student_NTC), outputs(teacher_NTC), *arguments[:3])[0]
    assert exact.item() != pytest.approx(aligned.item(), abs=1e-3)  # capitals are not forced any more


def test_trust_goes_by_what_the_label_tells() -> None:
    paths = torch.tensor([[1, 0, 3, 0], [1, 0, 3, 0], [1, 0, 3, 0], [1, 0, 3, 0]])  # "ab"
    teacher = outputs(torch.nn.functional.one_hot(paths, 4) * 8.0)
    lines = batch(["ab", "Ab", "Ab", None], ["exact", "exact", "caseless", "exact"])
    assert trust_in(teacher, lines, Trust()) is None
    dropped = trust_in(teacher, lines, Trust(policy="drop", max_cer=0.2))
    assert dropped is not None
    assert dropped.tolist() == [1, 0, 1, 1]
    weighted = trust_in(teacher, lines, Trust(policy="weight"))
    assert weighted is not None
    assert weighted[0] > 0.9
    assert weighted[1] < 0.2
    assert weighted[2] > 0.9
    assert weighted[3] == 1
    student = outputs(logits(4, 4, 4, seed=16))
    all_terms = Objective.model_validate(
        {name: {"weight": 1} for name in TAUGHT} | {"trust": {"policy": "drop", "max_cer": 0.2}}
    )
    weights = term_weights(all_terms, 0.5, taught=True)
    modules = torch.nn.ModuleDict({HINT: Hint(4, 4)})

    def inputs(ours: Outputs, theirs: Outputs, of_lines: Batch) -> TermInputs:
        return term_inputs(all_terms, weights, ours, of_lines, modules, None, Fixed(theirs))

    with_all = loss_terms(all_terms, weights, inputs(student, teacher, lines))
    assert with_all.keys() >= set(TAUGHT)
    rows = torch.tensor([0, 2, 3])
    kept = lines._replace(
        images_NCHW=lines.images_NCHW[rows],
        targets_NL=lines.targets_NL[rows],
        target_lengths_N=lines.target_lengths_N[rows],
        labelled_N=lines.labelled_N[rows],
        keys=("0", "2", "3"),
        foldings=tuple(lines.foldings[i] for i in (0, 2, 3)),
    )
    ours, theirs = (Outputs(*(x[rows] for x in o)) for o in (student, teacher))
    some = loss_terms(all_terms, weights, inputs(ours, theirs, kept))
    for name in TAUGHT:
        assert with_all[name][0].item() == pytest.approx(some[name][0].item(), abs=1e-4), name


def test_peers_follow_each_other() -> None:
    ours, theirs = logits(2, T, C, seed=50).requires_grad_(), logits(2, T, C, seed=51).requires_grad_()
    total, count = mutual(outputs(ours, [T, 3]), outputs(theirs, [T, 3]))
    total.backward()
    assert count == 2
    slow, gradients = torch.zeros((), dtype=torch.float64), []
    for own, other in ((ours, theirs), (theirs, ours)):
        x_NTC, p_NTC = own.detach().double().requires_grad_(), other.detach().double().softmax(-1)
        one_way = sum(
            kl(p_NTC[n, t], x_NTC[n, t].softmax(-1)) / frames for n, frames in enumerate((T, 3)) for t in range(frames)
        )
        torch.as_tensor(one_way).backward()
        slow, gradients = slow + torch.as_tensor(one_way).detach(), [*gradients, x_NTC.grad]
    assert total.item() == pytest.approx(slow.item(), abs=1e-5)
    assert torch.allclose(ours.grad.double(), gradients[0], atol=1e-6)
    assert torch.allclose(theirs.grad.double(), gradients[1], atol=1e-6)
    same, _ = mutual(outputs(ours), outputs(ours))
    assert same.item() == pytest.approx(0, abs=1e-6)


def test_the_attention_head_is_a_cross_entropy_over_true_prefixes() -> None:
    torch.manual_seed(0)
    head = AttentionHead(5, 4, hidden=8)
    lines = batch(["ab", None, "Ab", ""], ["exact", "exact", "caseless", "exact"])
    frames = Outputs(logits(4, T, 4, seed=52), torch.tensor([T, T, 3, 2]), logits(4, T, 5, seed=53).requires_grad_())
    told = (lines.targets_NL, lines.target_lengths_N, lines.labelled_N, lines.foldings)
    total, count = attention(head, frames, *told)
    assert count == 3
    slow = torch.zeros(())
    for row, (text, groups) in {0: ("ab", None), 2: ("Ab", ("aA",)), 3: ("", None)}.items():
        one = Outputs(*(x[row : row + 1, : frames.lengths_N[row]] if x.ndim > 1 else x[row : row + 1] for x in frames))
        classes = CASES.encode(text)
        for i, wanted in enumerate([*classes, 0]):  # one character at a time, knowing those before it
            p_C = head(one, torch.tensor([classes[:i]], dtype=torch.int64))[0, i].exp()
            alike = {1, 2} if groups and wanted in (1, 2) else {wanted}
            slow = slow - torch.stack([p_C[c] for c in alike]).sum().log() / (len(classes) + 1)
    assert total.item() == pytest.approx(slow.item(), abs=1e-5)
    (gradient,), (wanted_gradient,) = (torch.autograd.grad(x, frames.features_NTD) for x in (total, slow))
    assert torch.allclose(gradient, wanted_gradient, atol=1e-5)
    none, count = attention(head, frames, *told[:2], torch.tensor([False] * 4), lines.foldings)
    assert (none.item(), count) == (0, 0)


@pytest.mark.parametrize("distance", ["mse", "l1", "cosine"])
def test_a_feature_hint_is_the_mean_distance_over_valid_frames(distance: Distance) -> None:
    student = outputs(logits(2, T, C, seed=23), [T, 3])
    ours_NTD, theirs_NTD = logits(2, T, 5, seed=24).requires_grad_(), logits(2, T, 5, seed=25)
    expected = torch.zeros((), dtype=torch.float64)
    for a, b, t in zip(ours_NTD.double(), theirs_NTD.double(), (T, 3), strict=True):
        a, b = a[:t], b[:t]
        match distance:
            case "mse":
                expected = expected + ((a - b) ** 2).mean() / (b**2).mean()
            case "l1":
                expected = expected + (a - b).abs().mean() / b.abs().mean()
            case "cosine":
                each = [1 - (x * y).sum() / (x.norm() * y.norm()) for x, y in zip(a, b, strict=True)]
                expected = expected + torch.stack(each).mean()
    total, count = feature_hint(ours_NTD, theirs_NTD, student, distance=distance)
    assert count == 2
    assert total.item() == pytest.approx(expected.item(), abs=1e-5)
    (gradient,), (wanted,) = (torch.autograd.grad(x, ours_NTD) for x in (total, expected))
    assert torch.allclose(gradient, wanted.float(), atol=1e-5)
    assert feature_hint(theirs_NTD, theirs_NTD, student, distance=distance)[0].item() == pytest.approx(0, abs=1e-6)


def test_a_hint_goes_through_the_teachers_neck_and_leaves_it_alone() -> None:
    neck = Recurrent("bilstm", 5, 3, 1).eval().requires_grad_(False)
    fine = Outputs(logits(2, 8, C, seed=26), torch.tensor([8, 8]), logits(2, 8, 5, seed=27))
    student = Outputs(logits(2, 4, C, seed=28), torch.tensor([4, 4]), logits(2, 4, 7, seed=29))
    hint = Hint(7, 5)
    ours_NTD, theirs_NTD = hint(student, fine, neck)
    assert ours_NTD.shape == theirs_NTD.shape == (2, 4, 6)  # both ways, without the features
    assert torch.allclose(theirs_NTD, neck.read(fine.features_NTD).view(2, 4, 2, -1).mean(2), atol=1e-6)
    feature_hint(ours_NTD, theirs_NTD, student, distance="mse")[0].backward()
    assert hint.projection.weight.grad is not None
    assert all(p.grad is None for p in neck.parameters())


def test_the_control_minimises_what_needs_no_teacher_and_knows_no_setting_of_the_rest() -> None:
    untaught = {name: {"weight": 0.1} for name in ("self_alignment", "mutual", "attention")}
    every = Objective.model_validate({name: {"weight": 1} for name in TAUGHT} | untaught)
    alone = every.without_teacher
    assert term_weights(alone, 0.5, taught=True).keys() == {"ctc", "class_changes", "peer_ctc", *untaught}
    assert term_weights(every, 0.5, taught=True).keys() == every.terms.keys() - {"consistency"}
    hotter = every.model_copy(update={"frame_kl": FrameKL(temperature=4), "trust": Trust(policy="drop")})
    assert hotter.without_teacher == alone
    step = StepData(step=0, epoch=0, batches=(), n_items=7, n_labelled=4)
    counts = term_counts(every, term_weights(every, 0.5, taught=True), step)
    assert counts["ctc"] == counts["self_alignment"] == 4
    assert counts["frame_kl"] == counts["sequence_kd"] == 7


def spread(path: list[int], certainty: float = 9.0) -> Tensor:
    return torch.nn.functional.one_hot(torch.tensor([path]), C) * certainty


def test_area_pooling_keeps_equal_frames_and_writes_what_any_covered_frame_writes() -> None:
    student = outputs(logits(2, 3, C, seed=17), [3, 2])
    fine_NTC = logits(2, 6, C, seed=18)
    pooled = matched(outputs(fine_NTC, [6, 4]), student, "area", 0)
    for row, length in enumerate((3, 2)):
        p_TC = fine_NTC[row, : 2 * length].softmax(-1)
        blank_S = p_TC[0::2, 0] * p_TC[1::2, 0]
        shares_SK = (p_TC[0::2, 1:] + p_TC[1::2, 1:]) / (p_TC[0::2, 1:] + p_TC[1::2, 1:]).sum(-1, keepdim=True)
        expected = torch.cat([blank_S[:, None], (1 - blank_S)[:, None] * shares_SK], -1)
        assert torch.allclose(pooled.logits_NTC[row, :length].softmax(-1), expected, atol=1e-6)
    assert pooled.lengths_N.tolist() == [3, 2]
    other = outputs(logits(2, 5, C, seed=19))
    p_TC = other.logits_NTC[0].softmax(-1)
    onto_two = matched(other, outputs(logits(2, 2, C, seed=20)), "area", 0).logits_NTC[0].softmax(-1)
    assert onto_two[0, 0].item() == pytest.approx((p_TC[0, 0] * p_TC[1, 0] * p_TC[2, 0].sqrt()).item(), abs=1e-6)
    assert matched(other, outputs(logits(2, 5, C, seed=21)), "area", 0) is other
    spikes = matched(outputs(spread([0, 1, 0, 0, 2, 0])), outputs(logits(1, 3, C, seed=22)), "area", 0).logits_NTC
    assert spikes.argmax(-1).tolist() == [[1, 0, 2]]
    assert spikes.softmax(-1)[0, 0, 1] > 0.99  # not halved


def test_a_shift_finds_the_student_where_it_writes() -> None:
    teacher, student = outputs(spread([0, 1, 0, 2, 0, 0])), outputs(spread([0, 0, 0, 1, 0, 2]))
    found = matched(teacher, student, "shift", 2).logits_NTC.argmax(-1)
    assert found.tolist() == [[0, 0, 0, 1, 0, 2]]
    assert matched(teacher, student, "shift", 1).logits_NTC.argmax(-1).tolist() != found.tolist()


def test_symbols_are_expected_where_the_student_would_write_them() -> None:
    path = [0, 1, 1, 0, 2, 0, 0, 2, 0, 3]
    teacher_NTC = torch.cat([logits(1, 10, C, seed=26) / 2 + spread(path), logits(1, 10, C, seed=27)])
    student_NSC = logits(2, 6, C, seed=28)
    found = matched(outputs(teacher_NTC, [10, 4]), outputs(student_NSC, [5, 1]), "symbols", 0)
    p_TC, q_SC = teacher_NTC[0].softmax(-1), student_NSC[0, :5].softmax(-1)
    # the mean posteriors of 1, of 2 and 2, which share a column, of 3, and between them
    mean_UC = torch.stack([p_TC[frames].mean(0) for frames in ([0, 3, 5, 6, 8], [1, 2], [4, 7], [9])])
    occupied_SU = torch.zeros(5, 4)
    for classes in itertools.product(range(C), repeat=5):
        if collapse(np.array(classes)) == [1, 2, 2, 3]:
            chance = torch.stack([q_SC[s, c] for s, c in enumerate(classes)]).prod()
            occupied_SU[range(5), classes] += chance
    occupied_SU /= occupied_SU.sum(1, keepdim=True)
    assert torch.allclose(found.logits_NTC[0, :5].softmax(-1), occupied_SU @ mean_UC, atol=1e-6)
    by_area = matched(outputs(teacher_NTC, [10, 4]), outputs(student_NSC, [5, 1]), "area", 0)
    assert len(collapse(teacher_NTC[1, :4].argmax(-1).numpy())) > 1  # does not fit one frame
    assert torch.equal(found.logits_NTC[1], by_area.logits_NTC[1])
    alone = Outputs(*(tensor[1:] for tensor in outputs(teacher_NTC, [10, 4])))
    narrow = Outputs(*(tensor[1:] for tensor in outputs(student_NSC, [5, 1])))
    assert torch.equal(matched(alone, narrow, "symbols", 0).logits_NTC, matched(alone, narrow, "area", 0).logits_NTC)
    assert matched(outputs(teacher_NTC), outputs(logits(2, 10, C, seed=29)), "symbols", 0).logits_NTC is teacher_NTC


def test_a_text_with_a_class_that_the_teacher_does_not_know_is_not_matched_symbol_by_symbol() -> None:
    teacher, student = outputs(spread([0, 1, 0, 2, 3, 0]).expand(2, -1, -1)), outputs(logits(2, 5, C, seed=31))
    by_symbols, by_area = (matched(teacher, student, how, 0).logits_NTC for how in ("symbols", "area"))
    assert not torch.allclose(by_symbols, by_area)
    unknown_C = torch.tensor([False, False, True, True])
    assert torch.equal(matched(teacher, student, "symbols", 0, unknown_C).logits_NTC, by_area)


def test_kl_to_matched_symbols_has_the_gradient_of_ctc_where_the_teacher_is_certain() -> None:
    student_NSC = logits(1, 5, C, seed=30).requires_grad_()
    teacher = outputs(spread([0, 1, 1, 0, 2, 0, 0, 2, 0, 3], certainty=40.0))
    onto = matched(teacher, outputs(student_NSC.detach()), "symbols", 0)
    total, _ = frame_kl(outputs(student_NSC), onto, FrameKL(temperature=1, frames="all"))
    (by_kl,) = torch.autograd.grad(total, student_NSC)
    targets = torch.tensor([[1, 2, 2, 3]]), torch.tensor([4]), torch.tensor([True])
    (by_ctc,) = torch.autograd.grad(ctc(outputs(student_NSC), *targets)[0], student_NSC)
    assert torch.allclose(by_kl, by_ctc, atol=1e-6)


def test_classes_that_only_one_side_knows_are_one_class_to_the_kl() -> None:
    class_of_C = (0, 3, NOT_KNOWN, 1, NOT_KNOWN)  # the teacher has five classes, too; two of them are its own
    theirs = outputs(logits(2, 3, 5, seed=40))
    ours = outputs(logits(2, 3, 5, seed=41).requires_grad_())
    unknown_C = torch.tensor([c == NOT_KNOWN for c in class_of_C])
    seen = rest_as_student(in_classes(theirs, class_of_C), ours, unknown_C)
    loss, _ = frame_kl(ours, seen, FrameKL(temperature=1.0, frames="all"))
    loss.backward()

    p_NTC, x_NTC = theirs.logits_NTC.double().softmax(-1), ours.logits_NTC.detach().double().requires_grad_()
    q_NTC = x_NTC.softmax(-1)
    slow = torch.zeros((), dtype=torch.float64)
    for n in range(2):
        for t in range(3):
            p_C, q_C = p_NTC[n, t], q_NTC[n, t]
            shared = [(p_C[0], q_C[0]), (p_C[3], q_C[1]), (p_C[1], q_C[3])]
            rest = (p_C[2] + p_C[4], q_C[2] + q_C[4])
            slow = slow + sum(p * (p / q).log() for p, q in (*shared, rest)) / 3
    slow.backward()
    assert loss.item() == pytest.approx(slow.item(), rel=1e-5)
    assert torch.allclose(ours.logits_NTC.grad.double(), x_NTC.grad, atol=1e-6)


def test_a_teacher_of_more_characters_is_renormalised() -> None:
    theirs = outputs(logits(2, 3, 6, seed=42))
    kept = in_classes(theirs, (0, 2, 5)).logits_NTC.softmax(-1)
    p_NTC = theirs.logits_NTC.softmax(-1)[..., [0, 2, 5]]
    assert torch.allclose(kept, p_NTC / p_NTC.sum(-1, keepdim=True), atol=1e-6)
    assert in_classes(theirs, None) is theirs
