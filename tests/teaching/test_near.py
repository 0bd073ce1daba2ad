"""Symbols of a teacher moved to where the student writes them, against a search of every way to move them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor

from distill.recipe.objective import FrameMatch, Objective
from distill.recipe.terms import FrameKL
from distill.teaching.losses.logits import frame_kl
from distill.teaching.losses.matching import averages_frames, matched
from distill.teaching.losses.near import symbols_of, texts_of_paths
from students.greedy import collapse
from students.parts import Outputs
from tests.tensors import C, logits, outputs


def onto(teacher: Outputs, student: Outputs, match: FrameMatch, unknown_C: Tensor | None = None) -> Outputs:
    return matched(teacher, student, match, unknown_C).outputs


def teacher_of(path: list[int], seed: int) -> Tensor:
    """Logits whose best path is `path`, no two frames alike."""
    return torch.nn.functional.one_hot(torch.tensor([path]), C) * 9.0 + logits(1, len(path), C, seed=seed) / 2


def spans(path: list[int]) -> list[tuple[int, int, int]]:
    """Class, first and last frame of every symbol."""
    runs, at = [], 0
    for c, run in itertools.groupby(path):
        n = len(list(run))
        runs += [(c, at, at + n - 1)] if c else []
        at += n
    return runs


def best_of_all(path: list[int], student_TC: Tensor, max_shift: int) -> tuple[int, ...]:
    """The offsets whose path is likeliest under the student, of all that keep text, order and lengths."""
    log_q_TC, found = student_TC.double().log_softmax(-1), {}
    for offsets in itertools.product(range(-max_shift, max_shift + 1), repeat=len(spans(path))):
        moved = [0] * len(path)
        for by, (c, first, last) in zip(offsets, spans(path), strict=True):
            if first + by < 0 or last + by >= len(path) or any(moved[first + by : last + by + 1]):
                break
            moved[first + by : last + by + 1] = [c] * (last - first + 1)
        else:
            if spans(moved) == [(c, a + by, b + by) for by, (c, a, b) in zip(offsets, spans(path), strict=True)]:
                found[offsets] = log_q_TC[torch.arange(len(path)), moved].sum().item()
    return max(found, key=found.__getitem__)


@pytest.mark.parametrize("max_shift", [1, 2])
@pytest.mark.parametrize("seed", range(6))
def test_every_symbol_goes_where_the_students_likeliest_path_has_it(seed: int, max_shift: int) -> None:
    paths = [[0, 1, 1, 0, 2, 0, 2, 3, 0, 0, 1, 0], [1, 0, 0, 3, 3, 2, 0, 0, 2, 0, 0, 3], [0] * 12]
    theirs_NTC = torch.cat([teacher_of(path, seed * 10 + i) for i, path in enumerate(paths)])
    student_NTC = logits(3, 12, C, seed=100 + seed)
    lengths = [12, 9, 12]
    near = FrameMatch(how="near", max_shift=max_shift)
    found = onto(outputs(theirs_NTC, lengths), outputs(student_NTC, lengths), near)
    assert torch.equal(found.logits_NTC[2], theirs_NTC[2])  # nothing to move
    assert torch.equal(found.logits_NTC[1, 9:], theirs_NTC[1, 9:])  # behind the end
    for row, length in enumerate(lengths[:2]):
        path = paths[row][:length]
        offsets = best_of_all(path, student_NTC[row, :length], max_shift)
        moved_TC, its_path = found.logits_NTC[row, :length], found.logits_NTC[row, :length].argmax(-1)
        assert collapse(its_path.numpy()) == collapse(np.array(path))
        for by, (_, first, last) in zip(offsets, spans(path), strict=True):
            assert torch.equal(moved_TC[first + by : last + by + 1], theirs_NTC[row, first : last + 1])
        assert int((its_path > 0).sum()) == sum(map(bool, path))


def test_frames_between_symbols_go_with_the_nearer_one_and_gaps_are_filled_with_blanks() -> None:
    path = [0, 0, 1, 0, 0, 0, 2, 0]
    theirs = outputs(teacher_of(path, seed=1))
    student_NTC = torch.nn.functional.one_hot(torch.tensor([[0, 0, 0, 1, 0, 2, 0, 0]]), C) * 6.0
    found = onto(theirs, outputs(student_NTC), FrameMatch(how="near", max_shift=1)).logits_NTC[0]
    x_TC = theirs.logits_NTC[0]
    blank = torch.full((C,), -30.0).index_fill(0, torch.tensor([0]), 0.0)
    wanted = [x_TC[0], blank, x_TC[1], x_TC[2], x_TC[3], x_TC[6], x_TC[7], blank]
    # before frame 3: one more frame than there were; between: two less; behind: one more
    assert [next(i for i, x in enumerate((*x_TC, blank)) if torch.equal(x, row)) for row in found] == [
        next(i for i, x in enumerate((*x_TC, blank)) if torch.equal(x, row)) for row in wanted
    ]


@pytest.mark.parametrize("max_shift", [1, 2, 3])
def test_symbols_at_both_ends_of_a_line_move_only_inwards(max_shift: int) -> None:
    path = [1, 0, 0, 0, 0, 0, 0, 2]
    inwards = [1 if t == max_shift else 2 if t == 7 - max_shift else 0 for t in range(8)]
    theirs, student = outputs(teacher_of(path, seed=7)), outputs(teacher_of(inwards, seed=8))
    found = onto(theirs, student, FrameMatch(how="near", max_shift=max_shift))
    assert found.logits_NTC.argmax(-1)[0].tolist() == inwards


def test_a_student_that_agrees_is_left_with_the_teacher_and_a_scattered_one_with_no_blame() -> None:
    path = [0, 1, 0, 0, 2, 2, 0, 3, 0]
    theirs = outputs(teacher_of(path, seed=2))
    near = FrameMatch(how="near", max_shift=1)
    assert torch.equal(onto(theirs, theirs, near).logits_NTC, theirs.logits_NTC)
    scattered = outputs(teacher_of([1, 0, 0, 2, 2, 0, 0, 0, 3], seed=3))
    everything = FrameKL(temperature=1, frames="all")
    blamed = frame_kl(scattered, theirs, everything)[0].item()
    assert blamed > 3
    assert frame_kl(scattered, onto(theirs, scattered, near), everything)[0].item() < 0.01


def test_a_symbol_that_the_teacher_does_not_know_stays_and_other_frames_are_pooled_first() -> None:
    path = [0, 1, 0, 2, 0, 0]
    theirs, student = outputs(teacher_of(path, seed=4)), outputs(teacher_of([1, 0, 0, 0, 2, 0], seed=5))
    near, unknown_C = FrameMatch(how="near", max_shift=1), torch.tensor([False, False, True, False])
    assert onto(theirs, student, near).logits_NTC.argmax(-1).tolist() == [[1, 0, 0, 0, 2, 0]]
    assert onto(theirs, student, near, unknown_C).logits_NTC.argmax(-1).tolist() == [[1, 0, 0, 2, 0, 0]]
    fine = outputs(teacher_of([0, 0, 1, 0, 0, 0, 2, 2, 0, 0, 0, 0], seed=6))
    found = onto(fine, student, near)
    assert found.logits_NTC.argmax(-1).tolist() == [[1, 0, 0, 0, 2, 0]]
    assert torch.equal(found.lengths_N, student.lengths_N)
    assert averages_frames(fine, student, near)
    assert not averages_frames(theirs, student, near)


def test_symbols_are_numbered_as_the_text_has_them() -> None:
    paths = torch.tensor([[1, 1, 2, 0, 2, 2], [0, 3, 0, 0, 3, 3]])
    found = symbols_of(outputs(torch.nn.functional.one_hot(paths, C) * 1.0, [6, 4]))
    assert [part.tolist() for part in found] == [[[1, 2, 2], [3, 0, 0]], [[0, 2, 4], [1, 0, 0]], [[1, 2, 5], [1, 0, 0]]]


def test_a_recipe_that_does_not_set_the_new_keys_keeps_its_digest() -> None:
    plain = Objective().model_dump(mode="json")
    assert plain["match"] == {"how": "symbols", "max_shift": 2}
    assert Objective.model_validate({"match": {"always": True}}).model_dump(mode="json")["match"]["always"] is True


def test_texts_of_all_lines_at_once_are_those_of_each_line_alone() -> None:
    path_NT = torch.randint(0, 3, (200, 9), generator=torch.Generator().manual_seed(0))
    path_NT[0] = 0
    lengths_N = torch.arange(200) % 9 + 1
    texts_NL, text_lengths_N = texts_of_paths(path_NT, lengths_N)
    assert texts_NL.shape[1] == text_lengths_N.max() < 9
    for path_T, length, text_L, n in zip(path_NT, lengths_N, texts_NL, text_lengths_N, strict=True):
        assert text_L[:n].tolist() == collapse(path_T[:length].numpy())
        assert not text_L[n:].any()
    assert texts_of_paths(path_NT[:1], lengths_N[:1])[0].shape == (1, 1)  # where nothing is written
