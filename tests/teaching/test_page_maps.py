"""The terms of locators, value and gradient, against slow references in float64: loops over pixels, sorted lists,
torch.distributions.
"""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Bernoulli, kl_divergence

from distill.recipe.page_objective import PageObjective
from distill.teaching.pages import maps
from distill.teaching.pages.features import MapProjection, map_hint
from distill.teaching.pages.objective import PageInputs, page_terms

N, H, W = 5, 6, 7


class Case:
    """Random maps of five crops: one unlabelled, one without text, one whose pixels weigh nothing."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(3)
        self.maps_NCHW = torch.randn(N, 5, H, W, generator=generator).requires_grad_()
        self.teacher_NCHW = 2 * torch.randn(N, 5, H, W, generator=generator)
        self.teacher_NCHW[:, 1:3] = self.teacher_NCHW[:, 1:3].abs() * 6 + 1
        cores_NHW = (torch.rand(N, H, W, generator=generator) > 0.7).float()
        cores_NHW[2] = 0
        angle_NHW = torch.rand(N, H, W, generator=generator) * 2 * math.pi
        edges_N2HW = torch.rand(N, 2, H, W, generator=generator) * 9 + 1
        whole = [cores_NHW, *edges_N2HW.unbind(1), angle_NHW.cos(), angle_NHW.sin()]
        self.targets_NCHW = torch.stack(whole, 1) * cores_NHW[:, None]
        self.weights_NHW = (torch.rand(N, H, W, generator=generator) > 0.2).float()
        self.weights_NHW[4] = 0
        self.labelled_N = torch.tensor([True, False, True, True, True])

        self.ours_NCHW = self.maps_NCHW.double()

    def inputs(self) -> PageInputs:
        return PageInputs(self.maps_NCHW, self.targets_NCHW, self.weights_NHW, self.labelled_N, self.teacher_NCHW)


def expect(objective: dict[str, object], name: str, case: Case, wanted: Tensor, n: int) -> None:
    """That a term, and its gradient, are those of a reference computed from `case.ours_NCHW`, over n crops."""
    found, count = page_terms(PageObjective.model_validate(objective), [name], case.inputs())[name]
    assert count == n
    expect_equal(found, wanted, case.maps_NCHW)


def expect_equal(found: Tensor, wanted: Tensor, leaf: Tensor) -> None:
    assert found.item() == pytest.approx(wanted.item(), rel=1e-5)
    gradient, slow = (torch.autograd.grad(each, leaf)[0] for each in (found, wanted))
    assert slow.abs().max() > 1e-3
    torch.testing.assert_close(gradient, slow, rtol=1e-5, atol=1e-6)


def pixels(crop: int) -> list[tuple[int, int, int]]:
    return [(crop, row, column) for row in range(H) for column in range(W)]


def mean(values: list[Tensor]) -> Tensor:
    return torch.stack(values).mean() if values else torch.zeros((), dtype=torch.float64)


def total(values: list[Tensor]) -> Tensor:
    return torch.stack(values).sum()


def nats(case: Case, at: tuple[int, int, int]) -> Tensor:
    n, r, c = at
    p = 1 / (1 + torch.exp(-case.ours_NCHW[n, 0, r, c]))
    y = case.targets_NCHW[n, 0, r, c].item()
    return -y * torch.log(p) - (1 - y) * torch.log(1 - p)


@pytest.mark.parametrize(("background", "least"), [(3.0, 0.02), (0.5, 0.02), (1.0, 0.3), (None, 0.02)])
def test_cross_entropy_takes_the_text_and_the_hardest_of_the_rest(background: float | None, least: float) -> None:
    case, of_crops = Case(), []
    for crop in (0, 2, 3):
        counting = [at for at in pixels(crop) if case.weights_NHW[at] > 0]
        text = [nats(case, at) for at in counting if case.targets_NCHW[at[0], 0, at[1], at[2]] > 0.5]
        rest = [nats(case, at) for at in counting if case.targets_NCHW[at[0], 0, at[1], at[2]] < 0.5]
        rest.sort(key=Tensor.item, reverse=True)
        if background is not None:
            rest = rest[: max(math.ceil(background * len(text)), int(least * H * W) + 1)]
        of_crops.append(mean([*text, *rest]))
    # the crop whose pixels weigh nothing is counted, and adds nothing
    setting = {"background": background, "least": least}
    expect({"cross_entropy": setting}, "cross_entropy", case, total(of_crops), 4)


def test_dice_is_one_minus_the_overlap_of_each_crop() -> None:
    case, of_crops = Case(), []
    p_NHW = case.ours_NCHW[:, 0].sigmoid()
    for crop in (0, 2, 3, 4):
        both = each = torch.zeros((), dtype=torch.float64)
        for at in pixels(crop):
            w, y = case.weights_NHW[at].item(), case.targets_NCHW[crop, 0, at[1], at[2]].item()
            both = both + w * p_NHW[at] * y
            each = each + w * (p_NHW[at] + y)
        of_crops.append(1 - (2 * both + 1) / (each + 1))
    expect({}, "dice", case, total(of_crops), 4)


def mean_over(crop: int, value: Tensor, chosen: Tensor) -> Tensor:
    return mean([value[at] for at in pixels(crop) if chosen[at]])


def test_squares_are_those_of_probabilities() -> None:
    case = Case()
    apart = (case.ours_NCHW[:, 0].sigmoid() - case.targets_NCHW[:, 0].double()).square()
    wanted = total([mean_over(crop, apart, case.weights_NHW > 0) for crop in (0, 2, 3, 4)])
    expect({}, "core_squares", case, wanted, 4)


def rho(x: Tensor, distance: str) -> Tensor:
    match distance:
        case "l1":
            return abs(x)
        case "mse":
            return x * x
        case _:
            return x * x / 0.2 if abs(x) < 0.1 else abs(x) - 0.05


def asked_of(case: Case, taught: bool) -> tuple[Tensor, Tensor, tuple[int, ...]]:
    """The maps that are wanted, where they are, and the crops that count."""
    if taught:
        return case.teacher_NCHW.double(), case.teacher_NCHW[:, 0] > 0, tuple(range(N))
    return case.targets_NCHW.double(), (case.targets_NCHW[:, 0] > 0.5) & (case.weights_NHW > 0), (0, 2, 3, 4)


@pytest.mark.parametrize("distance", ["l1", "smooth_l1", "mse"])
@pytest.mark.parametrize("name", ["distances", "taught_distances"])
def test_distances_count_in_heights_of_the_line(name: str, distance: str) -> None:
    case = Case()
    wanted, chosen, crops = asked_of(case, name.startswith("taught"))
    of_crops = []
    for crop in crops:
        values = []
        for n, r, c in (at for at in pixels(crop) if chosen[at]):
            above, below = wanted[n, 1, r, c].item(), wanted[n, 2, r, c].item()
            errors = (case.ours_NCHW[n, 1, r, c] - above, case.ours_NCHW[n, 2, r, c] - below)
            values.append(total([rho(error / max(1.0, above + below), distance) for error in errors]) / 2)
        of_crops.append(mean(values))
    expect({name: {"distance": distance}}, name, case, total(of_crops), len(crops))


@pytest.mark.parametrize("distance", ["cosine", "l1"])
@pytest.mark.parametrize("name", ["direction", "taught_direction"])
def test_directions_are_apart_by_their_angle(name: str, distance: str) -> None:
    case = Case()
    wanted, chosen, crops = asked_of(case, name.startswith("taught"))
    of_crops = []
    for crop in crops:
        values = []
        for n, r, c in (at for at in pixels(crop) if chosen[at]):
            (u, v), (x, y) = case.ours_NCHW[n, 3:, r, c], wanted[n, 3:, r, c].tolist()
            cosine = (u * x + v * y) / torch.sqrt(u * u + v * v) / math.hypot(x, y)
            values.append(1 - cosine if distance == "cosine" else (abs(u - x) + abs(v - y)) / 2)
        of_crops.append(mean(values))
    expect({name: {"distance": distance}}, name, case, total(of_crops), len(crops))


@pytest.mark.parametrize(("tau", "text", "background"), [(1.0, 1.0, 1.0), (3.0, 0.5, 2.0)])
def test_core_kl_is_that_of_two_classes_with_text_and_background_apart(
    tau: float, text: float, background: float
) -> None:
    case = Case()
    theirs, ours = case.teacher_NCHW[:, 0].double(), case.ours_NCHW[:, 0]
    kl = kl_divergence(Bernoulli(logits=theirs / tau), Bernoulli(logits=ours / tau))
    parts = ((text, theirs > 0), (background, theirs <= 0))
    wanted = total([weight * mean_over(crop, kl, where) for crop in range(N) for weight, where in parts])
    setting = {"temperature": tau, "text": text, "background": background}
    expect({"core_kl": setting}, "core_kl", case, tau**2 * wanted, N)


def pooled(features_DHW: Tensor, step: int, r: int, c: int) -> Tensor:
    return features_DHW[:, r * step : (r + 1) * step, c * step : (c + 1) * step].double().mean((1, 2))


@pytest.mark.parametrize("distance", ["mse", "l1", "cosine"])
@pytest.mark.parametrize(("places", "theirs"), [((4, 6), (4, 6)), ((2, 3), (4, 6))])
def test_a_hint_is_the_distance_of_features_in_units_of_the_teachers(
    distance: str, places: tuple[int, int], theirs: tuple[int, int]
) -> None:
    generator = torch.Generator().manual_seed(5)
    features = torch.randn(2, 3, *places, generator=generator).requires_grad_()
    projection = MapProjection(3, 8)
    weight, bias = (each.detach().double().squeeze() for each in projection.parameters())
    wanted = torch.randn(2, 8, *theirs, generator=generator)
    of_crops, step = [], theirs[0] // places[0]
    for crop in range(2):
        apart, size = [], 0.0
        for r, c in ((r, c) for r in range(places[0]) for c in range(places[1])):
            u = weight @ features[crop, :, r, c].double() + bias
            v = pooled(wanted[crop], step, r, c)
            if distance == "cosine":
                apart.append(1 - u @ v / u.norm() / v.norm())
                size += 1
            else:
                power = 2 if distance == "mse" else 1
                apart.append(((u - v).abs() ** power).mean())
                size += (v.abs() ** power).mean().item()
        of_crops.append(total(apart) / (size + 1e-6 * places[0] * places[1]))
    found, n = map_hint(projection(features), wanted, distance=distance)
    assert n == 2
    expect_equal(found, total(of_crops), features)


def test_a_hint_between_the_places_of_the_teacher_is_interpolated() -> None:
    """Twice as many places: between two of the teacher's a quarter of the way from either."""
    theirs = torch.tensor([[[[1.0, 5.0]]]])
    ours = torch.zeros(1, 1, 1, 4, requires_grad=True)
    found, _ = map_hint(ours, theirs, distance="mse")
    between = torch.tensor([1.0, 2.0, 4.0, 5.0], dtype=torch.float64)
    wanted = (ours.flatten().double() - between).square().mean() / (between.square().mean() + 1e-6)
    expect_equal(found, wanted, ours)


def test_every_term_is_finite_and_reaches_the_maps_it_is_of() -> None:
    reached = {"cross_entropy": {0}, "dice": {0}, "core_squares": {0}, "core_kl": {0}}
    reached |= {"distances": {1, 2}, "taught_distances": {1, 2}, "direction": {3, 4}, "taught_direction": {3, 4}}
    objective = PageObjective()
    assert set(reached) | {"feature_hint"} == set(objective.terms)
    for name, wanted in reached.items():
        case = Case()
        total, _ = page_terms(objective, [name], case.inputs())[name]
        total.backward()
        assert case.maps_NCHW.grad is not None
        assert torch.isfinite(case.maps_NCHW.grad).all()
        assert set(case.maps_NCHW.grad.abs().sum((0, 2, 3)).nonzero().flatten().tolist()) == wanted, name
        if not objective.terms[name].needs_teacher:
            assert not case.maps_NCHW.grad[~case.labelled_N].any()


TAUGHT = ("core_kl", "taught_distances", "taught_direction")


@pytest.mark.parametrize("name", TAUGHT)
def test_what_a_teacher_teaches_is_nothing_where_both_show_the_same(name: str) -> None:
    case = Case()
    case.maps_NCHW = case.teacher_NCHW.clone().requires_grad_()
    total, _ = page_terms(PageObjective(), [name], case.inputs())[name]
    assert total.item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("name", sorted(set(PageObjective().terms) - {"feature_hint"}))
def test_a_crop_alone_gives_what_it_gives_beside_others(name: str) -> None:
    inputs, alone = Case().inputs(), 0.0
    for n in range(N):
        crop = PageInputs(*(each[n : n + 1] for each in vars(inputs).values() if each is not None))
        alone += page_terms(PageObjective(), [name], crop)[name][0].item()
    assert page_terms(PageObjective(), [name], inputs)[name][0].item() == pytest.approx(alone, rel=1e-5)


def test_large_logits_stay_finite() -> None:
    far_NHW = torch.tensor([[[80.0, -80.0]]], requires_grad=True)
    total, _ = maps.core_kl(far_NHW, -far_NHW.detach(), temperature=1.0, text=1.0, background=1.0)
    total.backward()
    assert total.item() == pytest.approx(160, rel=1e-5)
    assert torch.isfinite(far_NHW.grad).all()
