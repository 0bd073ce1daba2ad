"""On an accelerator, what is computed, changed and saved is what the processor computes, changes and saves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from distill import checkpoint as checkpoints
from distill.data.batch import Batch
from distill.data.labels import foldings
from distill.recipe.file import load_recipe
from distill.recipe.objective import Objective
from distill.teaching.auxiliary import auxiliary_modules
from distill.teaching.criterion import LineCriterion
from distill.teaching.losses.ctc import ctc
from distill.teaching.losses.large import compact_ctc
from distill.teaching.teacher import FrozenTeacher, Member
from distill.training.optimisers import build_optimisers
from distill.training.trainee import Progress, Trainee, restore, save
from students.charset import Charset
from students.config import STUDENTS
from students.image import Preparation
from students.parts import Outputs, Recogniser
from teachers.crnn import TEACHERS
from tests.data.test_device_augment import EVERYTHING, differences

pytestmark = pytest.mark.accelerator

CHARSET = Charset(characters="abcdefghijABCDEFGHIJ")
TEXTS = ("abba", "Cab", "jig", "head", "faced", None)
SWITCHED = sorted(set(Objective().terms) - {"ctc", "class_changes", "peer_ctc"})


def student(seed: int = 1) -> Recogniser:
    torch.manual_seed(seed)
    return STUDENTS.validate_python({"kind": "recurrent", "size": "small"}).build(CHARSET.n_classes, 1, 32)


def teacher() -> Recogniser:
    torch.manual_seed(2)
    config = {"kind": "resnet", "blocks": [1, 1, 1, 1], "channels": [16, 24, 32, 48], "hidden": 48, "layers": 1}
    return TEACHERS.validate_python(config).build(CHARSET.n_classes, 1, 32)


def batch(views: int) -> Batch:
    """Six lines, one unlabelled, one whose label does not tell the case; every view has noise of its own."""
    generator = torch.Generator().manual_seed(3)
    targets = [CHARSET.encode(text or "") for text in TEXTS]
    longest = max(map(len, targets))
    targets_NL = torch.tensor([[*target, *[0] * (longest - len(target))] for target in targets])
    forms = ["caseless" if i == 1 else "exact" for i in range(len(TEXTS))]
    return Batch(
        torch.randn(views * len(TEXTS), 1, 32, 96, generator=generator),
        targets_NL.repeat(views, 1),
        torch.tensor([len(target) for target in targets] * views),
        torch.tensor([text is not None for text in TEXTS] * views),
        tuple(f"line/{i}" for i in range(len(TEXTS))) * views,
        foldings(CHARSET, forms) * views,
    )


def with_term(name: str) -> Objective:
    switched = {other: {"weight": float(other == name)} for other in SWITCHED}
    return Objective.model_validate({"ctc_weight": 1.0, **switched})


def terms_on(objective: Objective, device: torch.device) -> tuple[dict[str, float], Tensor]:
    """Every term of one batch, and the gradient of their sum on the student's weights, on the host."""
    model = student()
    frozen = FrozenTeacher([Member(teacher())], device, "fp32")
    peer = student(seed=4) if objective.mutual.weight else None
    auxiliary = auxiliary_modules(objective, model, peer, frozen, CHARSET.n_classes, Preparation(), 0)
    model.to(device).eval()  # without dropout, whose random numbers differ
    for module in model.modules():
        if isinstance(module, nn.RNNBase):
            module.train()  # cuDNN has no backward pass in evaluation mode
    auxiliary.to(device)
    criterion = LineCriterion(objective, frozen, "fp32")
    weights = criterion.weights(0.5)
    totals, _ = criterion.terms(model, auxiliary, batch(objective.views), list(weights), False)
    sum(totals.values(), torch.zeros((), device=device)).backward()
    gradients = [p.grad.flatten().cpu() for p in model.parameters() if p.grad is not None]
    return {name: total.item() for name, total in totals.items()}, torch.cat(gradients)


@pytest.mark.parametrize("name", SWITCHED)
def test_losses_and_gradients_are_those_of_the_processor(name: str, device: torch.device) -> None:
    objective = with_term(name)
    expected, expected_gradient = terms_on(objective, torch.device("cpu"))
    found, gradient = terms_on(objective, device)
    assert name in found
    assert found == pytest.approx(expected, rel=1e-3, abs=1e-5)
    assert (gradient - expected_gradient).norm() <= 1e-2 * expected_gradient.norm()


@pytest.mark.parametrize("of_many_classes", [False, True])
def test_the_gradient_of_ctc_is_that_of_the_processor(of_many_classes: bool, device: torch.device) -> None:
    """With repeated symbols, a label as long as its frames allow, and an empty one."""
    targets = [[1, 1, 2, 2], [3, 4, 5, 6], [7], []]
    logits_NTC = torch.randn(4, 6, 9, generator=torch.Generator().manual_seed(0))
    targets_NL = torch.tensor([target + [0] * (4 - len(target)) for target in targets])
    target_lengths_N = torch.tensor([len(target) for target in targets])

    def nats_and_gradient(where: torch.device) -> tuple[float, Tensor]:
        leaf_NTC = logits_NTC.to(where).detach().requires_grad_()
        lengths_N = torch.full((4,), 6, device=where)
        if of_many_classes:
            total = compact_ctc(leaf_NTC, lengths_N, targets_NL, target_lengths_N).sum()
        else:
            outputs = Outputs(leaf_NTC, lengths_N, leaf_NTC)
            total, _ = ctc(outputs, targets_NL, target_lengths_N, torch.ones(4, dtype=torch.bool, device=where))
        total.backward()
        assert leaf_NTC.grad is not None
        return total.item(), leaf_NTC.grad.cpu()

    (nats, gradient), (expected, expected_gradient) = nats_and_gradient(device), nats_and_gradient(torch.device("cpu"))
    assert nats == pytest.approx(expected, rel=1e-5)
    assert torch.isfinite(gradient).all()
    assert torch.allclose(gradient, expected_gradient, atol=1e-5)


@pytest.mark.parametrize(("channels", "jpeg"), [(1, 0.3), (3, 0.0)])
def test_lines_are_augmented_as_on_the_processor(channels: int, jpeg: float, device: torch.device) -> None:
    config = EVERYTHING.model_copy(update={"jpeg_probability": jpeg})
    assert max(differences(config, channels, device)) <= 2  # of 255 grey levels


def test_recurrent_weights_come_back_from_a_checkpoint_to_the_bit(device: torch.device, tmp_path: Path) -> None:
    """cuDNN packs them as views of one storage; every tensor must survive."""
    training = load_recipe("smoke").teacher.training

    def begun() -> Trainee:
        model = teacher().to(device).to(memory_format=torch.channels_last)
        return Trainee(model, build_optimisers(model, training), progress=Progress(step=1))

    trainee = begun()
    for _ in range(2):
        trainee.model(torch.randn(2, 1, 32, 64, device=device)).logits_NTC.square().mean().backward()
        for optimiser in trainee.optimisers:
            optimiser.step()
    save(tmp_path, "job", trainee)
    folder = checkpoints.newest(tmp_path)
    assert folder is not None
    again = begun()
    restore(folder, again, checkpoints.load(folder), device)
    for before, after in zip(trainee.optimisers, again.optimisers, strict=True):
        states = [list(optimiser.state_dict()["state"].values()) for optimiser in (before, after)]
        assert states[0]
        assert all(
            torch.equal(torch.as_tensor(x[key]).cpu(), torch.as_tensor(y[key]).cpu())
            for x, y in zip(*states, strict=True)
            for key in x
        )
    weights, restored = trainee.model.state_dict(), again.model.state_dict()
    assert sum("weight_ih" in name for name in weights) >= 2
    assert weights.keys() == restored.keys()
    assert all(torch.equal(weights[name], restored[name]) for name in weights)
    images_NCHW = torch.randn(2, 1, 32, 64, device=device)
    with torch.inference_mode():
        one, other = (each.model.eval()(images_NCHW).logits_NTC.cpu().numpy() for each in (trainee, again))
    assert np.array_equal(one, other)
