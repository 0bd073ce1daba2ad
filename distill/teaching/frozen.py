"""What freezing a teacher means, of lines and of pages: networks that never learn, and a digest that says so."""

from __future__ import annotations

import torch
from torch import nn

from distill.digests import tensors_digest


def freeze(teacher: nn.Module, device: torch.device) -> str:
    """Put a module on a device, in evaluation mode and without gradients; return the digest of its weights."""
    teacher.requires_grad_(False).to(device).to(memory_format=torch.channels_last)
    teacher.eval()
    return tensors_digest(teacher.state_dict())


def assert_weights(teacher: nn.Module, digest: str) -> None:
    """Raise `RuntimeError` where the weights of a frozen teacher are not those of `digest`."""
    if tensors_digest(teacher.state_dict()) != digest:
        raise RuntimeError("the frozen teacher has changed during the training")
