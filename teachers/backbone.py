"""timm backbones: for lines with text strides, 32 rows to one or two and four pixels to a frame; for pages as they are.

timm's strides are square. For lines the late stages keep the width, or a line would shrink to fewer frames than
it has characters. Nothing is downloaded unless `pretrained` asks for it. timm is imported nowhere else.
"""

from __future__ import annotations

from typing import Any

import timm
import torch
from torch import Tensor, nn

from students.parts import Norm, norm2d

TEXT_STRIDE = (2, 1)


class Features(nn.Module):
    """The feature extractor of a timm model: (N, channels, H, W) to (N, D, H', T)."""

    network: Any  # timm models have methods that nn.Module does not know

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images_NCHW: Tensor) -> Tensor:
        return self.network.forward_features(images_NCHW)


def resnet(
    inputs: int, blocks: tuple[int, ...], channels: tuple[int, ...], pool: bool, norm: Norm, drop_path: float
) -> Features:
    """Return a residual network of basic blocks: H / 16 rows (with `pool` H / 32), W / 4 frames."""
    network = timm.create_model("resnet18", num_classes=0, **_residual(inputs, blocks, channels, norm, drop_path))
    network.maxpool = nn.MaxPool2d(3, TEXT_STRIDE, 1) if pool else nn.Identity()
    for stage in (network.layer3, network.layer4):
        block = stage[0]
        block.conv1.stride = TEXT_STRIDE
        block.downsample[0].stride = TEXT_STRIDE
    return Features(network)


def convnext(inputs: int, name: str, pretrained: bool, drop_path: float) -> Features:
    """Return a ConvNeXt (Liu et al. 2022) with an overlapping stem: H / 32 rows, W / 4 frames."""
    network = timm.create_model(name, pretrained=pretrained, in_chans=inputs, num_classes=0, drop_path_rate=drop_path)
    network.head = nn.Identity()
    for stage in network.stages[1:]:
        stage.downsample[1] = _narrow(stage.downsample[1])
    return Features(network)


def resnet_levels(inputs: int, blocks: tuple[int, ...], channels: tuple[int, ...], drop_path: float) -> nn.Module:
    """Return a residual network of basic blocks as a function to its maps at 1/4, 1/8, 1/16 and 1/32 of the page."""
    return timm.create_model(
        "resnet18",
        features_only=True,
        out_indices=(1, 2, 3, 4),
        **_residual(inputs, blocks, channels, "batch", drop_path),
    )


def convnext_levels(inputs: int, name: str, pretrained: bool, drop_path: float) -> nn.Module:
    """Return a ConvNeXt with an overlapping stem as a function to its maps at 1/4, 1/8, 1/16 and 1/32 of the page."""
    return timm.create_model(name, features_only=True, pretrained=pretrained, in_chans=inputs, drop_path_rate=drop_path)


def channels_of_levels(levels: nn.Module) -> list[int]:
    """Return how many features the maps of a network of levels have."""
    info: Any = levels.feature_info
    return list(info.channels())


def _residual(
    inputs: int, blocks: tuple[int, ...], channels: tuple[int, ...], norm: Norm, drop_path: float
) -> dict[str, Any]:
    """What timm is to make of its ResNet-18."""
    return {
        "pretrained": False,
        "in_chans": inputs,
        "layers": blocks,
        "channels": channels,
        "stem_type": "deep",
        "stem_width": channels[0] // 2,
        "norm_layer": nn.BatchNorm2d if norm == "batch" else _group_norm,
        "drop_path_rate": drop_path,
    }


def _group_norm(channels: int, **_: object) -> nn.Module:
    """timm passes a device and a type besides the channels; neither is set here."""
    return norm2d("group", channels)


def _narrow(square: nn.Conv2d) -> nn.Conv2d:
    """A 2x2 stride-2 convolution as a 2x1 one that keeps the width; its weights summed over the width."""
    conv = nn.Conv2d(square.in_channels, square.out_channels, TEXT_STRIDE, TEXT_STRIDE, bias=square.bias is not None)
    with torch.no_grad():
        conv.weight.copy_(square.weight.sum(3, keepdim=True))
        if conv.bias is not None and square.bias is not None:
            conv.bias.copy_(square.bias)
    return conv


def n_rows_and_features(backbone: nn.Module, inputs: int, height_px: int) -> tuple[int, int]:
    """Return (rows, channels) of the last map, measured: timm's own reduction figures assume square strides."""
    backbone.eval()
    with torch.inference_mode():
        _, features, rows, _ = backbone(torch.zeros(1, inputs, height_px, 64)).shape
    backbone.train()
    return rows, features
