"""Separable convolutions and one-layer BiLSTMs in sequence: the default student, 0.1 to 1 M parameters.

Four times fewer frames than pixels, or eight. Roughly half of the parameters sit in the recurrent layers, which are
cheap because they run on short sequences of few features.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from pydantic import Field
from torch import nn

from students.architectures.along import AlongTheLine
from students.parts import (
    Activation,
    Columns,
    Convolution,
    Neck,
    NeckKind,
    Norm,
    Recogniser,
    Residual,
    SeparableConvolution,
    reading_along,
)

FramePx = Literal[4, 8]


class RecurrentSize(NamedTuple):
    """Channels of the stages, features of a frame, features of the neck each way, and its layers."""

    channels: tuple[int, int, int, int, int]
    features: int
    hidden: int
    layers: int


SIZES = {
    "small": RecurrentSize((16, 32, 48, 64, 96), 96, 64, 1),
    "medium": RecurrentSize((24, 48, 80, 112, 160), 128, 112, 1),
    "large": RecurrentSize((32, 64, 96, 128, 176), 160, 136, 2),
}


class RecurrentStudent(AlongTheLine):
    """Separable convolutions, then a neck along the line: recurrent, or self-attention."""

    kind: Literal["recurrent"] = "recurrent"
    size: Literal["small", "medium", "large"] = Field("small", description="about 0.14, 0.34 or 0.98 M parameters")
    neck: NeckKind = Field("bilstm", description="what reads along the line after the convolutions")
    activation: Activation = Field("relu", description="after every convolution")
    norm: Norm = Field("batch", description="group: gradients independent of how a batch is split")
    frame_px: FramePx = Field(4, description="pixels along the line that make a frame: 8 halves what follows")
    squeeze_excite: bool = Field(
        False, description="scale the channels of every separable convolution by what their means over the line say"
    )
    dropout: float = Field(
        0.0, ge=0, lt=1, description="before every recurrent layer, or on what attention adds, and before the head"
    )

    def build(self, n_classes: int, channels: int, height_px: int) -> Recogniser:
        """Return the network for lines of `height_px` rows, with fresh weights."""
        size = SIZES[self.size]
        backbone = separable_backbone(
            channels, size.channels, self.norm, self.activation, self.frame_px, self.squeeze_excite
        )
        columns = size.channels[-1] * -(-height_px // 16)
        collapse = nn.Sequential(Columns(), nn.Linear(columns, size.features), nn.ReLU(inplace=True))
        neck = Neck(self.neck, size.hidden, size.layers, self.dropout)
        return reading_along(backbone, collapse, size.features, n_classes, neck, self.head_rank)


def separable_backbone(
    inputs: int,
    channels: tuple[int, int, int, int, int],
    norm: Norm,
    act: Activation,
    frame_px: FramePx,
    squeeze_excite: bool = False,
) -> nn.Sequential:
    """Return convolutions from (N, inputs, H, W) to (N, channels[-1], H / 16, W / frame_px)."""
    c1, c2, c3, c4, c5 = channels

    def separable(before: int, after: int, stride: tuple[int, int]) -> SeparableConvolution:
        return SeparableConvolution(before, after, stride, norm=norm, act=act, squeeze_excite=squeeze_excite)

    return nn.Sequential(
        Convolution(inputs, c1, (2, 2), norm=norm, act=act),
        separable(c1, c2, (1, 1)),
        separable(c2, c3, (2, 2)),
        Residual(separable(c3, c3, (1, 1))),
        separable(c3, c4, (2, frame_px // 4)),
        Residual(separable(c4, c4, (1, 1))),
        separable(c4, c5, (2, 1)),
    )
