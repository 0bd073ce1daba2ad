"""The torch locator: a model file becomes a network, and the network a `LocatorReader`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from pydantic import ValidationError
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from students.errors import CheckpointError
from students.pages.locate import LocatorReader
from students.pages.model_file import LocatorDescription, Weights, expect_locator, read_locator
from students.pages.network import LOCATORS, Locator


class LocatorArchitecture(Protocol):
    """What the architectures of locators and of their teachers have in common."""

    @property
    def receptive_px(self) -> int:
        """Return how many pixels beyond its own 4 x 4 a place of the maps may depend on, each way."""

    def build(self, channels: int) -> Locator:
        """Return the network for pages of so many channels."""


def open_locator_network(path: Path) -> LocatorReader:
    """Open the safetensors file of a locator; raises `CheckpointError` for a file that is not whole."""
    description, weights = read_locator(path)
    expect_locator(description, path)
    return assemble_locator(path, description, weights, LOCATORS.validate_python)


def assemble_locator(
    path: Path,
    description: LocatorDescription,
    weights: Weights,
    architecture_of: Callable[[dict[str, Any]], LocatorArchitecture],
) -> LocatorReader:
    """Build the described network and fill it; weights and network must match name by name, shape by shape.

    Normalisations are folded into convolutions: the network is there to be read with. Raises `CheckpointError` where
    they do not, or where the maps depend on other pixels than the file says.
    """
    try:
        architecture = architecture_of(description.architecture)
        model = architecture.build(description.preparation.channels)
        model.load_state_dict({name: torch.from_numpy(array.copy()) for name, array in weights.items()})
    except (ValidationError, RuntimeError) as error:
        raise CheckpointError(f"{path}: weights and architecture do not match: {error}") from error
    if architecture.receptive_px != description.receptive_px:
        raise CheckpointError(
            f"{path}: says that its maps depend on pixels {description.receptive_px} px away, its architecture "
            f"{architecture.receptive_px}; it was written by another release"
        )
    fold_norms(model.eval())
    return locator_of(model.to(memory_format=torch.channels_last), description, path)


def locator_of(model: Locator, description: LocatorDescription, path: Path) -> LocatorReader:
    """Return a reader with `model`, in evaluation mode, wherever it is moved later."""
    model.eval()

    def maps_of(images_NCHW: np.ndarray) -> np.ndarray:
        device = next(model.parameters()).device
        images = torch.from_numpy(images_NCHW).to(device, memory_format=torch.channels_last)
        with torch.inference_mode():
            maps_NCHW = model(images).maps_NCHW
        return np.ascontiguousarray(maps_NCHW.float().cpu().numpy())

    return LocatorReader(description, path, maps_of, model)


def fold_norms(model: nn.Module) -> None:
    """Put every BatchNorm that follows a convolution in a sequence into that convolution; outputs stay as they were."""
    for sequence in [module for module in model.modules() if isinstance(module, nn.Sequential)]:
        for i in range(1, len(sequence)):
            before, norm = sequence[i - 1], sequence[i]
            if isinstance(before, nn.Conv2d) and type(norm) is nn.BatchNorm2d:
                sequence[i - 1], sequence[i] = fuse_conv_bn_eval(before, norm), nn.Identity()
