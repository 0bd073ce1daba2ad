"""Networks that find the lines of a page: what every locator returns, and the compact one of separable convolutions.

Nothing is pooled or normalised over the page, so that a place of the maps depends only on the pixels around it: a page
read in tiles that overlap gives the maps of the whole page. Shapes: `N` pages, `C` maps, `D` features, `H` `W` pixels
of a page, or of maps at a quarter of it.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal, NamedTuple

import torch
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, TypeAdapter
from torch import Tensor, nn
from torch.nn import functional as F

from students.pages.maps import CHANNELS
from students.parts import Activation, Convolution, SeparableConvolution, activation

DISTANCE_UNIT_PX = 4.0  # raw distances of 1 pass for so many pixels
FIRST_OUTPUT = (-2.0, 2.0, 2.0, 1.0, 0.0)  # before training: few cores, lines of usual height, level text


class LocatorOutputs(NamedTuple):
    """What every locator returns: maps in the order of `students.pages.maps.Maps`, and what they were made of."""

    maps_NCHW: Tensor  # logit of the core, distances in px of the prepared page, cosine and sine before scaling
    features_NDHW: Tensor


class Locator(nn.Module):
    """Convolutions from pages (N, channels, H, W), both sides multiples of the stride, to maps at a quarter of that."""

    def __init__(self, backbone: nn.Module, features: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = nn.Conv2d(features, CHANNELS, 1)
        with torch.no_grad():
            assert self.head.bias is not None
            self.head.bias.copy_(torch.tensor(FIRST_OUTPUT))

    def forward(self, images_NCHW: Tensor) -> LocatorOutputs:
        features_NDHW = self.backbone(images_NCHW)
        core, distances, direction = self.head(features_NDHW).split((1, 2, 2), 1)
        return LocatorOutputs(torch.cat([core, DISTANCE_UNIT_PX * F.softplus(distances), direction], 1), features_NDHW)


class SeparableLocator(BaseModel):
    """Separable convolutions down to 1/16 of the page, where they see far, and a path back up to 1/4."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["separable"] = "separable"
    channels: tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt] = Field(
        (8, 32, 48, 96), description="features at 1/2, 1/4, 1/8 and 1/16 of the page"
    )
    blocks: int = Field(2, ge=0, le=16, description="residual blocks at 1/8 of the page")
    dilations: tuple[Annotated[int, Field(ge=1, le=8)], ...] = Field(
        (1, 2, 2, 2, 1),
        max_length=16,
        description="residual blocks at 1/16, by how far apart their rows and columns are",
    )
    kernel: Literal[3, 5, 7] = Field(5, description="side of the depthwise convolutions of the blocks")
    expansion: int = Field(2, ge=1, le=4, description="width of the pointwise layers of a block over its input")
    activation: Activation = Field("relu", description="after every convolution but those that are added up")

    @property
    def stride_px(self) -> int:
        """Return what the sides of a page are to be multiples of."""
        return 16

    @property
    def receptive_px(self) -> int:
        """Return how many pixels beyond its own 4 x 4 a place of the maps may depend on, each way."""
        down = 1 + 2 + 4 + 8  # 3x3 convolutions of stride 2, whose input has pixels of 1, 2, 4, 8
        reach = self.kernel // 2
        far = reach * (8 * self.blocks + 16 * sum(self.dilations))
        up = (8 + 8) + (4 + 4)  # an enlarged pixel is at most its smaller half off; a 3x3 convolution follows
        return down + far + up

    def build(self, channels: int) -> Locator:
        """Return the network for pages of so many channels, with fresh weights."""
        return Locator(_Separable(self, channels), self.channels[1])


class _Separable(nn.Module):
    """(N, channels, H, W) to (N, D, H / 4, W / 4)."""

    def __init__(self, config: SeparableLocator, channels: int) -> None:
        super().__init__()
        act = config.activation
        half, quarter, eighth, sixteenth = config.channels

        def blocks(features: int, dilations: tuple[int, ...]) -> list[nn.Module]:
            return [Block(features, config.kernel, dilation, config.expansion, act) for dilation in dilations]

        whole = partial(Convolution, stride=(2, 2), norm="batch", act=act)
        separable = partial(SeparableConvolution, stride=(2, 2), norm="batch", act=act)
        self.quarter = nn.Sequential(whole(channels, half), whole(half, quarter))
        self.eighth = nn.Sequential(separable(quarter, eighth), *blocks(eighth, (1,) * config.blocks))
        self.sixteenth = nn.Sequential(separable(eighth, sixteenth), *blocks(sixteenth, config.dilations))
        self.up_to_eighth = Up(sixteenth, eighth, act)
        self.up_to_quarter = Up(eighth, quarter, act)

    def forward(self, images_NCHW: Tensor) -> Tensor:
        quarter_NDHW = self.quarter(images_NCHW)
        eighth_NDHW = self.eighth(quarter_NDHW)
        deep_NDHW = self.sixteenth(eighth_NDHW)
        features_NDHW: Tensor = self.up_to_quarter(self.up_to_eighth(deep_NDHW, eighth_NDHW), quarter_NDHW)
        return features_NDHW


class Block(nn.Module):
    """x + pointwise pair(depthwise(x)): a depthwise convolution, dilated, between what a place knows and is added."""

    def __init__(self, features: int, kernel: int, dilation: int, expansion: int, act: Activation) -> None:
        super().__init__()
        wide = features * expansion
        self.layers = nn.Sequential(
            nn.Conv2d(features, features, kernel, 1, dilation * (kernel // 2), dilation, groups=features, bias=False),
            nn.BatchNorm2d(features),
            nn.Conv2d(features, wide, 1, bias=False),
            nn.BatchNorm2d(wide),
            activation(act),
            nn.Conv2d(wide, features, 1, bias=False),
            nn.BatchNorm2d(features),
        )

    def forward(self, maps_NDHW: Tensor) -> Tensor:
        summed_NDHW: Tensor = maps_NDHW + self.layers(maps_NDHW)
        return summed_NDHW


class Up(nn.Module):
    """Deep features, enlarged to twice their size, added to those of the way down; then a separable convolution."""

    def __init__(self, deep: int, features: int, act: Activation) -> None:
        super().__init__()
        self.narrow = nn.Sequential(nn.Conv2d(deep, features, 1, bias=False), nn.BatchNorm2d(features))
        self.lateral = nn.Sequential(nn.Conv2d(features, features, 1, bias=False), nn.BatchNorm2d(features))
        self.merge = nn.Sequential(activation(act), SeparableConvolution(features, features, norm="batch", act=act))

    def forward(self, deep_NDHW: Tensor, lateral_NDHW: Tensor) -> Tensor:
        enlarged_NDHW = F.interpolate(self.narrow(deep_NDHW), scale_factor=2.0, mode="nearest")
        merged_NDHW: Tensor = self.merge(enlarged_NDHW + self.lateral(lateral_NDHW))
        return merged_NDHW


LocatorConfig = SeparableLocator  # a second kind makes this a union discriminated by `kind`
LOCATORS: TypeAdapter[LocatorConfig] = TypeAdapter(LocatorConfig)
