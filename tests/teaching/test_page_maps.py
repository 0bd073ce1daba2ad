"""The terms of locators against slow references in float64: loops over pixels, sorted lists, torch.distributions."""

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

    def inputs(self) -> PageInputs:
        return PageInputs(self.maps_NCHW, self.targets_NCHW, self.weights_NHW, self.labelled_N, self.teacher_NCHW)


def of(objective: dict[str, object], name: str) -> tuple[float, int]:
    found, n = page_terms(PageObjective.model_validate(objective), [name], Case().inputs())[name]
    return found.item(), n


def pixels(crop: int) -> list[tuple[int, int, int]]:
    return [(crop, row, column) for row in range(H) for column in range(W)]


def nats(case: Case, at: tuple[int, int, int]) -> float:
    n, r, c = at
    p = 1 / (1 + math.exp(-case.maps_NCHW[n, 0, r, c].item()))
    y = case.targets_NCHW[n, 0, r, c].item()
    return -y * math.log(p) - (1 - y) * math.log(1 - p)


@pytest.mark.parametrize(("background", "least"), [(3.0, 0.02), (0.5, 0.02), (1.0, 0.3), (None, 0.02)])
def test_cross_entropy_takes_the_text_and_the_hardest_of_the_rest(background: float | None, least: float) -> None:
    case, total = Case(), 0.0
    for crop in (0, 2, 3):
        counting = [at for at in pixels(crop) if case.weights_NHW[at] > 0]
        text = [nats(case, at) for at in counting if case.targets_NCHW[at[0], 0, at[1], at[2]] > 0.5]
        rest = sorted(nats(case, at) for at in counting if case.targets_NCHW[at[0], 0, at[1], at[2]] < 0.5)[::-1]
        if background is not None:
            rest = rest[: max(math.ceil(background * len(text)), int(least * H * W) + 1)]
        total += (sum(text) + sum(rest)) / (len(text) + len(rest))
    found, n = of({"cross_entropy": {"background": background, "least": least}}, "cross_entropy")
    assert n == 4  # the crop whose pixels weigh nothing is counted, and adds nothing
    assert found == pytest.approx(total, rel=1e-5)


def test_dice_is_one_minus_the_overlap_of_each_crop() -> None:
    case, total = Case(), 0.0
    p_NHW = case.maps_NCHW[:, 0].double().sigmoid()
    for crop in (0, 2, 3, 4):
        both = each = 0.0
        for at in pixels(crop):
            w, y = case.weights_NHW[at].item(), case.targets_NCHW[crop, 0, at[1], at[2]].item()
            both += w * p_NHW[at].item() * y
            each += w * (p_NHW[at].item() + y)
        total += 1 - (2 * both + 1) / (each + 1)
    found, n = of({}, "dice")
    assert (found, n) == (pytest.approx(total, rel=1e-5), 4)


def mean_over(crop: int, value: Tensor, chosen: Tensor) -> float:
    values = [value[at].item() for at in pixels(crop) if chosen[at]]
    return sum(values) / len(values) if values else 0.0


def test_squares_are_those_of_probabilities() -> None:
    case = Case()
    apart = (case.maps_NCHW[:, 0].double().sigmoid() - case.targets_NCHW[:, 0].double()).square()
    total = sum(mean_over(crop, apart, case.weights_NHW > 0) for crop in (0, 2, 3, 4))
    assert of({}, "core_squares") == (pytest.approx(total, rel=1e-5), 4)


def rho(x: float, distance: str) -> float:
    match distance:
        case "l1":
            return abs(x)
        case "mse":
            return x * x
        case _:
            return x * x / 0.2 if abs(x) < 0.1 else abs(x) - 0.05


@pytest.mark.parametrize("distance", ["l1", "smooth_l1", "mse"])
@pytest.mark.parametrize("name", ["distances", "taught_distances"])
def test_distances_count_in_heights_of_the_line(name: str, distance: str) -> None:
    case, taught = Case(), name.startswith("taught")
    wanted = (case.teacher_NCHW if taught else case.targets_NCHW).double()
    ours = case.maps_NCHW.double()
    chosen = wanted[:, 0] > 0 if taught else (wanted[:, 0] > 0.5) & (case.weights_NHW > 0)
    value = torch.zeros(N, H, W).double()
    for at in (at for crop in range(N) for at in pixels(crop)):
        n, r, c = at
        above, below = wanted[n, 1, r, c].item(), wanted[n, 2, r, c].item()
        errors = (ours[n, 1, r, c].item() - above, ours[n, 2, r, c].item() - below)
        value[at] = sum(rho(error / max(1.0, above + below), distance) for error in errors) / 2
    crops = range(N) if taught else (0, 2, 3, 4)
    total = sum(mean_over(crop, value, chosen) for crop in crops)
    assert of({name: {"distance": distance}}, name) == (pytest.approx(total, rel=1e-5), len(crops))


@pytest.mark.parametrize("distance", ["cosine", "l1"])
@pytest.mark.parametrize("name", ["direction", "taught_direction"])
def test_directions_are_apart_by_their_angle(name: str, distance: str) -> None:
    case, taught = Case(), name.startswith("taught")
    wanted = (case.teacher_NCHW if taught else case.targets_NCHW).double()
    ours = case.maps_NCHW.double()
    chosen = wanted[:, 0] > 0 if taught else (wanted[:, 0] > 0.5) & (case.weights_NHW > 0)
    value = torch.zeros(N, H, W).double()
    for at in (at for crop in range(N) for at in pixels(crop) if chosen[at]):
        n, r, c = at
        (u, v), (x, y) = ours[n, 3:, r, c].tolist(), wanted[n, 3:, r, c].tolist()
        cosine = (u * x + v * y) / math.hypot(u, v) / math.hypot(x, y)
        value[at] = 1 - cosine if distance == "cosine" else (abs(u - x) + abs(v - y)) / 2
    crops = range(N) if taught else (0, 2, 3, 4)
    total = sum(mean_over(crop, value, chosen) for crop in crops)
    assert of({name: {"distance": distance}}, name) == (pytest.approx(total, rel=1e-4), len(crops))


@pytest.mark.parametrize(("tau", "text", "background"), [(1.0, 1.0, 1.0), (3.0, 0.5, 2.0)])
def test_core_kl_is_that_of_two_classes_with_text_and_background_apart(
    tau: float, text: float, background: float
) -> None:
    case = Case()
    theirs, ours = (m[:, 0].detach().double() for m in (case.teacher_NCHW, case.maps_NCHW))
    kl = kl_divergence(Bernoulli(logits=theirs / tau), Bernoulli(logits=ours / tau))
    total = sum(
        text * mean_over(crop, kl, theirs > 0) + background * mean_over(crop, kl, theirs <= 0) for crop in range(N)
    )
    setting = {"temperature": tau, "text": text, "background": background}
    assert of({"core_kl": setting}, "core_kl") == (pytest.approx(tau**2 * total, rel=1e-5), N)


@pytest.mark.parametrize("distance", ["mse", "l1", "cosine"])
@pytest.mark.parametrize(("places", "theirs"), [((4, 6), (4, 6)), ((2, 3), (4, 6))])
def test_a_hint_is_the_distance_of_features_in_units_of_the_teachers(
    distance: str, places: tuple[int, int], theirs: tuple[int, int]
) -> None:
    generator = torch.Generator().manual_seed(5)
    projection = MapProjection(3, 8)
    with torch.no_grad():
        ours = projection(torch.randn(2, 3, *places, generator=generator))
    wanted = torch.randn(2, 8, *theirs, generator=generator)
    total, step = 0.0, theirs[0] // places[0]
    for crop in range(2):
        apart = size = 0.0
        for r in range(places[0]):
            for c in range(places[1]):
                u = ours[crop, :, r, c].double()
                v = wanted[crop, :, r * step : (r + 1) * step, c * step : (c + 1) * step].double().mean((1, 2))
                if distance == "cosine":
                    apart += (1 - u @ v / u.norm() / v.norm()).item()
                    size += 1
                else:
                    power = 2 if distance == "mse" else 1
                    apart += ((u - v).abs() ** power).mean().item()
                    size += (v.abs() ** power).mean().item()
        total += apart / (size + 1e-6 * places[0] * places[1])
    found, n = map_hint(ours, wanted, distance=distance)
    assert (found.item(), n) == (pytest.approx(total, rel=1e-5), 2)


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


def test_large_logits_stay_finite() -> None:
    far_NHW = torch.tensor([[[80.0, -80.0]]], requires_grad=True)
    total, _ = maps.core_kl(far_NHW, -far_NHW.detach(), temperature=1.0, text=1.0, background=1.0)
    total.backward()
    assert total.item() == pytest.approx(160, rel=1e-5)
    assert torch.isfinite(far_NHW.grad).all()
