"""Feature hints: the student's convolutions are to see what the teacher's see, or what its neck makes of that."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from typing_extensions import assert_never

from distill.teaching.losses.frames import mean_over, summed, valid_frames
from distill.teaching.losses.matching import onto_frames
from students.parts import Outputs, Recurrent

Distance = Literal["mse", "l1", "cosine"]


class Hint(nn.Module):
    """A linear map from the student's features to the teacher's. An auxiliary module."""

    def __init__(self, student_features: int, teacher_features: int) -> None:
        super().__init__()
        self.projection = nn.Linear(student_features, teacher_features)

    def forward(self, student: Outputs, teacher: Outputs, neck: Recurrent | None) -> tuple[Tensor, Tensor]:
        """Return both sides on the student's frames, (N, T, D); as the teacher's `neck`, if given, reads them."""
        ours_NTD = self.projection(student.features.float())
        theirs_NSD = teacher.features.float()
        if neck is not None:
            with torch.backends.cudnn.flags(enabled=False):  # cuDNN refuses gradients through layers in evaluation mode
                ours_NTD, theirs_NSD = neck.read(ours_NTD), neck.read(theirs_NSD)
        return ours_NTD, onto_frames(theirs_NSD, teacher, student).detach()


def feature_hint(
    ours_NTD: Tensor, theirs_NTD: Tensor, student: Outputs, *, distance: Distance, weights_N: Tensor | None = None
) -> tuple[Tensor, int]:
    """Mean over frames of the distance of features, of every line, summed; and the number of lines.

    `mse`, `l1`: mean over features, divided by the mean square (magnitude) of the teacher's on the line, so that a
    weight means the same for any teacher; `cosine`: 1 - cosine. FitNets (Romero et al. 2015); behind the neck as in
    Ding et al. 2019.
    """
    valid_NT = valid_frames(student)
    match distance:
        case "mse":
            apart_NT, size_NT = (ours_NTD - theirs_NTD).square().mean(-1), theirs_NTD.square().mean(-1)
        case "l1":
            apart_NT, size_NT = (ours_NTD - theirs_NTD).abs().mean(-1), theirs_NTD.abs().mean(-1)
        case "cosine":
            apart_NT = 1 - F.cosine_similarity(ours_NTD, theirs_NTD, dim=-1)
            size_NT = torch.ones_like(apart_NT)
        case _:
            assert_never(distance)
    return summed(mean_over(apart_NT, valid_NT) / (mean_over(size_NT, valid_NT) + 1e-6), weights_N)
