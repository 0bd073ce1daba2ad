"""Muon: orthogonal updates, and every parameter in the hands of one optimiser."""

from __future__ import annotations

import pytest
import torch

from distill.recipe.file import load_recipe
from distill.training.optimisers import Muon, build_optimisers, orthogonal, update_average
from students.config import STUDENTS


@pytest.mark.parametrize("shape", [(16, 16), (24, 200), (200, 24)])
def test_an_update_is_nearly_orthogonal_and_keeps_its_directions(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    near = orthogonal(matrix)
    u, _, vh = torch.linalg.svd(matrix, full_matrices=False)
    values = torch.linalg.svdvals(near)
    assert values.min() > 0.5
    assert values.max() < 1.3
    assert ((u.T @ near @ vh.T).diagonal() > 0.5).all()


def test_a_matrix_without_gradient_stays_as_it_is() -> None:
    weight = torch.nn.Parameter(torch.ones(16, 16))
    weight.grad = torch.zeros(16, 16)
    Muon([weight], lr=0.1, weight_decay=0.0, momentum=0.95).step()
    assert torch.equal(weight, torch.ones(16, 16))


@pytest.mark.parametrize("optimiser", ["muon", "adamw"])
@pytest.mark.parametrize("kind", ["recurrent", "convolutional", "digits"])
def test_every_parameter_has_one_optimiser(kind: str, optimiser: str) -> None:
    model = STUDENTS.validate_python({"kind": kind}).build(11, 1, 32)
    training = load_recipe("smoke", [f"student.training.optimiser={optimiser}"]).student.training
    optimisers = build_optimisers(model, training)
    held = [p for o in optimisers for group in o.param_groups for p in group["params"]]
    assert len(held) == len(set(held))
    assert set(held) == set(model.parameters())
    by_muon = {p for o in optimisers if isinstance(o, Muon) for p in o.param_groups[0]["params"]}
    assert bool(by_muon) == (optimiser == "muon")
    assert not by_muon & set(model.head.parameters())


def test_the_average_follows_the_weights_and_counts_the_first_steps_less() -> None:
    average = {"w": torch.zeros(3), "n": torch.tensor(0)}
    expected = 0.0
    for step in range(300):
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
        update_average(average, {"w": torch.full((3,), float(step)), "n": torch.tensor(step)}, 0.9, step)
    assert torch.allclose(average["w"], torch.full((3,), expected))
    assert 299 - expected == pytest.approx(9, abs=0.01)  # decay / (1 - decay) steps behind
    assert average["n"] == 299
