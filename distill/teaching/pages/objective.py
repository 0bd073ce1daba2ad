"""Every term of a locator's objective as a sum and a count; the facts about a term stand in its section."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor
from typing_extensions import assert_never

from distill.recipe import page_objective as terms
from distill.recipe.page_objective import AnyPageTerm, PageObjective
from distill.teaching.pages import maps
from distill.teaching.pages.features import map_hint


@dataclass(frozen=True)
class PageInputs:
    """What the terms are computed from: the student's maps, the boxes' where there are boxes, and the teacher's.

    Maps are (N, 5, H, W), weights (N, H, W). `features`: the student's, projected, and the teacher's.
    """

    maps_NCHW: Tensor
    targets_NCHW: Tensor
    weights_NHW: Tensor
    labelled_N: Tensor
    teacher_NCHW: Tensor | None = None
    features: tuple[Tensor, Tensor] | None = None


def page_terms(objective: PageObjective, names: Iterable[str], inputs: PageInputs) -> dict[str, tuple[Tensor, int]]:
    """Return sum and count of every named term over the crops of one batch."""
    of_objective = objective.terms
    return {name: sum_and_count(of_objective[name], inputs) for name in names}


def sum_and_count(term: AnyPageTerm, inputs: PageInputs) -> tuple[Tensor, int]:
    """Return the sum of a term over the crops of one batch, unweighted, and the number of those crops.

    Raises `ValueError` where a term lacks its inputs.
    """
    i = inputs
    cores = (i.maps_NCHW[:, 0], i.targets_NCHW[:, 0], i.weights_NHW, i.labelled_N)
    match term:
        case terms.CrossEntropy(background=background, least=least):
            return maps.cross_entropy(*cores, background=background, least=least)
        case terms.Dice():
            return maps.dice(*cores)
        case terms.CoreSquares():
            return maps.core_squares(*cores)
        case terms.Distances(distance=edge):
            return maps.distances(i.maps_NCHW, i.targets_NCHW, *_in_cores(i), distance=edge)
        case terms.Direction(distance=angle):
            return maps.direction(i.maps_NCHW, i.targets_NCHW, *_in_cores(i), distance=angle)
        case terms.CoreKL(temperature=tau, text=text, background=rest):
            return maps.core_kl(cores[0], _teacher(i)[:, 0], temperature=tau, text=text, background=rest)
        case terms.TaughtDistances(distance=edge):
            return maps.distances(i.maps_NCHW, _teacher(i), *_where_seen(i), distance=edge)
        case terms.TaughtDirection(distance=angle):
            return maps.direction(i.maps_NCHW, _teacher(i), *_where_seen(i), distance=angle)
        case terms.MapHint(distance=distance):
            if i.features is None:
                raise ValueError("feature_hint needs the projected features of the student and those of a teacher")
            return map_hint(*i.features, distance=distance)
        case _:
            assert_never(term)


def _in_cores(inputs: PageInputs) -> tuple[Tensor, Tensor]:
    """The weights of the pixels in the cores of the boxes, and which crops have boxes."""
    return inputs.weights_NHW * (inputs.targets_NCHW[:, 0] > 0.5), inputs.labelled_N


def _where_seen(inputs: PageInputs) -> tuple[Tensor, Tensor]:
    """1 where the teacher sees a core, and every crop."""
    return (_teacher(inputs)[:, 0] > 0).float(), torch.ones_like(inputs.labelled_N)


def _teacher(inputs: PageInputs) -> Tensor:
    if inputs.teacher_NCHW is None:
        raise ValueError("a term needs the maps of a teacher, but there is none")
    return inputs.teacher_NCHW.float()
