"""The first teacher says where, all say what: against a slow version, symbol by symbol."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from distill.recipe.objective import Objective
from distill.teaching.losses.ensemble import partners, symbols_of_all
from distill.teaching.losses.near import symbols_of
from distill.teaching.teacher import FrozenTeacher, Member
from students.parts import Outputs
from tests.tensors import C, logits, outputs


def teacher(paths: list[list[int]], seed: int, lengths: list[int] | None = None) -> Outputs:
    spikes_NTC = torch.nn.functional.one_hot(torch.tensor(paths), C) * 8.0
    return outputs(spikes_NTC + logits(*spikes_NTC.shape, seed=seed) / 2, lengths)


def spans(path: list[int]) -> list[range]:
    """The frames of every symbol."""
    found, at = [], 0
    for c, run in itertools.groupby(path):
        n = len(list(run))
        found += [range(at, at + n)] if c else []
        at += n
    return found


def shares(logits_TC: Tensor, frames: range) -> Tensor:
    p_TC = logits_TC[frames.start : frames.stop].double().softmax(-1)
    return (p_TC[:, 1:] / (1 - p_TC[:, :1])).mean(0)


def test_characters_are_averaged_at_the_symbols_that_stand_against_each_other() -> None:
    paths = [[0, 1, 1, 0, 2, 0, 3, 0], [3, 0, 0, 0, 1, 0, 0, 0]]
    others = [[0, 1, 3, 3, 0, 3], [0, 0, 0, 0, 0, 0]]  # 1 is equal, 2 replaced, 3 equal; and a text that is empty
    first, other = teacher(paths, 1, [8, 5]), teacher(others, 2, [6, 4])
    pairs = [{0: 0, 1: 1, 2: 2}, {}]
    weights_MC = torch.tensor([[0.5, 0.25, 0.5, 0.3], [0.5, 0.75, 0.5, 0.7]])
    found = symbols_of_all([first, other], weights_MC).logits_NTC.softmax(-1)
    for row, path in enumerate(paths):
        wanted_TC = first.logits_NTC[row].double().softmax(-1)
        for k, frames in enumerate(spans(path[: int(first.lengths_N[row])])):
            for t in frames:
                own = shares(first.logits_NTC[row], range(t, t + 1))
                theirs = own
                if k in pairs[row]:
                    theirs = shares(other.logits_NTC[row], spans(others[row])[pairs[row][k]])
                mixed = weights_MC[0, 1:] * own + weights_MC[1, 1:] * theirs
                wanted_TC[t, 1:] = (1 - wanted_TC[t, 0]) * mixed / mixed.sum()
        assert torch.allclose(found[row], wanted_TC.float(), atol=1e-6)
    assert found[0, 1, 1] > 0.9
    assert found[0, 4].argmax() == 3  # the other reads it so, and counts for more there
    alone = symbols_of_all([first, first], weights_MC).logits_NTC.softmax(-1)[1]
    assert torch.allclose(alone[1:4], first.logits_NTC[1, 1:4].softmax(-1))


def test_symbols_are_put_against_each_other_by_the_fewest_edits() -> None:
    one = symbols_of(teacher([[1, 0, 2, 0, 3, 0], [1, 0, 1, 0, 1, 0], [0] * 6], 3))
    other = symbols_of(teacher([[1, 0, 3, 0], [2, 3, 1, 0], [1, 2, 0, 0]], 4))
    found = partners(one, other)
    assert found[0].tolist() == [1, 0, 2]
    assert found[2].tolist() == [0, 0, 0]
    assert sorted(found[1].tolist()) == [1, 2, 3]  # two replaced, one equal


class Fixed(nn.Module):
    def __init__(self, of_line: Outputs) -> None:
        super().__init__()
        self.of_line = of_line

    def forward(self, _: Tensor) -> Outputs:
        return self.of_line


def test_a_teacher_of_several_networks_goes_by_symbols_where_asked() -> None:
    paths = ([0, 1, 0, 2], [2, 0, 2, 0, 0, 0, 0, 0])
    members = [Member(Fixed(teacher([path], seed))) for seed, path in enumerate(paths)]  # type: ignore[arg-type]
    by_symbols, by_frames = (FrozenTeacher(members, torch.device("cpu"), "fp32", how) for how in ("symbols", "frames"))
    assert by_symbols.digest != by_frames.digest
    assert by_frames.digest == FrozenTeacher(members, torch.device("cpu"), "fp32").digest
    image = torch.zeros(1, 1, 8, 8)
    found_C = by_symbols(image).logits_NTC.softmax(-1)[0, 1]
    assert 0.4 < found_C[1] < 0.6  # both have a say about the first character
    assert by_symbols(image).logits_NTC.softmax(-1)[0, 3, 2] > 0.9
    assert by_symbols(image).logits_NTC.shape == by_frames(image).logits_NTC.shape == (1, 4, C)
    assert "ensemble" not in Objective().model_dump()
    assert Objective(ensemble="symbols").without_teacher == Objective().without_teacher
