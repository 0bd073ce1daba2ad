"""Branches in training, one convolution in the model file: both give the same logits."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import students
from students.architectures.digits import DigitsStudent
from students.architectures.reparameterised import Branches, ReparameterisedStudent
from students.charset import Charset
from students.config import deployed
from students.image import Preparation
from students.model_file import Description, write_model
from students.parts import Recogniser, n_parameters


def trained(config: ReparameterisedStudent) -> Recogniser:
    """A network whose norms have seen other statistics than those they begin with."""
    torch.manual_seed(0)
    model = config.build(11, 1, 32)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, -0.5, 1.5)
            nn.init.normal_(module.bias)
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.2, 3)
    return model.eval()


@pytest.mark.parametrize("repeats", [0, 2])
def test_merged_branches_give_the_same_logits(repeats: int) -> None:
    model = trained(ReparameterisedStudent(repeats=repeats))
    merged, architecture = deployed(model, ReparameterisedStudent(repeats=repeats))
    assert architecture.merged
    assert any(isinstance(module, Branches) for module in model.modules())  # the trained one is left as it is
    assert not any(isinstance(module, (Branches, nn.BatchNorm2d)) for module in merged.modules())
    images_NCHW = torch.rand(3, 1, 32, 90)
    with torch.inference_mode():
        apart = (model(images_NCHW).logits_NTC - merged(images_NCHW).logits_NTC).abs().max()
    assert apart <= 1e-5
    assert n_parameters(merged) < n_parameters(model)


@pytest.mark.parametrize(("inputs", "outputs", "stride"), [(3, 5, (2, 1)), (4, 4, (1, 1)), (4, 4, (2, 2))])
def test_one_convolution_is_all_branches_at_the_edges_too(inputs: int, outputs: int, stride: tuple[int, int]) -> None:
    branches = Branches(inputs, outputs, stride)
    assert (branches.identity_norm is not None) == (inputs == outputs and stride == (1, 1))
    for _ in range(3):  # running statistics
        branches(2 * torch.randn(8, inputs, 9, 9) + 1)
    maps_NDHT = torch.randn(2, inputs, 7, 8)
    with torch.inference_mode():
        apart = branches.eval()(maps_NDHT) - branches.as_convolution()(maps_NDHT)
    assert apart.abs().max() <= 1e-5


def test_it_is_trained_in_channels_last() -> None:
    """As every training is. A 1x1 convolution of stride 2 on one channel ends the process there."""
    model = ReparameterisedStudent().build(11, 1, 32).to(memory_format=torch.channels_last).train()
    for width in (64, 96, 128, 160) * 3:
        images_NCHW = torch.rand(32, 1, 32, width).to(memory_format=torch.channels_last)
        model(images_NCHW).logits_NTC.square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_the_merged_network_is_a_model_file(tmp_path: Path) -> None:
    config = ReparameterisedStudent()
    model = trained(config)
    merged, architecture = deployed(model, config)
    description = Description(
        kind="student",
        architecture=architecture.model_dump(mode="json"),
        charset=Charset(characters="0123456789"),
        preparation=Preparation(),
    )
    path = tmp_path / "model.safetensors"
    write_model(path, description, {name: t.numpy() for name, t in merged.state_dict().items()})
    images_NCHW = torch.rand(2, 1, 32, 64)
    with torch.inference_mode():
        expected = model(images_NCHW).logits_NTC.log_softmax(-1).numpy()
    assert abs(students.load(path).log_probabilities(images_NCHW.numpy()) - expected).max() <= 1e-5


def test_other_students_are_deployed_as_they_are() -> None:
    config = DigitsStudent()
    model = config.build(11, 1, 32)
    assert deployed(model, config) == (model, config)
