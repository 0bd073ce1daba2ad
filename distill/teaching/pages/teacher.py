"""The frozen teacher of locators."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from distill.digests import digest_of
from distill.runtime import autocast
from distill.schema import Precision
from distill.teaching.frozen import assert_weights, freeze
from students.pages.network import LocatorOutputs


class FrozenLocator(nn.Module):
    """A locator that teaches; it takes the crops that the student takes."""

    def __init__(self, model: nn.Module, device: torch.device, precision: Precision) -> None:
        super().__init__()
        self.model, self.precision = model, precision
        self._weights_digest = freeze(self, device)
        self.digest = digest_of(self._weights_digest, precision)

    def train(self, mode: bool = True) -> FrozenLocator:  # noqa: ARG002 - as torch has it
        """Do nothing: a frozen teacher stays in evaluation mode, whatever the `mode`."""
        return super().train(False)

    def forward(self, images_NCHW: Tensor) -> LocatorOutputs:
        """Return maps and features of crops."""
        with torch.inference_mode(), autocast(self.precision, images_NCHW.device):
            outputs = self.model(images_NCHW)
        return LocatorOutputs(*(tensor.clone() for tensor in outputs))  # autograd cannot save inference tensors

    def assert_unchanged(self) -> None:
        """Raise `RuntimeError` where a weight is not what it was."""
        assert_weights(self, self._weights_digest)
