"""Small locators for tests: fresh weights, quick to build."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch

from students.pages.model_file import LocatorDescription, write_locator
from students.pages.network import SeparableLocator
from students.pages.preparation import PagePreparation

SMALL_LOCATOR = SeparableLocator(channels=(4, 8, 8, 8), blocks=1, dilations=(1, 2))


def write_small_locator(
    path: Path,
    kind: Literal["locator", "locator_teacher"] = "locator",
    preparation: PagePreparation | None = None,
) -> Path:
    """Write a separable locator with fresh weights, a function of nothing."""
    preparation = preparation or PagePreparation()
    torch.manual_seed(0)
    model = SMALL_LOCATOR.build(preparation.channels)
    description = LocatorDescription(
        kind=kind,
        architecture=SMALL_LOCATOR.model_dump(mode="json"),
        receptive_px=SMALL_LOCATOR.receptive_px,
        preparation=preparation,
    )
    write_locator(path, description, {name: tensor.numpy() for name, tensor in model.state_dict().items()})
    return path
