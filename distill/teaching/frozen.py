"""What a teacher of lines and one of pages have in common: networks that never learn, and a digest that says so."""

from __future__ import annotations

import torch
from torch import nn
from typing_extensions import Self

from distill.digests import tensors_digest
from distill.schema import Precision


class Frozen(nn.Module):
    """Networks in evaluation mode that take no gradient, with a digest of their weights that must not change."""

    device: torch.device
    precision: Precision
    weights_digest: str

    def freeze(self, device: torch.device, precision: Precision) -> None:
        """Freeze the networks that this module has by now, on a device."""
        self.device, self.precision = device, precision
        self.requires_grad_(False).to(device).to(memory_format=torch.channels_last)
        self.eval()
        self.weights_digest = tensors_digest(self.state_dict())

    def train(self, mode: bool = True) -> Self:  # noqa: ARG002 - as torch has it
        """Do nothing: a frozen teacher stays in evaluation mode, whatever the `mode`."""
        return super().train(False)

    def assert_unchanged(self) -> None:
        """Raise `RuntimeError` where a tensor is not what it was."""
        if tensors_digest(self.state_dict()) != self.weights_digest:
            raise RuntimeError("the frozen teacher has changed during the training")
