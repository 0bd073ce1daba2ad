"""3x3 convolutions that are three branches in training and one convolution in the model file (RepVGG).

Ding et al. 2021, arXiv 2101.03697. A branch can be merged only where its norm is a fixed scale and shift of each
channel when the network reads. BatchNorm in evaluation mode is; GroupNorm depends on the line, so it is no choice here.
"""

from __future__ import annotations

import copy
from typing import Literal

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

from students.architectures.along import AlongTheLine
from students.parts import Activation, Columns, Neck, NeckKind, Recogniser, activation, reading_along


class ReparameterisedStudent(AlongTheLine):
    """3x3 convolutions with 1x1 and identity branches, merged in the model file; then a neck along the line."""

    kind: Literal["reparameterised"] = "reparameterised"
    channels: tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt] = Field(
        (16, 32, 48, 64),
        description="of the four parts, each of which halves the rows; the first two halve the columns",
    )
    repeats: int = Field(
        1, ge=0, le=8, description="convolutions behind the first of each part: these have an identity"
    )
    features: int = Field(96, ge=8, description="of a frame, before the neck")
    neck: NeckKind = Field("bilstm", description="what reads along the line after the convolutions")
    hidden: int = Field(
        64, ge=8, description="features of the neck, each way; half the width of the pointwise layers of attention"
    )
    activation: Activation = Field("relu", description="after every convolution")
    dropout: float = Field(
        0.0, ge=0, lt=1, description="before the recurrent layer, or on what attention adds, and before the head"
    )
    merged: bool = Field(
        False, description="one convolution for all branches, as in a model file; true to begin with such a file"
    )

    def build(self, n_classes: int, channels: int, height_px: int) -> Recogniser:
        """Return the network for lines of `height_px` rows, with fresh weights."""
        layers: list[nn.Module] = []
        before = channels
        for after, stride in zip(self.channels, ((2, 2), (2, 2), (2, 1), (2, 1)), strict=True):
            layers.append(self._convolution(before, after, stride))
            layers += [self._convolution(after, after, (1, 1)) for _ in range(self.repeats)]
            before = after
        columns = before * -(-height_px // 16)
        collapse = nn.Sequential(Columns(), nn.Linear(columns, self.features), nn.ReLU(inplace=True))
        neck = Neck(self.neck, self.hidden, 1, self.dropout)
        return reading_along(nn.Sequential(*layers), collapse, self.features, n_classes, neck, self.head_rank)

    def _convolution(self, inputs: int, outputs: int, stride: tuple[int, int]) -> nn.Sequential:
        layer = nn.Conv2d(inputs, outputs, 3, stride, 1) if self.merged else Branches(inputs, outputs, stride)
        return nn.Sequential(layer, activation(self.activation))


class Branches(nn.Module):
    """The sum of a 3x3 convolution, a 1x1 convolution and, where the shape stays, the maps themselves.

    Each branch has a BatchNorm of its own.
    """

    def __init__(self, inputs: int, outputs: int, stride: tuple[int, int]) -> None:
        super().__init__()
        self.square = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.square_norm = nn.BatchNorm2d(outputs)
        self.stride = stride
        self.point = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.point_norm = nn.BatchNorm2d(outputs)
        keeps_shape = inputs == outputs and stride == (1, 1)
        self.identity_norm = nn.BatchNorm2d(outputs) if keeps_shape else None

    def forward(self, maps_NDHT: Tensor) -> Tensor:
        rows, columns = self.stride
        # a 1x1 convolution of stride 2 on one channel in channels_last crashes in the backward pass of torch 2.14
        some_NDHT = maps_NDHT[:, :, ::rows, ::columns]
        summed_NDHT: Tensor = self.square_norm(self.square(maps_NDHT)) + self.point_norm(self.point(some_NDHT))
        return summed_NDHT if self.identity_norm is None else summed_NDHT + self.identity_norm(maps_NDHT)

    def as_convolution(self) -> nn.Conv2d:
        """Return one 3x3 convolution with the outputs of the branches in evaluation mode; computed in float64."""
        square, point = self.square, self.point
        branches = [(square.weight, self.square_norm), (F.pad(point.weight, (1, 1, 1, 1)), self.point_norm)]
        if self.identity_norm is not None:
            branches.append((nn.init.dirac_(torch.zeros_like(square.weight)), self.identity_norm))
        conv = nn.Conv2d(square.in_channels, square.out_channels, 3, self.stride, 1)
        with torch.no_grad():
            scaled = [(kernel.double(), *_scale_and_shift(norm)) for kernel, norm in branches]
            conv.weight.copy_(
                torch.stack([kernel * scale_D[:, None, None, None] for kernel, scale_D, _ in scaled]).sum(0)
            )
            conv.bias.copy_(torch.stack([shift_D for _, _, shift_D in scaled]).sum(0))  # type: ignore[union-attr]
        return conv.to(square.weight.device)


def with_branches_merged(model: Recogniser) -> Recogniser:
    """Return a copy of the network, in evaluation mode, with one convolution in the place of every `Branches`."""
    copied = copy.deepcopy(model).eval()
    for name, module in list(copied.named_modules()):
        if isinstance(module, Branches):
            copied.set_submodule(name, module.as_convolution())
    return copied


def _scale_and_shift(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """What BatchNorm multiplies every channel by in evaluation mode, and what it adds, both (D,) float64."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale_D = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
    return scale_D, norm.bias.double() - norm.running_mean.double() * scale_D
