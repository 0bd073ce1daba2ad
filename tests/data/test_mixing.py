"""Sources mixed by weight, temperature and time: what is sampled, how often, and by whom."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distill.data.mixing import Mix, plan_of
from distill.data.sampler import Order
from distill.recipe.file import load_recipe
from distill.recipe.sections import RecipeError
from students.errors import DataError
from tests.feeding import lines_of_step

BATCH = 10


def order_of(mix: dict[str, object], sizes: dict[str, int], steps: int, labelled: np.ndarray | None = None) -> Order:
    sources = [name for name, n in sizes.items() for _ in range(n)]
    widths = np.random.default_rng(0).choice([32, 64, 96], len(sources))
    plan = plan_of(Mix.model_validate(mix), sources, BATCH, steps)
    return Order(widths, BATCH, 5, labelled=labelled, plan=plan)


def of_source(sizes: dict[str, int], lines: list[int]) -> dict[str, int]:
    names = [name for name, n in sizes.items() for _ in range(n)]
    return Counter(names[i] for i in lines)


@settings(max_examples=25)
@given(
    st.lists(st.integers(1, 70), min_size=1, max_size=4),
    st.lists(st.floats(0.05, 20), min_size=4, max_size=4),
    st.sampled_from([0.0, 0.3, 1.0]),
)
def test_shares_are_as_the_formula_says_and_lines_of_a_source_come_equally_often(
    sizes: list[int], weights: list[float], temperature: float
) -> None:
    named = {f"s{i}": n for i, n in enumerate(sizes)}
    of_name = dict(zip(named, weights, strict=False))
    steps = 60
    order = order_of({"weights": of_name, "temperature": temperature}, named, steps)
    sampled = [lines_of_step(order, k) for k in range(steps)]
    assert {len(step) for step in sampled} == {BATCH}
    lines = Counter(i for step in sampled for i in step)
    counts = of_source(named, list(lines.elements()))
    total = sum(of_name[name] * n**temperature for name, n in named.items())
    first = 0
    for name, n in named.items():
        wanted = steps * BATCH * of_name[name] * n**temperature / total
        assert abs(counts[name] - wanted) <= len(named)
        times = [lines[i] for i in range(first, first + n)]
        assert max(times) - min(times) <= 1
        first += n


def test_a_source_comes_in_and_stays_away_at_its_steps() -> None:
    sizes = {"sampled": 200, "real": 50}
    weights = {"sampled": {"weight": 3, "end": 0.3}, "real": {"begin": 0.1}}
    order = order_of({"weights": weights}, sizes, 40)
    of_step = [of_source(sizes, lines_of_step(order, k)) for k in range(40)]
    assert all("real" not in counts for counts in of_step[:4])
    assert all("sampled" not in counts for counts in of_step[12:])
    between = sum((Counter(counts) for counts in of_step[4:12]), Counter())
    assert between == {"sampled": 60, "real": 20}


def test_a_step_of_a_mixed_order_depends_on_its_number_alone() -> None:
    mix = {"weights": {"a": {"weight": 2, "end": 0.5}}, "temperature": 0.5}
    sizes = {"a": 30, "b": 90, "c": 5}
    order = order_of(mix, sizes, 50)
    steps = [order.step(k) for k in range(50)]
    for k in (49, 0, 31, 7):
        assert order_of(mix, sizes, 50).step(k) == steps[k]
        for group in steps[k][1]:
            assert {int(w) for w in order.padded_width_px[list(group.indices)]} == {group.width_px}
    seen = [(e, i, use) for e, groups in steps for g in groups for i, use in zip(g.indices, g.uses, strict=True)]
    assert len(set(seen)) == len(seen)  # no view of a line is shown twice


def test_the_control_takes_the_steps_of_a_mixed_student_with_fillers_mixed_alike() -> None:
    sizes = {"real": 60, "printed": 400, "plain": 300}
    labelled = np.repeat([True, True, False], list(sizes.values()))
    mix = {"weights": {"real": 3, "printed": {"weight": 1, "end": 0.5}, "plain": 2}}
    student, control = order_of(mix, sizes, 80), order_of(mix, sizes, 80, labelled)
    for half, shares in ((range(40), (0.75, 0.25)), (range(40, 80), (1.0, 0.0))):
        counts: Counter[str] = Counter()
        for k in half:
            theirs, ours = lines_of_step(student, k), lines_of_step(control, k)
            assert len(ours) == len(theirs)
            assert labelled[ours].all()
            assert {i for i in theirs if labelled[i]} <= set(ours)
            counts += Counter(of_source(sizes, ours))
        assert counts["real"] / counts.total() == pytest.approx(shares[0], abs=0.05)
        assert counts["printed"] / counts.total() == pytest.approx(shares[1], abs=0.05)


def test_a_control_without_labelled_lines_among_the_active_takes_all_there_are() -> None:
    sizes = {"real": 40, "plain": 100}
    labelled = np.repeat([True, False], list(sizes.values()))
    mix = {"weights": {"real": {"begin": 0.5}}}
    control = order_of(mix, sizes, 20, labelled)
    assert all(labelled[lines_of_step(control, k)].all() for k in range(20))
    assert of_source(sizes, lines_of_step(order_of(mix, sizes, 20), 0)) == {"plain": BATCH}


def test_steps_without_a_source_are_refused() -> None:
    with pytest.raises(DataError, match="from step 20 to 40 of 40"):
        order_of({"weights": {"a": {"end": 0.5}}}, {"a": 30}, 40)


@pytest.mark.parametrize(
    ("override", "reason"),
    [
        ("teacher.mix.weights.printd=2", "'printd' is not one of its sources; there are printed, unlabelled"),
        ("student.mix={weights: {printed: 0}}", "greater than 0"),
        ("student.mix={weights: {printed: {begin: 0.5, end: 0.5}}}", "must come before end"),
        ("student.mix.temperature=2", "less than or equal to 1"),
        ("data.train.0.augment={rotaton_deg: 1}", "did you mean 'rotation_deg'"),
    ],
)
def test_a_mix_that_cannot_be_is_explained(override: str, reason: str) -> None:
    with pytest.raises(RecipeError, match=reason):
        load_recipe("smoke", [override])
    mixed = load_recipe("smoke", ["student.mix.weights.printed=2", "data.train.0.augment.rotation_deg=0"])
    assert mixed.student.mix is not None
    assert mixed.student.mix.of("printed").weight == 2
    assert mixed.student.mix.of("unlabelled").weight == 1
