"""Feature hints for locators: the student's feature maps are to show what the teacher's do, through a projection."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from typing_extensions import assert_never


class MapProjection(nn.Module):
    """A 1 x 1 convolution from the student's features to the teacher's. An auxiliary module."""

    def __init__(self, student_features: int, teacher_features: int) -> None:
        super().__init__()
        self.projection = nn.Conv2d(student_features, teacher_features, 1)

    def forward(self, features_NDHW: Tensor) -> Tensor:
        """Return the projected features, float32."""
        return self.projection(features_NDHW.float())


def map_hint(ours_NDHW: Tensor, theirs_NDHW: Tensor, *, distance: Literal["mse", "l1", "cosine"]) -> tuple[Tensor, int]:
    """Mean over places of the distance of features, of every crop, summed; and the number of crops.

    The teacher's maps are averaged, or interpolated, onto the places of the student's. `mse`, `l1`: mean over features,
    divided by the mean square (magnitude) of the teacher's on the crop, so that a weight means the same for any
    teacher; `cosine`: 1 - cosine. FitNets (Romero et al. 2015).
    """
    theirs_NDHW = onto_places(theirs_NDHW.float(), (ours_NDHW.shape[2], ours_NDHW.shape[3]))
    match distance:
        case "mse":
            apart_NHW, size_NHW = (ours_NDHW - theirs_NDHW).square().mean(1), theirs_NDHW.square().mean(1)
        case "l1":
            apart_NHW, size_NHW = (ours_NDHW - theirs_NDHW).abs().mean(1), theirs_NDHW.abs().mean(1)
        case "cosine":
            apart_NHW = 1 - F.cosine_similarity(ours_NDHW, theirs_NDHW, dim=1)
            size_NHW = torch.ones_like(apart_NHW)
        case _:
            assert_never(distance)
    values_N = apart_NHW.mean((1, 2)) / (size_NHW.mean((1, 2)) + 1e-6)
    return values_N.sum(), len(values_N)


def onto_places(features_NDHW: Tensor, size: tuple[int, int]) -> Tensor:
    """Return features on `size` places: means where that is fewer, else interpolated."""
    rows, columns = features_NDHW.shape[2:]
    if (rows, columns) == size:
        return features_NDHW
    if rows >= size[0] and columns >= size[1]:
        return F.adaptive_avg_pool2d(features_NDHW, size)
    return F.interpolate(features_NDHW, size, mode="bilinear", align_corners=False)
