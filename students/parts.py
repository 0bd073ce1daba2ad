"""Building blocks that students and teachers share: outputs, convolutions, necks over time, the CTC head.

Shapes: `N` samples, `T` frames, `C` classes with blank 0, `H` `W` pixels, `D` features.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from typing_extensions import assert_never

from students.attention import Attention

Activation = Literal["relu", "leaky_relu", "hardswish", "silu", "gelu"]
Norm = Literal["batch", "group"]
RecurrentKind = Literal["bilstm", "lstm", "gru"]
NeckKind = Literal[RecurrentKind, "attention", "none"]


class Outputs(NamedTuple):
    """What every recogniser returns, and what every loss term takes."""

    logits_NTC: Tensor
    lengths_N: Tensor  # valid frames of each sample, int64
    features: Tensor  # (N, T, D), what the neck sees


def activation(kind: Activation) -> nn.Module:
    """Return a fresh layer of this activation."""
    match kind:
        case "relu":
            return nn.ReLU(inplace=True)
        case "leaky_relu":
            return nn.LeakyReLU(0.1, inplace=True)
        case "hardswish":
            return nn.Hardswish(inplace=True)
        case "silu":
            return nn.SiLU(inplace=True)
        case "gelu":
            return nn.GELU()
        case _:
            assert_never(kind)


def norm2d(kind: Norm, channels: int) -> nn.Module:
    """Return a normalisation; `group` depends on no other line, so any split of a batch has equal gradients."""
    match kind:
        case "batch":
            return nn.BatchNorm2d(channels)
        case "group":
            return nn.GroupNorm(math.gcd(channels, 8), channels)
        case _:
            assert_never(kind)


class Convolution(nn.Sequential):
    """Square convolution, normalisation, activation."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        stride: tuple[int, int] = (1, 1),
        *,
        norm: Norm,
        act: Activation,
        kernel: int = 3,
    ) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
            norm2d(norm, outputs),
            activation(act),
        )


class SeparableConvolution(nn.Sequential):
    """Convolution of 3 x 3 split into depthwise and pointwise, each normalised; then the activation.

    With `squeeze_excite` channels are scaled between the two.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        stride: tuple[int, int] = (1, 1),
        *,
        norm: Norm,
        act: Activation,
        squeeze_excite: bool = False,
    ) -> None:
        super().__init__(
            nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False),
            norm2d(norm, inputs),
            *([SqueezeExcite(inputs)] if squeeze_excite else []),
            nn.Conv2d(inputs, outputs, 1, bias=False),
            norm2d(norm, outputs),
            activation(act),
        )


class SqueezeExcite(nn.Module):
    """Channels of a map scaled, each by what the means of all channels over the line say.

    Squeeze and excitation (Hu et al. 2018, arXiv 1709.01507) with the hard sigmoid of Howard et al. 2019.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        squeezed = max(8, channels // 4)
        self.scale = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, squeezed, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(squeezed, channels, 1),
            nn.Hardsigmoid(inplace=True),
        )

    def forward(self, maps_NDHT: Tensor) -> Tensor:
        scaled_NDHT: Tensor = maps_NDHT * self.scale(maps_NDHT)
        return scaled_NDHT


class Residual(nn.Module):
    """x + layer(x), for a layer that keeps its shape."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, maps_NDHT: Tensor) -> Tensor:
        kept: Tensor = maps_NDHT + self.layer(maps_NDHT)
        return kept


class Recurrent(nn.Module):
    """One-layer recurrent networks in sequence, batch first: (N, T, D) to (N, T, `n_outputs`).

    The features themselves are joined to the last layer's output: the head sees the convolutions directly,
    which shortens the first phase of a CTC training, when everything is blank. Layers are separate modules
    because a multi-layer bidirectional module does not export to ONNX with a dynamic width.
    """

    def __init__(self, kind: RecurrentKind, inputs: int, hidden: int, layers: int, dropout: float = 0.0) -> None:
        super().__init__()
        rnn: type[nn.GRU] | type[nn.LSTM] = nn.GRU if kind == "gru" else nn.LSTM
        both_ways = kind in ("bilstm", "gru")
        out = hidden * (2 if both_ways else 1)
        self.n_outputs = inputs + out
        sizes = [inputs] + [out] * (layers - 1)
        self.layers = nn.ModuleList(rnn(size, hidden, batch_first=True, bidirectional=both_ways) for size in sizes)
        self.dropout = nn.Dropout(dropout)

    def forward(self, features_NTD: Tensor) -> Tensor:
        return torch.cat([features_NTD, self.read(features_NTD)], -1)

    def read(self, features_NTD: Tensor) -> Tensor:
        """Return what the last layer makes of the features, without them."""
        read_NTD = features_NTD
        for layer in self.layers:
            read_NTD, _ = layer(self.dropout(read_NTD))
        return read_NTD


class Mixer(nn.Module):
    """One residual block over time: depthwise convolution of `kernel` frames, then a pointwise layer pair."""

    def __init__(self, channels: int, kernel: int, expansion: int, norm: Norm, act: Activation) -> None:
        super().__init__()
        wide = channels * expansion
        self.time = nn.Sequential(
            nn.Conv2d(channels, channels, (1, kernel), padding=(0, kernel // 2), groups=channels, bias=False),
            norm2d(norm, channels),
        )
        self.channels = nn.Sequential(
            nn.Conv2d(channels, wide, 1, bias=False),
            norm2d(norm, wide),
            activation(act),
            nn.Conv2d(wide, channels, 1, bias=False),
            norm2d(norm, channels),
        )

    def forward(self, features_ND1T: Tensor) -> Tensor:
        mixed_ND1T = features_ND1T + self.time(features_ND1T)
        return mixed_ND1T + self.channels(mixed_ND1T)


class Recogniser(nn.Module):
    """Image backbone, collapse of the height, neck over time, CTC head.

    `backbone` maps (N, channels, H, W) to (N, D', H', T); its columns, H' x D' numbers each, are the
    frames. The width of a line is padded before it comes here, so every frame is a valid one.
    """

    def __init__(self, backbone: nn.Module, collapse: nn.Module, neck: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.collapse = collapse
        self.neck = neck
        self.head = head

    def forward(self, images_NCHW: Tensor) -> Outputs:
        maps_NDHT = self.backbone(images_NCHW)
        features_NTD = self.collapse(maps_NDHT)
        logits_NTC = self.head(self.neck(features_NTD))
        n, t = logits_NTC.shape[:2]
        return Outputs(logits_NTC, torch.full((n,), t, device=logits_NTC.device), features_NTD)


class Neck(NamedTuple):
    """What reads along the line: its kind, features each way, layers in sequence, dropout before each and the head.

    Of attention the layers are blocks, whose pairs of pointwise layers are as wide as both ways together.
    """

    kind: NeckKind
    hidden: int
    layers: int
    dropout: float


def reading_along(
    backbone: nn.Module, collapse: nn.Module, n_features: int, n_classes: int, neck: Neck, head_rank: int | None = None
) -> Recogniser:
    """Return a recogniser with this neck; `n_features` come out of the collapse."""
    reader: nn.Module = nn.Identity()
    match neck.kind:
        case "bilstm" | "lstm" | "gru":
            reader = recurrent = Recurrent(neck.kind, n_features, neck.hidden, neck.layers, neck.dropout)
            n_features = recurrent.n_outputs
        case "attention":
            reader = Attention(n_features, 2 * neck.hidden, neck.layers, neck.dropout)
        case "none":
            pass
        case _:
            assert_never(neck.kind)
    return Recogniser(backbone, collapse, reader, ctc_head(n_features, n_classes, neck.dropout, head_rank))


def ctc_head(n_features: int, n_classes: int, dropout: float, rank: int | None = None) -> nn.Sequential:
    """Return what maps the features of a frame to logits: one matrix, or two with `rank` numbers between them.

    Two matrices are a factorisation of the one (Lan et al. 2020, arXiv 1909.11942, do so with embeddings): with
    thousands of classes they have `rank` times (features + classes) weights instead of features times classes.
    """
    layers: list[nn.Module] = [nn.Dropout(dropout)]
    if rank is not None:
        layers.append(nn.Linear(n_features, rank, bias=False))
        n_features = rank
    return nn.Sequential(*layers, nn.Linear(n_features, n_classes))


class Columns(nn.Module):
    """(N, D, H, T) to (N, T, H * D): every column of the map becomes one frame."""

    def forward(self, maps_NDHT: Tensor) -> Tensor:
        return maps_NDHT.permute(0, 3, 2, 1).flatten(2)


def n_parameters(model: nn.Module) -> int:
    """Return how many weights a model learns."""
    return sum(p.numel() for p in model.parameters())


def n_frames(model: nn.Module, channels: int, height_px: int, width_px: int) -> int:
    """Return the frames of a model for a padded width in pixels, measured by a dry run on its device."""
    return _dry_run(model, channels, height_px, width_px).logits_NTC.shape[1]


def n_features(model: nn.Module, channels: int, height_px: int) -> int:
    """Return how many features of a frame the neck of a model sees, measured likewise."""
    return _dry_run(model, channels, height_px, 64).features.shape[-1]


def _dry_run(model: nn.Module, channels: int, height_px: int, width_px: int) -> Outputs:
    training, device = model.training, next(model.parameters()).device
    model.eval()
    with torch.inference_mode():
        outputs: Outputs = model(torch.zeros(1, channels, height_px, width_px, device=device))
    model.train(training)
    return outputs
