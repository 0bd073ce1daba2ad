"""The temperature that makes a network as sure as it is right."""

from __future__ import annotations

import itertools

import pytest
import torch

from distill.calibrate import Said, likeliest_temperature
from distill.data.labels import folding
from distill.losses.large import MANY_CLASSES
from students.charset import BLANK


@pytest.mark.parametrize("tau", [0.5, 1.0, 2.5])
@pytest.mark.parametrize("form", ["exact", "caseless"])
def test_the_temperature_of_the_labels_is_found_again(tau: float, form: str) -> None:
    generator = torch.Generator().manual_seed(3)
    n, t, c = 1500, 5, 4
    logits_NTC = 3 * torch.randn(n, t, c, generator=generator)
    folded = folding("aAb", form)  # type: ignore[arg-type]
    groups = folded.groups if folded is not None else tuple((i,) for i in range(c))
    p_NTC = (logits_NTC / tau).softmax(-1)
    p_NTG = torch.stack([p_NTC[..., list(members)].sum(-1) for members in groups], -1)
    paths = torch.multinomial(p_NTG.view(n * t, -1), 1, generator=generator).view(n, t).tolist()
    labels = [[groups[g][0] for g, _ in itertools.groupby(path) if groups[g][0] != BLANK] for path in paths]
    targets_NL = torch.tensor([label + [BLANK] * (t - len(label)) for label in labels])
    lengths_N = torch.tensor([len(label) for label in labels])
    half = n // 2
    said = [
        Said(logits_NTC[rows], torch.full((len(targets_NL[rows]),), t), targets_NL[rows], lengths_N[rows], folded)
        for rows in (slice(half), slice(half, n))
    ]
    assert likeliest_temperature(said) == pytest.approx(tau, rel=0.15)


def test_thousands_of_classes_are_calibrated_too() -> None:
    logits_NTC = torch.zeros(4, 5, MANY_CLASSES)
    logits_NTC[:, :, 0], logits_NTC[:, 2, 0], logits_NTC[:, 2, 7] = 20, 0, 20
    targets_NL = torch.tensor([[7], [7], [7], [8]])  # right three times of four
    said = Said(logits_NTC, torch.full((4,), 5), targets_NL, torch.ones(4, dtype=torch.int64), None)
    assert likeliest_temperature([said]) > 1.01


def test_without_labels_nothing_is_fitted() -> None:
    assert likeliest_temperature([]) == 1.0
