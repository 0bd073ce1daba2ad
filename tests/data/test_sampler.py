"""Which lines form which step: every line once an epoch, one width a group, a function of seed and step."""

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from distill.data.sampler import Group, Order, in_width_order
from distill.seeds import generator_of
from tests.feeding import lines_of_step

WIDTHS = st.lists(st.sampled_from([32, 48, 64, 96]), min_size=1, max_size=120).map(np.array)


@given(WIDTHS, st.integers(1, 20), st.integers(0, 3))
def test_an_epoch_holds_every_line_and_every_step_as_many(widths: np.ndarray, size: int, seed: int) -> None:
    order = Order(widths, size, seed)
    steps = [lines_of_step(order, k) for k in range(order.steps_per_epoch)]
    assert {len(step) for step in steps} == {size}
    assert {i for step in steps for i in step} == set(range(len(widths)))
    extra = sum(map(len, steps)) - len(widths)
    assert 0 <= extra < size


@given(WIDTHS, st.integers(1, 20))
def test_a_group_has_one_width_and_step_k_depends_on_seed_and_k_alone(widths: np.ndarray, size: int) -> None:
    order = Order(widths, size, 1)
    for k in (0, 3 * order.steps_per_epoch, 1, 0):
        epoch, groups = order.step(k)
        assert epoch == k // order.steps_per_epoch
        assert all((widths[list(group.indices)] == group.width_px).all() for group in groups)
        assert Order(widths.copy(), size, 1).step(k) == (epoch, groups)


def test_epochs_and_seeds_differ() -> None:
    widths = np.full(1000, 64)
    first = lines_of_step(Order(widths, 100, 0), 0)
    assert first != lines_of_step(Order(widths, 100, 0), 10)
    assert first != lines_of_step(Order(widths, 100, 1), 0)


@pytest.mark.parametrize("size", [1, 3, 8])
def test_micro_batches_split_a_step_and_change_nothing_else(size: int) -> None:
    widths = np.array([32, 64] * 16)
    whole, split = Order(widths, 16, 0), Order(widths, 16, 0, size)
    for k in range(4):
        assert lines_of_step(whole, k) == lines_of_step(split, k)
        assert all(len(group.indices) <= size for group in split.step(k)[1])


@settings(max_examples=30)
@given(WIDTHS, st.integers(1, 20), st.integers(0, 2))
def test_most_steps_have_one_width_and_the_first_lines_of_the_epoch_fill_the_last(
    widths: np.ndarray, size: int, epoch: int
) -> None:
    order = Order(widths, size, 3)
    steps = [lines_of_step(order, epoch * order.steps_per_epoch + k) for k in range(order.steps_per_epoch)]
    left = sum(n % size for n in Counter(widths.tolist()).values())
    assert sum(len(set(widths[step])) > 1 for step in steps) <= -(-left // size)
    for width_px, n in Counter(widths.tolist()).items():
        assert sum(set(widths[step]) == {width_px} for step in steps) >= n // size
    again = Counter(i for step in steps for i in step) - Counter(range(len(widths)))
    shuffled = torch.randperm(len(widths), generator=generator_of("order", 3, epoch))
    assert again == Counter(np.resize(shuffled.numpy(), again.total()).tolist())


def test_orders_are_those_of_their_seeds_and_stay_so_in_later_versions() -> None:
    widths, labelled = np.full(12, 32), np.arange(12) % 3 > 0
    student, control = Order(widths, 12, 7), Order(widths, 12, 7, labelled=labelled)
    for epoch in range(3):  # one step each
        theirs, ours = lines_of_step(student, epoch), lines_of_step(control, epoch)
        assert theirs == torch.randperm(12, generator=generator_of("order", 7, epoch)).tolist()
        fillers = np.flatnonzero(labelled)[torch.randperm(8, generator=generator_of("fill", 7, epoch)).numpy()]
        assert [i for i, own in zip(ours, theirs, strict=True) if not labelled[own]] == fillers[:4].tolist()
        assert [i for i, own in zip(ours, theirs, strict=True) if labelled[own]] == [i for i in theirs if labelled[i]]


def test_a_part_of_a_group_keeps_the_uses_of_its_lines() -> None:
    assert Group(32, (5, 6, 7), (0, 1, 2)).part(slice(1, 3)) == Group(32, (6, 7), (1, 2))


def test_some_lines_are_read_by_their_numbers_and_for_the_first_time() -> None:
    widths = np.array([64, 32, 64, 32, 64, 64])
    assert list(in_width_order(widths, 2, np.array([5, 1, 0, 2]))) == [
        Group(32, (1,), (0,)),
        Group(64, (5, 0), (0, 0)),
        Group(64, (2,), (0,)),
    ]


@given(WIDTHS, st.integers(1, 20))
def test_evaluation_reads_every_line_once(widths: np.ndarray, size: int) -> None:
    groups = list(in_width_order(widths, size))
    assert sorted(i for group in groups for i in group.indices) == list(range(len(widths)))
    assert all((widths[list(group.indices)] == group.width_px).all() for group in groups)


@given(WIDTHS, st.integers(1, 20), st.integers(0, 5))
def test_the_control_takes_the_same_steps_with_labelled_lines_in_every_slot(
    widths: np.ndarray, size: int, seed: int
) -> None:
    labelled = np.random.default_rng(seed).random(len(widths)) < 0.5
    labelled[0] = True
    student, control = Order(widths, size, seed), Order(widths, size, seed, labelled=labelled)
    for k in range(2 * student.steps_per_epoch):
        theirs, ours = lines_of_step(student, k), lines_of_step(control, k)
        assert len(ours) == len(theirs)
        assert labelled[ours].all()
        assert {i for i in theirs if labelled[i]} <= set(ours)


def test_fillers_have_the_width_of_the_slot_where_there_are_any() -> None:
    widths, labelled = np.array([32, 64] * 50), np.arange(100) < 20
    student, control = Order(widths, 10, 0), Order(widths, 10, 0, labelled=labelled)
    for k in range(student.steps_per_epoch):
        assert sorted(widths[lines_of_step(student, k)]) == sorted(widths[lines_of_step(control, k)])


def test_a_line_used_again_in_an_epoch_counts_its_uses() -> None:
    control = Order(np.full(40, 32), 10, 0, labelled=np.arange(40) < 10)
    uses = [(i, use) for k in range(4) for g in control.step(k)[1] for i, use in zip(g.indices, g.uses, strict=True)]
    times = Counter(i for i, _ in uses)
    assert sorted(uses) == [(i, use) for i in sorted(times) for use in range(times[i])]
    assert times.total() == 40
    assert max(times.values()) >= 4


def test_a_rare_width_is_not_filled_with_copies_of_one_line() -> None:
    widths = np.array([64] * 60 + [992] + [1024] * 40)
    control = Order(widths, 10, 0, labelled=widths < 1000)
    for k in range(control.steps_per_epoch):
        assert len(set(lines_of_step(control, k))) >= 8
