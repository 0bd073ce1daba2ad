"""Large locators: a timm backbone, a feature pyramid, the maps of a page's lines at a quarter of its size.

The pyramid is that of Lin et al. 2017 (arXiv 1612.03144); all its levels, brought to one size, are joined as in Liao
et al. 2020 (arXiv 1911.08947). timm's ConvNeXt normalises over features at one place, never over the page.
"""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, TypeAdapter
from torch import Tensor, nn
from torch.nn import functional as F

from students.pages.network import Locator
from students.parts import Convolution
from teachers.backbone import channels_of_levels, convnext_levels, resnet_levels
from teachers.crnn import Even

LEVELS_PX = (4, 8, 16, 32)  # strides of the levels
CONVNEXT_DEPTHS = (2, 2, 6, 2)  # of all sizes that can be chosen


class _Pyramid(BaseModel):
    """What every locator teacher has behind its backbone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pyramid: int = Field(96, ge=8, multiple_of=4, description="features of each level of the pyramid")
    features: PositiveInt = Field(64, description="features that the maps are made of")
    drop_path: float = Field(0.0, ge=0, lt=1, description="share of residual branches dropped in training")

    @property
    def stride_px(self) -> int:
        """Return what the sides of a page are to be multiples of."""
        return LEVELS_PX[-1]

    def _with_pyramid_px(self, backbone_px: int) -> int:
        """What a backbone sees, and the pyramid: 3x3 at the deepest level, its enlargement, 3x3 at a quarter."""
        deepest, finest = LEVELS_PX[-1], LEVELS_PX[0]
        return backbone_px + deepest + (deepest - finest) + finest

    def _locator(self, levels: nn.Module) -> Locator:
        return Locator(_Joined(levels, self.pyramid, self.features), self.features)


class ResNetLocator(_Pyramid):
    """Residual backbone of basic blocks."""

    kind: Literal["resnet"] = "resnet"
    blocks: tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt] = Field(
        (2, 2, 2, 2), description="residual blocks of each stage"
    )
    channels: tuple[Even, PositiveInt, PositiveInt, PositiveInt] = Field(
        (48, 96, 192, 288), description="maps of each stage"
    )

    @property
    def receptive_px(self) -> int:
        """Return how many pixels beyond its own 4 x 4 a place of the maps may depend on, each way."""
        stem = 1 + 2 + 2 + 2  # three 3x3 convolutions, the first of stride 2, and the pooling of stride 2
        first, *later = zip(LEVELS_PX, self.blocks, strict=True)
        stages = 2 * first[0] * first[1] + sum(2 * px * n - px // 2 for px, n in later)
        return self._with_pyramid_px(stem + stages)

    def build(self, channels: int) -> Locator:
        """Return the network for pages of so many channels, with fresh weights."""
        return self._locator(resnet_levels(channels, self.blocks, self.channels, self.drop_path))


class ConvNeXtLocator(_Pyramid):
    """ConvNeXt backbone with an overlapping stem."""

    kind: Literal["convnext"] = "convnext"
    name: Literal["convnext_atto_ols", "convnext_femto_ols", "convnext_pico_ols"] = Field(
        "convnext_femto_ols", description="3.4, 4.8 or 8.6 M parameters"
    )
    pretrained: bool = Field(False, description="start from ImageNet weights: downloads them")

    @property
    def receptive_px(self) -> int:
        """Return how many pixels beyond its own 4 x 4 a place of the maps may depend on, each way."""
        stem = 1 + 2  # two 3x3 convolutions of stride 2; the convolutions between the stages see their own pixel
        stages = sum(3 * px * depth for px, depth in zip(LEVELS_PX, CONVNEXT_DEPTHS, strict=True))
        return self._with_pyramid_px(stem + stages)

    def build(self, channels: int) -> Locator:
        """Return the network for pages of so many channels, with fresh weights but for `pretrained`."""
        return self._locator(convnext_levels(channels, self.name, self.pretrained, self.drop_path))


LocatorTeacherConfig = Annotated[ResNetLocator | ConvNeXtLocator, Field(discriminator="kind")]
LOCATOR_TEACHERS: TypeAdapter[LocatorTeacherConfig] = TypeAdapter(LocatorTeacherConfig)


class _Joined(nn.Module):
    """(N, channels, H, W) to (N, D, H / 4, W / 4)."""

    def __init__(self, levels: nn.Module, pyramid: int, features: int) -> None:
        super().__init__()
        self.levels = levels
        self.lateral = nn.ModuleList(nn.Conv2d(n, pyramid, 1, bias=False) for n in channels_of_levels(levels))
        self.smooth = nn.ModuleList(_square(pyramid, pyramid // len(LEVELS_PX)) for _ in self.lateral)
        self.join = _square(pyramid, features)

    def forward(self, images_NCHW: Tensor) -> Tensor:
        laterals = [layer(level) for layer, level in zip(self.lateral, self.levels(images_NCHW), strict=True)]
        summed = [laterals.pop()]
        while laterals:
            summed.append(_enlarged(summed[-1], 2) + laterals.pop())
        parts = [
            _enlarged(smooth(level), px // LEVELS_PX[0])
            for smooth, level, px in zip(self.smooth, reversed(summed), LEVELS_PX, strict=True)
        ]
        joined_NDHW: Tensor = self.join(torch.cat(parts, 1))
        return joined_NDHW


def _square(inputs: int, outputs: int) -> Convolution:
    return Convolution(inputs, outputs, norm="batch", act="relu")


def _enlarged(maps_NDHW: Tensor, times: int) -> Tensor:
    return maps_NDHW if times == 1 else F.interpolate(maps_NDHW, scale_factor=float(times), mode="nearest")
