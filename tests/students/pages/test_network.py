"""Every locator, student and teacher: what a network that finds lines must do."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from students.pages.maps import CHANNELS
from students.pages.network import LOCATORS, Locator
from students.parts import n_parameters
from teachers.locator import LOCATOR_TEACHERS

SMALL = {"channels": (4, 8, 8, 8), "blocks": 1, "dilations": (1, 2)}
SMALL_TEACHER = {"channels": (8, 8, 12, 16), "blocks": (1, 1, 1, 1), "pyramid": 16, "features": 16}
CONFIGS: list[dict[str, Any]] = [
    {"kind": "separable"},
    {"kind": "separable", **SMALL, "activation": "silu"},
    {"kind": "separable", **SMALL, "kernel": 3, "blocks": 0, "expansion": 1, "activation": "hardswish"},
    {"kind": "resnet", **SMALL_TEACHER},
    {"kind": "resnet", **SMALL_TEACHER, "blocks": (1, 2, 1, 2)},
    {"kind": "convnext", "name": "convnext_atto_ols", "pyramid": 8, "features": 8},
]


def config_of(config: dict[str, Any]) -> Any:
    adapter: Any = LOCATORS if config["kind"] == "separable" else LOCATOR_TEACHERS
    return adapter.validate_python(config)


def build(config: dict[str, Any], channels: int = 1) -> Locator:
    """The network with scales that are not those of a fresh one, and the statistics of a noisy page."""
    torch.manual_seed(0)
    model = config_of(config).build(channels)
    norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    with torch.no_grad():
        for norm in norms:
            norm.weight += 0.1 * torch.randn(norm.weight.shape)
            norm.momentum = 1.0
        model.train()(torch.rand(2, channels, 64, 96))
    for norm in norms:
        norm.momentum = 0.1
    return model


def name(config: dict[str, Any]) -> str:
    return " ".join(str(v) for v in config.values() if isinstance(v, (str, bool)))


every = pytest.mark.parametrize("config", CONFIGS, ids=name)


@every
@pytest.mark.parametrize("channels", [1, 3])
def test_maps_are_a_quarter_of_the_page(config: dict[str, Any], channels: int) -> None:
    model = build(config, channels).eval()
    stride_px = config_of(config).stride_px
    with torch.inference_mode():
        outputs = model(torch.rand(2, channels, 3 * stride_px, 5 * stride_px))
    assert outputs.maps_NCHW.shape == (2, CHANNELS, 3 * stride_px // 4, 5 * stride_px // 4)
    assert outputs.features_NDHW.shape[2:] == outputs.maps_NCHW.shape[2:]
    assert (outputs.maps_NCHW[:, 1:3] > 0).all()


@every
def test_the_gradient_reaches_every_parameter(config: dict[str, Any]) -> None:
    model = build(config).train()
    maps_NCHW = model(torch.rand(2, 1, 64, 96)).maps_NCHW
    (maps_NCHW * torch.randn(maps_NCHW.shape)).sum().backward()
    assert not [n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]


@every
def test_a_place_depends_on_pixels_as_far_as_it_says_and_no_further(config: dict[str, Any]) -> None:
    """The first place of a period of the strides sees farthest to the right, the last one to the left."""
    config_ = config_of(config)
    far_px, stride_px = config_.receptive_px, config_.stride_px
    model = build(config).double().eval()
    around = -(-far_px // stride_px) + 1  # periods of strides on each side
    page_NCHW = torch.rand(1, 1, 32, (2 * around + 1) * stride_px, dtype=torch.float64, requires_grad=True)
    maps_NCHW = model(page_NCHW).maps_NCHW
    reached = []
    for column in (around * stride_px // 4, (around + 1) * stride_px // 4 - 1):
        (gradient_NCHW,) = torch.autograd.grad(maps_NCHW[..., column].sum(), page_NCHW, retain_graph=True)
        seen = gradient_NCHW.abs().sum((0, 1, 2)).nonzero()
        reached += [4 * column - int(seen.min()), int(seen.max()) - (4 * column + 3)]
    assert far_px - stride_px < max(reached) <= far_px


@every
def test_a_page_alone_and_in_a_batch_give_the_same_maps(config: dict[str, Any]) -> None:
    model = build(config).eval()
    images_NCHW = torch.rand(3, 1, 64, 96)
    with torch.inference_mode():
        together = model(images_NCHW).maps_NCHW
        alone = torch.cat([model(image[None]).maps_NCHW for image in images_NCHW])
    assert (together - alone).abs().max() < 1e-4


def test_the_student_is_small_and_the_teachers_are_not() -> None:
    assert 0.15e6 < n_parameters(build({"kind": "separable"})) < 0.3e6
    for kind in ("resnet", "convnext"):
        assert 4e6 < n_parameters(build({"kind": kind})) < 6e6
