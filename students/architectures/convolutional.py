"""Separable convolutions and one-dimensional mixers over time: no recurrence, fast everywhere, quantises well."""

from __future__ import annotations

from typing import Literal, NamedTuple

from pydantic import Field
from torch import Tensor, nn

from students.architectures.along import AlongTheLine
from students.architectures.recurrent import FramePx, separable_backbone
from students.parts import Activation, Mixer, Norm, Recogniser, activation, ctc_head, norm2d


class ConvolutionalSize(NamedTuple):
    """Channels of the stages, features of a mixer, and the number of mixers."""

    channels: tuple[int, int, int, int, int]
    mixer: int
    blocks: int


SIZES = {
    "small": ConvolutionalSize((16, 32, 48, 64, 80), 80, 4),
    "medium": ConvolutionalSize((24, 48, 80, 112, 128), 128, 5),
    "large": ConvolutionalSize((32, 64, 96, 128, 192), 192, 5),
}


class ConvolutionalStudent(AlongTheLine):
    """Separable convolutions, then residual mixers of `kernel` frames."""

    kind: Literal["convolutional"] = "convolutional"
    size: Literal["small", "medium", "large"] = Field("small", description="about 0.15, 0.45 or 0.95 M parameters")
    kernel: int = Field(9, ge=3, le=31, description="frames one mixer sees; odd")
    expansion: int = Field(2, ge=1, le=4, description="width of the pointwise layer pair over its input")
    activation: Activation = Field("relu", description="ReLU and HardSwish survive int8 fusion, GELU does not")
    norm: Norm = Field("batch", description="group: gradients independent of how a batch is split")
    frame_px: FramePx = Field(4, description="pixels along the line that make a frame: 8 halves what follows")
    dropout: float = Field(0.0, ge=0, lt=1, description="before the head")

    def build(self, n_classes: int, channels: int, height_px: int) -> Recogniser:
        """Return the network for lines of `height_px` rows, with fresh weights."""
        size = SIZES[self.size]
        backbone = separable_backbone(channels, size.channels, self.norm, self.activation, self.frame_px)
        collapse = MixedColumns(size, -(-height_px // 16), self)
        head = ctc_head(size.mixer, n_classes, self.dropout, self.head_rank)
        return Recogniser(backbone, collapse, nn.Identity(), head)


class MixedColumns(nn.Module):
    """(N, D, H, T) to (N, T, mixer): height collapsed by one convolution, then the mixers."""

    def __init__(self, size: ConvolutionalSize, rows: int, config: ConvolutionalStudent) -> None:
        super().__init__()
        self.squeeze = nn.Sequential(
            nn.Conv2d(size.channels[-1], size.mixer, (rows, 1), bias=False),
            norm2d(config.norm, size.mixer),
            activation(config.activation),
        )
        self.mixers = nn.Sequential(
            *(
                Mixer(size.mixer, config.kernel | 1, config.expansion, config.norm, config.activation)
                for _ in range(size.blocks)
            )
        )

    def forward(self, maps_NDHT: Tensor) -> Tensor:
        return self.mixers(self.squeeze(maps_NDHT)).squeeze(2).transpose(1, 2)
