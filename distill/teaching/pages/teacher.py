"""The frozen teacher of locators."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from distill.digests import digest_of
from distill.runtime import autocast
from distill.schema import Precision
from distill.teaching.frozen import Frozen
from students.pages.network import LocatorOutputs


class FrozenLocator(Frozen):
    """A locator that teaches; it takes the crops that the student takes."""

    def __init__(self, model: nn.Module, device: torch.device, precision: Precision) -> None:
        super().__init__()
        self.model = model
        self.freeze(device, precision)
        self.digest = digest_of(self.weights_digest, precision)

    def forward(self, images_NCHW: Tensor) -> LocatorOutputs:
        """Return maps and features of crops."""
        with torch.inference_mode(), autocast(self.precision, images_NCHW.device):
            outputs = self.model(images_NCHW)
        return LocatorOutputs(*(tensor.clone() for tensor in outputs))  # autograd cannot save inference tensors
