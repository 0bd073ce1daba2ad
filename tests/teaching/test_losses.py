"""CTC against the sum over all paths; KL against torch.distributions; both against padding and company."""

from __future__ import annotations

import itertools
import math
from typing import Literal

import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical, kl_divergence

from distill.data.labels import LabelForm, fold_label, foldings
from distill.recipe.terms import FrameKL
from distill.teaching.losses.ctc import class_changes, ctc
from distill.teaching.losses.frames import valid_frames
from distill.teaching.losses.large import MANY_CLASSES
from distill.teaching.losses.logits import consistency, frame_kl, shares, written_frames
from students.charset import Charset
from tests.tensors import logits, outputs

Frames = Literal["all", "elimination", "symmetric"]
FRAMES: tuple[Frames, ...] = ("all", "elimination", "symmetric")


def by_enumeration(logits_TC: Tensor, target: list[int]) -> Tensor:
    """-log of the summed probability of every path that collapses to the target."""
    log_p_TC = logits_TC.double().log_softmax(-1)
    paths = []
    for path in itertools.product(range(log_p_TC.shape[1]), repeat=log_p_TC.shape[0]):
        merged = [c for c, _ in itertools.groupby(path) if c != 0]
        if merged == target:
            paths.append(sum(log_p_TC[t, c] for t, c in enumerate(path)))
    return -torch.logsumexp(torch.stack(paths), 0)


@pytest.mark.parametrize("many", [MANY_CLASSES, 2])  # from how many classes on the compact form is taken
@pytest.mark.parametrize("target", [[], [1], [1, 2], [2, 2], [1, 2, 1]])
def test_ctc_is_the_sum_over_all_paths_in_value_and_gradient(
    target: list[int], many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distill.teaching.losses.ctc.MANY_CLASSES", many)
    logits_NTC = logits(1, 5, 3).requires_grad_()
    total, count = ctc(
        outputs(logits_NTC), torch.tensor([target or [0]]), torch.tensor([len(target)]), torch.tensor([True])
    )
    assert count == 1
    expected = by_enumeration(logits_NTC[0], target) / 5
    assert total.item() == pytest.approx(expected.item(), abs=1e-5)
    (gradient,) = torch.autograd.grad(total, logits_NTC)
    (wanted,) = torch.autograd.grad(expected, logits_NTC)
    assert torch.allclose(gradient, wanted.float(), atol=1e-5)


def test_ctc_leaves_unlabelled_lines_alone() -> None:
    logits_NTC = logits(2, 6, 4).requires_grad_()
    total, count = ctc(
        outputs(logits_NTC), torch.tensor([[1, 2], [0, 0]]), torch.tensor([2, 0]), torch.tensor([True, False])
    )
    total.backward()
    assert count == 1
    assert logits_NTC.grad is not None
    assert logits_NTC.grad[1].abs().sum() == 0
    nothing, none = ctc(outputs(logits_NTC), torch.zeros(2, 1), torch.zeros(2), torch.tensor([False, False]))
    assert (nothing.item(), none) == (0, 0)


def test_ctc_of_half_precision_is_summed_in_float32() -> None:
    half = outputs(logits(2, 6, 4).bfloat16())
    labels = torch.tensor([[1, 2], [3, 3]]), torch.tensor([2, 2]), torch.tensor([True, True])
    total, _ = ctc(half, *labels)
    assert total.dtype == torch.float32
    assert total.item() == pytest.approx(ctc(outputs(half.logits_NTC.float()), *labels)[0].item(), rel=1e-6)
    changes, _ = class_changes(
        outputs(half.logits_NTC), labels[2], foldings(Charset(characters="aAb"), ["caseless"] * 2)
    )
    assert changes.dtype == torch.float32


def test_ctc_says_infinity_where_a_label_has_too_few_frames() -> None:
    total, _ = ctc(outputs(logits(1, 2, 3)), torch.tensor([[1, 1]]), torch.tensor([2]), torch.tensor([True]))
    assert math.isinf(total.item())


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_frame_kl_is_that_of_torch_distributions(temperature: float) -> None:
    student_NTC, teacher_NTC = logits(3, 7, 5), logits(3, 7, 5, seed=1)
    total, count = frame_kl(outputs(student_NTC), outputs(teacher_NTC), FrameKL(temperature=temperature, frames="all"))
    divergence_NT = kl_divergence(
        Categorical(logits=teacher_NTC / temperature), Categorical(logits=student_NTC / temperature)
    )
    assert count == 3
    assert total.item() == pytest.approx(temperature**2 * divergence_NT.mean(1).sum().item(), rel=1e-5)


@pytest.mark.parametrize("frames", FRAMES)
def test_frame_kl_is_zero_at_equality_and_never_negative(frames: Frames) -> None:
    teacher = outputs(logits(2, 9, 4))
    assert frame_kl(teacher, teacher, FrameKL(temperature=2, frames=frames))[0].item() == pytest.approx(0, abs=1e-6)
    other = outputs(logits(2, 9, 4, seed=3))
    assert frame_kl(other, teacher, FrameKL(temperature=2, frames=frames))[0].item() > 0


@pytest.mark.parametrize("frames", FRAMES)
def test_frame_kl_sees_neither_padding_nor_company(frames: Frames) -> None:
    student_NTC, teacher_NTC = logits(2, 6, 4), logits(2, 6, 4, seed=1)
    padding_NTC = 50 * logits(2, 3, 4, seed=2)

    def kl(rows: slice, pad: bool) -> float:
        both = [torch.cat([x, padding_NTC], 1) if pad else x for x in (student_NTC, teacher_NTC)]
        lengths = [6] * len(range(*rows.indices(2)))
        student, teacher = (outputs(x[rows], lengths) for x in both)
        return frame_kl(student, teacher, FrameKL(temperature=1.5, frames=frames))[0].item()

    alone = kl(slice(0, 1), False) + kl(slice(1, 2), False)
    assert kl(slice(None), False) == pytest.approx(alone, abs=1e-6)
    assert kl(slice(None), True) == pytest.approx(alone, abs=1e-6)


def test_frames_are_chosen_by_what_the_teacher_writes() -> None:
    best = torch.tensor([[0, 0, 0, 1, 0, 0, 0, 0, 2, 2]])
    outs = outputs(torch.nn.functional.one_hot(best, 3).float(), [9])
    teacher = valid_frames(outs), written_frames(outs)
    assert shares(*teacher, FrameKL(frames="all"))[0].tolist() == [1] * 9 + [0]
    for frames, neighbours, chosen in (
        ("elimination", 0, [3, 8]),
        ("symmetric", 1, [2, 3, 4, 7, 8]),
        ("symmetric", 2, [1, 2, 3, 4, 5, 6, 7, 8]),
    ):
        settings = FrameKL.model_validate({"frames": frames, "neighbours": neighbours})
        assert shares(*teacher, settings)[0].nonzero().flatten().tolist() == chosen


def test_a_line_on_which_the_teacher_writes_nothing_adds_zero_and_stays_finite() -> None:
    silent = torch.zeros(1, 5, 3)
    silent[..., 0] = 9
    student_NTC = logits(1, 5, 3).requires_grad_()
    total, count = frame_kl(outputs(student_NTC), outputs(silent), FrameKL(temperature=1, frames="symmetric"))
    total.backward()
    assert (total.item(), count) == (0, 1)
    assert student_NTC.grad is not None
    assert student_NTC.grad.isfinite().all()


CASES = Charset(characters=".aAb")


@pytest.mark.parametrize(("form", "target"), [("caseless", "aAb"), ("no_punctuation", "ab"), ("caseless", "")])
def test_a_label_that_records_less_is_the_sum_over_all_paths_that_agree_with_it(form: LabelForm, target: str) -> None:
    """By enumeration: every path is folded frame by frame, then collapsed, and compared with the folded label.

    torch's gradient is right for normalised posteriors alone: findings/torch-ctc-gradient.sh.
    """
    (folded,) = foldings(CASES, [form])
    assert folded is not None
    logits_NTC = logits(1, 5, CASES.n_classes).requires_grad_()
    classes = CASES.encode(target)
    total, _ = ctc(
        outputs(logits_NTC), torch.tensor([classes or [0]]), torch.tensor([len(target)]), torch.tensor([True]), [folded]
    )
    log_p_TC = logits_NTC[0].double().log_softmax(-1)
    wanted_text, paths = fold_label(target, form), []
    for path in itertools.product(range(CASES.n_classes), repeat=5):
        symbols = [fold_label(CASES.decode([c]), form) if c else "" for c in path]
        if "".join(symbol for symbol, _ in itertools.groupby(symbols)) == wanted_text:
            paths.append(sum(log_p_TC[t, c] for t, c in enumerate(path)))
    expected = -torch.logsumexp(torch.stack(paths), 0) / 5
    assert total.item() == pytest.approx(expected.item(), abs=1e-5)
    (gradient,) = torch.autograd.grad(total, logits_NTC)
    (wanted,) = torch.autograd.grad(expected, logits_NTC)
    assert torch.allclose(gradient, wanted.float(), atol=1e-5)


def test_a_caseless_label_of_thousands_of_classes_is_content_with_either_case() -> None:
    charset = Charset(characters="aAb" + "".join(map(chr, range(0x4E00, 0x4E00 + MANY_CLASSES))))
    student, form = outputs(logits(1, 5, charset.n_classes)), foldings(charset, ["caseless"])
    one, other, exact = (
        ctc(student, torch.tensor([charset.encode(text)]), torch.tensor([2]), torch.tensor([True]), of_form)[0].item()
        for text, of_form in (("ab", form), ("Ab", form), ("ab", None))
    )
    assert one == pytest.approx(other, rel=1e-6)
    assert one < exact - 1e-3


def test_lines_of_several_forms_in_one_batch_each_follow_their_own() -> None:
    logits_NTC = logits(3, 6, CASES.n_classes)
    targets_NL, lengths_N = torch.tensor([CASES.encode("aA"), CASES.encode("ab"), [0, 0]]), torch.tensor([2, 2, 0])
    each = foldings(CASES, ["caseless", "exact", "no_punctuation"])
    assert each[1] is None
    together, count = ctc(outputs(logits_NTC), targets_NL, lengths_N, torch.tensor([True, True, False]), each)
    rows = [slice(i, i + 1) for i in range(2)]
    one = torch.tensor([True])
    alone = sum(ctc(outputs(logits_NTC[i]), targets_NL[i], lengths_N[i], one, each[i])[0] for i in rows)
    assert count == 2
    assert torch.allclose(together, torch.as_tensor(alone))


@pytest.mark.parametrize("form", ["caseless", "no_punctuation", "caseless_no_punctuation"])
def test_class_changes_are_the_expected_places_at_which_a_path_writes_one_symbol_twice(form: LabelForm) -> None:
    """By enumeration over the paths of the valid frames: neighbours of two classes but of one written symbol."""
    logits_NTC = logits(2, 4, CASES.n_classes).requires_grad_()
    total, count = class_changes(outputs(logits_NTC, [4, 3]), torch.tensor([True, True]), foldings(CASES, [form, form]))
    expected = torch.zeros((), dtype=torch.float64)
    for logits_TC, t in zip(logits_NTC, (4, 3), strict=True):
        p_TC = logits_TC.double().softmax(-1)
        for path in itertools.product(range(CASES.n_classes), repeat=t):
            symbols = [fold_label(CASES.decode([c]), form) if c else "" for c in path]
            doubled = sum(path[i] != path[i + 1] and symbols[i] == symbols[i + 1] != "" for i in range(t - 1))
            expected = expected + doubled * torch.stack([p_TC[i, c] for i, c in enumerate(path)]).prod() / t
    assert count == 2
    assert total.item() == pytest.approx(expected.item(), abs=1e-6)
    (gradient,) = torch.autograd.grad(total, logits_NTC, allow_unused=True)
    if form != "no_punctuation":  # there no two characters are one
        (wanted,) = torch.autograd.grad(expected, logits_NTC)
        assert torch.allclose(gradient, wanted.float(), atol=1e-6)


def test_class_changes_speak_only_of_labelled_lines_that_leave_a_choice() -> None:
    logits_NTC = logits(3, 5, CASES.n_classes)
    each = foldings(CASES, ["caseless", "exact", "caseless"])
    total, count = class_changes(outputs(logits_NTC), torch.tensor([True, True, False]), each)
    alone, _ = class_changes(outputs(logits_NTC[:1]), torch.tensor([True]), each[:1])
    longer_NTC = torch.cat([logits_NTC[:1], logits(1, 2, CASES.n_classes, seed=1)], 1)
    padded, _ = class_changes(outputs(longer_NTC, [5]), torch.tensor([True]), each[:1])
    assert count == 2
    assert total.item() == pytest.approx(alone.item()) == padded.item()
    assert class_changes(outputs(logits_NTC), torch.tensor([False] * 3), each)[0].item() == 0


def test_two_equal_views_agree_and_the_followed_view_gets_no_gradient() -> None:
    view_NTC = logits(2, 5, 4)
    equal, count = consistency(outputs(torch.cat([view_NTC, view_NTC]), [5, 3, 5, 3]))
    assert count == 4
    assert equal.item() == pytest.approx(0, abs=1e-6)
    logits_NTC = logits(2, 3, 4, seed=1).requires_grad_()
    total, _ = consistency(outputs(logits_NTC))
    q, p = logits_NTC.detach().softmax(-1)
    expected = (kl_divergence(Categorical(p), Categorical(q)) + kl_divergence(Categorical(q), Categorical(p))).mean()
    assert total.item() == pytest.approx(expected.item(), abs=1e-5)
    (gradient_NTC,) = torch.autograd.grad(total, logits_NTC)
    assert torch.allclose(gradient_NTC, torch.stack([q - p, p - q]) / 3, atol=1e-6)


def test_views_are_invariant_to_padding() -> None:
    short_NTC = logits(2, 4, 3)
    padded_NTC = torch.cat([short_NTC, logits(2, 3, 3, seed=5)], 1)
    assert consistency(outputs(short_NTC))[0].item() == pytest.approx(
        consistency(outputs(padded_NTC, [4, 4]))[0].item(), abs=1e-6
    )
