"""Terms on texts and alignments against the enumeration of all paths."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from distill.teaching.losses.alignment import aligned_cross_entropy, forced_alignment, self_alignment
from distill.teaching.losses.sequence import Search, n_best_texts, sequence_kd
from students.alignments import frames_needed
from students.beam import prefix_beam_search
from students.greedy import collapse
from tests.tensors import logits, outputs


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
    total, count = sequence_kd(outputs(student_NTC), outputs(teacher_NTC), Search(3, 200))
    assert count == 1
    assert total.item() == pytest.approx(expected, abs=1e-4)


def test_texts_too_long_for_the_student_are_left_out() -> None:
    long = torch.nn.functional.one_hot(torch.tensor([[1, 2, 1, 2, 1]]), 3) * 30.0
    student_NTC = logits(1, 3, 3, seed=11).requires_grad_()
    total, count = sequence_kd(outputs(student_NTC), outputs(long), Search(1, 4))
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


def test_a_text_weighs_its_probability_where_asked() -> None:
    student_NTC, teacher_NTC = logits(2, 4, 3, seed=12), logits(2, 4, 3, seed=13)
    expected = 0.0
    for q_TC, p_TC in zip(student_NTC.log_softmax(-1).numpy(), teacher_NTC.log_softmax(-1).numpy(), strict=True):
        texts, student = by_enumeration(p_TC), by_enumeration(q_TC)
        best = sorted(texts, key=lambda text: -texts[text])[:2]
        expected -= sum(texts[text] ** (1 / 1.5) * math.log(student[text]) for text in best) / 4
    both = outputs(student_NTC), outputs(teacher_NTC), Search(2, 200, {})
    settings = {"temperature": 1.5, "by_probability": True}
    assert sequence_kd(*both, **settings)[0].item() == pytest.approx(expected, abs=1e-4)
    first = sequence_kd(*both, **settings, weights_N=torch.tensor([2.0, 0.0]))[0].item()
    second = sequence_kd(*both, **settings, weights_N=torch.tensor([0.0, 2.0]))[0].item()
    assert first + second == pytest.approx(2 * expected, abs=1e-4)
    known = both[2].known
    assert known is not None
    assert len(known) == 2  # every line was searched once
    for of_line in known.values():
        of_line[:] = []  # what is known is not searched again
    assert sequence_kd(*both, **settings)[0].item() == 0


def test_the_search_for_texts_is_the_plain_one_but_for_its_margin_and_sure_blanks() -> None:
    path = [0, 0, 0, 1, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0]
    for seed in range(5):
        sure_NTC = torch.nn.functional.one_hot(torch.tensor([path]), 4) * 12.0 + logits(1, len(path), 4, seed=seed)
        sure_NTC[0, [3, 6, 14]] = logits(3, 4, seed=seed + 50)  # a few doubtful frames
        log_p_TC = sure_NTC[0].log_softmax(-1).numpy()
        plain = prefix_beam_search(log_p_TC, beam=500, ignored_below=0)[:8]
        found = n_best_texts(log_p_TC, 8, 64)
        assert [tuple(text) for text, _ in found] == [text for text, _ in plain]
        assert [log_p for _, log_p in found] == pytest.approx([log_p for _, log_p in plain], abs=2e-3)
    assert n_best_texts(log_p_TC[:0], 3, 8) == [([], 0.0)]
    narrow = prefix_beam_search(log_p_TC, beam=500, ignored_below=0, margin=2.0)
    assert min(log_p for _, log_p in narrow) >= narrow[0][1] - 2.0
