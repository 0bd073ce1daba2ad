"""Small locators for tests: fresh weights, quick to build."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch

from students.model_file import read_model
from students.pages.model_file import (
    LocatorDescription,
    PagesDescription,
    PagesFile,
    read_locator,
    write_locator,
    write_pages,
)
from students.pages.network import Locator, SeparableLocator
from students.pages.preparation import PagePreparation
from teachers.locator import ResNetLocator

SMALL_LOCATOR = SeparableLocator(channels=(4, 8, 8, 8), blocks=1, dilations=(1, 2))


SMALL_TEACHER = ResNetLocator(channels=(8, 8, 12, 16), blocks=(1, 1, 1, 1), pyramid=16, features=16)
Kind = Literal["locator", "locator_teacher"]


def build_small_locator(kind: Kind = "locator", channels: int = 1) -> Locator:
    """Return a network with the statistics of a noisy page, so that its maps vary, and the same each time."""
    config = SMALL_LOCATOR if kind == "locator" else SMALL_TEACHER
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = config.build(channels)
        norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
        with torch.no_grad():
            for norm in norms:
                norm.weight += 0.1 * torch.randn(norm.weight.shape)
                norm.momentum = 1.0
            model.train()(torch.rand(2, channels, 64, 96))
    return model.eval()


def write_small_locator(path: Path, kind: Kind = "locator", preparation: PagePreparation | None = None) -> Path:
    """Write such a network as a model file."""
    preparation = preparation or PagePreparation()
    config = SMALL_LOCATOR if kind == "locator" else SMALL_TEACHER
    description = LocatorDescription(
        kind=kind,
        architecture=config.model_dump(mode="json"),
        receptive_px=config.receptive_px,
        preparation=preparation,
    )
    weights = build_small_locator(kind, preparation.channels).state_dict()
    write_locator(path, description, {name: tensor.numpy() for name, tensor in weights.items()})
    return path


def write_both(path: Path, locator: Path, recogniser: Path) -> Path:
    """Write the networks of two model files as one file."""
    found, locator_weights = read_locator(locator)
    read, weights = read_model(recogniser)
    write_pages(path, PagesFile(PagesDescription(locator=found, recogniser=read), locator_weights, weights))
    return path
