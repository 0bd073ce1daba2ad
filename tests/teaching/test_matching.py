"""A teacher of other frames or classes, brought onto the student's."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor

from distill.data.batch import padded_targets
from distill.recipe.objective import FrameMatch, Objective
from distill.recipe.terms import FrameKL
from distill.teaching.cache import temperatures_of
from distill.teaching.losses.alignment import occupancy
from distill.teaching.losses.ctc import ctc
from distill.teaching.losses.logits import frame_kl
from distill.teaching.losses.matching import averages_frames, in_classes, matched, rest_as_student
from distill.teaching.teacher import UNMAPPED
from students.greedy import collapse
from students.parts import Outputs
from tests.tensors import C, logits, outputs

AREA, SYMBOLS, ALWAYS = FrameMatch(how="area"), FrameMatch(), FrameMatch(always=True)


def onto(teacher: Outputs, student: Outputs, match: FrameMatch, unknown_C: Tensor | None = None) -> Outputs:
    return matched(teacher, student, match, unknown_C).outputs


def spread(path: list[int], certainty: float = 9.0) -> Tensor:
    return torch.nn.functional.one_hot(torch.tensor([path]), C) * certainty


def test_area_pooling_keeps_equal_frames_and_writes_what_any_covered_frame_writes() -> None:
    student = outputs(logits(2, 3, C, seed=17), [3, 2])
    fine_NTC = logits(2, 6, C, seed=18)
    pooled = onto(outputs(fine_NTC, [6, 4]), student, AREA)
    for row, length in enumerate((3, 2)):
        p_TC = fine_NTC[row, : 2 * length].softmax(-1)
        blank_S = p_TC[0::2, 0] * p_TC[1::2, 0]
        shares_SK = (p_TC[0::2, 1:] + p_TC[1::2, 1:]) / (p_TC[0::2, 1:] + p_TC[1::2, 1:]).sum(-1, keepdim=True)
        expected = torch.cat([blank_S[:, None], (1 - blank_S)[:, None] * shares_SK], -1)
        assert torch.allclose(pooled.logits_NTC[row, :length].softmax(-1), expected, atol=1e-6)
    assert pooled.lengths_N.tolist() == [3, 2]
    other = outputs(logits(2, 5, C, seed=19))
    p_TC = other.logits_NTC[0].softmax(-1)
    onto_two = onto(other, outputs(logits(2, 2, C, seed=20)), AREA).logits_NTC[0].softmax(-1)
    assert onto_two[0, 0].item() == pytest.approx((p_TC[0, 0] * p_TC[1, 0] * p_TC[2, 0].sqrt()).item(), abs=1e-6)
    assert onto(other, outputs(logits(2, 5, C, seed=21)), AREA) is other
    spikes = onto(outputs(spread([0, 1, 0, 0, 2, 0])), outputs(logits(1, 3, C, seed=22)), AREA).logits_NTC
    assert spikes.argmax(-1).tolist() == [[1, 0, 2]]
    assert spikes.softmax(-1)[0, 0, 1] > 0.99  # not halved


def test_a_shift_finds_the_student_where_it_writes() -> None:
    teacher, student = outputs(spread([0, 1, 0, 2, 0, 0])), outputs(spread([0, 0, 0, 1, 0, 2]))
    found = onto(teacher, student, FrameMatch(how="shift", max_shift=2)).logits_NTC.argmax(-1)
    assert found.tolist() == [[0, 0, 0, 1, 0, 2]]
    less = FrameMatch(how="shift", max_shift=1)
    assert onto(teacher, student, less).logits_NTC.argmax(-1).tolist() != found.tolist()


def test_symbols_are_expected_where_the_student_would_write_them() -> None:
    path = [0, 1, 1, 0, 2, 0, 0, 2, 0, 3]
    teacher_NTC = torch.cat([logits(1, 10, C, seed=26) / 2 + spread(path), logits(1, 10, C, seed=27)])
    student_NSC = logits(2, 6, C, seed=28)
    found = onto(outputs(teacher_NTC, [10, 4]), outputs(student_NSC, [5, 1]), SYMBOLS)
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
    by_area = onto(outputs(teacher_NTC, [10, 4]), outputs(student_NSC, [5, 1]), AREA)
    assert len(collapse(teacher_NTC[1, :4].argmax(-1).numpy())) > 1  # does not fit one frame
    assert torch.equal(found.logits_NTC[1], by_area.logits_NTC[1])
    alone = Outputs(*(tensor[1:] for tensor in outputs(teacher_NTC, [10, 4])))
    narrow = Outputs(*(tensor[1:] for tensor in outputs(student_NSC, [5, 1])))
    assert torch.equal(onto(alone, narrow, SYMBOLS).logits_NTC, onto(alone, narrow, AREA).logits_NTC)
    assert onto(outputs(teacher_NTC), outputs(logits(2, 10, C, seed=29)), SYMBOLS).logits_NTC is teacher_NTC


def test_a_text_with_a_class_that_the_teacher_does_not_know_is_not_matched_symbol_by_symbol() -> None:
    teacher, student = outputs(spread([0, 1, 0, 2, 3, 0]).expand(2, -1, -1)), outputs(logits(2, 5, C, seed=31))
    by_symbols, by_area = (onto(teacher, student, how).logits_NTC for how in (SYMBOLS, AREA))
    assert not torch.allclose(by_symbols, by_area)
    unknown_C = torch.tensor([False, False, True, True])
    assert torch.equal(onto(teacher, student, SYMBOLS, unknown_C).logits_NTC, by_area)


def test_kl_to_matched_symbols_has_the_gradient_of_ctc_where_the_teacher_is_certain() -> None:
    student_NSC = logits(1, 5, C, seed=30).requires_grad_()
    teacher = outputs(spread([0, 1, 1, 0, 2, 0, 0, 2, 0, 3], certainty=40.0))
    seen = onto(teacher, outputs(student_NSC.detach()), SYMBOLS)
    total, _ = frame_kl(outputs(student_NSC), seen, FrameKL(temperature=1, frames="all"))
    (by_kl,) = torch.autograd.grad(total, student_NSC)
    targets = torch.tensor([[1, 2, 2, 3]]), torch.tensor([4]), torch.tensor([True])
    (by_ctc,) = torch.autograd.grad(ctc(outputs(student_NSC), *targets)[0], student_NSC)
    assert torch.allclose(by_kl, by_ctc, atol=1e-6)


def test_classes_that_only_one_side_knows_are_one_class_to_the_kl() -> None:
    class_of_C = (0, 3, UNMAPPED, 1, UNMAPPED)  # the teacher has five classes, too; two of them are its own
    theirs = outputs(logits(2, 3, 5, seed=40))
    ours = outputs(logits(2, 3, 5, seed=41).requires_grad_())
    unknown_C = torch.tensor([c == UNMAPPED for c in class_of_C])
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


def test_equal_frames_are_matched_symbol_by_symbol_where_asked() -> None:
    """Against enumeration, on equal frames: the student's occupancy decides where, the teacher's posteriors what."""
    path = [0, 1, 0, 2, 2]
    teacher_NTC, student_NTC = spread(path) + logits(1, 5, C, seed=33) / 2, logits(1, 5, C, seed=34)
    teacher, student = outputs(teacher_NTC), outputs(student_NTC)
    found = onto(teacher, student, ALWAYS).logits_NTC[0].softmax(-1)
    p_TC, q_TC = teacher_NTC[0].softmax(-1), student_NTC[0].softmax(-1)
    mean_UC = torch.stack([p_TC[[0, 2]].mean(0), p_TC[1], p_TC[3:].mean(0)])
    occupied_TU = torch.zeros(5, 3)
    for classes in itertools.product(range(3), repeat=5):
        if collapse(np.array(classes)) == [1, 2]:
            occupied_TU[range(5), classes] += q_TC[range(5), classes].prod()
    occupied_TU /= occupied_TU.sum(1, keepdim=True)
    assert torch.allclose(found, occupied_TU @ mean_UC, atol=1e-6)
    assert onto(teacher, student, SYMBOLS) is teacher
    assert averages_frames(teacher, student, ALWAYS)
    assert not averages_frames(teacher, student, SYMBOLS)


def test_a_teacher_without_a_blank_frame_leaves_blanks_to_where_the_student_writes_nothing() -> None:
    path = [1, 1, 2, 2, 2]
    teacher_NTC, student = spread(path) + logits(1, 5, C, seed=38) / 2, outputs(logits(1, 5, C, seed=39))
    found = matched(outputs(teacher_NTC), student, ALWAYS)
    p_TC = teacher_NTC[0].softmax(-1)
    certain_C = torch.eye(C)[0]
    occupied_TU = occupancy(student.logits_NTC.log_softmax(-1), student.lengths_N, *padded_targets([[1, 2]]))[0][0]
    wanted_TC = occupied_TU @ torch.stack([certain_C, p_TC[:2].mean(0), p_TC[2:].mean(0)])
    assert torch.allclose(found.outputs.logits_NTC[0].softmax(-1), wanted_TC, atol=1e-6)
    sure_U = torch.stack([torch.tensor(1.0), p_TC[:2].amax(-1).mean(), p_TC[2:].amax(-1).mean()])
    assert torch.allclose(found.sureness_NT[0], occupied_TU @ sure_U, atol=1e-6)


def test_a_temperature_softens_what_stands_at_a_symbol_and_not_where() -> None:
    tau = 2.0
    path = [0, 1, 0, 2, 2]
    teacher_NTC, student = spread(path, 6.0) + logits(1, 5, C, seed=35) / 2, outputs(logits(1, 5, C, seed=36))
    plain, softer = (
        matched(outputs(teacher_NTC), student, FrameMatch(always=True, temperature=t), None, outputs(teacher_NTC))
        for t in (1.0, tau)
    )
    p_TC = teacher_NTC[0].softmax(-1)
    shares_TK = p_TC[:, 1:] ** (1 / tau) / (p_TC[:, 1:] ** (1 / tau)).sum(-1, keepdim=True)
    soft_TC = torch.cat([p_TC[:, :1], (1 - p_TC[:, :1]) * shares_TK], -1)
    occupied_SU, _ = occupancy(student.logits_NTC.log_softmax(-1), student.lengths_N, *padded_targets([[1, 2]]))
    columns = ([0, 2], [1], [3, 4])
    for found, of_frame_TC in ((plain, p_TC), (softer, soft_TC)):
        mean_UC = torch.stack([of_frame_TC[frames].mean(0) for frames in columns])
        assert torch.allclose(found.outputs.logits_NTC[0].softmax(-1), occupied_SU[0] @ mean_UC, atol=1e-6)
        sure_U = torch.stack([p_TC[frames].amax(-1).mean() for frames in columns])  # before softening
        assert torch.allclose(found.sureness_NT[0], occupied_SU[0] @ sure_U, atol=1e-6)
    blanks = [x.outputs.logits_NTC.softmax(-1)[..., 0] for x in (plain, softer)]
    assert torch.allclose(*blanks, atol=1e-6)
    cached = Objective.model_validate({"match": {"temperature": tau}})
    assert temperatures_of(cached) == (1.0, 2.0)
    by_area = matched(outputs(teacher_NTC), student, AREA)
    assert torch.allclose(by_area.sureness_NT[0], p_TC.amax(-1))


def test_a_text_that_does_not_fit_is_as_sure_as_its_pooled_frames() -> None:
    teacher = outputs(torch.cat([spread([0, 1, 2, 3, 1, 2]), spread([0, 1, 1, 0, 0, 0])]))
    student = outputs(logits(2, 3, C, seed=37))
    by_symbols, by_area = (matched(teacher, student, how).sureness_NT for how in (SYMBOLS, AREA))
    assert torch.equal(by_symbols[0], by_area[0])
    assert not torch.allclose(by_symbols[1], by_area[1])
