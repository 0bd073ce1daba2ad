"""Terms on the posteriors of teacher and student, frame by frame."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F
from typing_extensions import assert_never

from students.charset import BLANK
from students.parts import Outputs

Frames = Literal["all", "elimination", "symmetric"]


def frame_kl(
    student: Outputs, teacher: Outputs, *, temperature: float, frames: Frames, neighbours: int = 1
) -> tuple[Tensor, int]:
    """tau^2 sum_t m_t KL(p_t^tau || q_t^tau) / sum_t m_t of every line, summed; and the number of lines.

    Hinton et al. 2015 on CTC frames; `frames` selects m_t as in Hilmes et al. 2025 (arXiv 2506.01503). A
    line without one selected frame adds 0. Teacher and student must have the same frames and classes.
    """
    kl_NT = kl_per_frame(student.logits_NTC, teacher.logits_NTC, temperature)
    chosen_NT = selected(teacher, frames, neighbours)
    kl_N = (kl_NT * chosen_NT).sum(1) / chosen_NT.sum(1).clamp(min=1)
    return temperature**2 * kl_N.sum(), len(kl_N)


def consistency(student: Outputs) -> tuple[Tensor, int]:
    """sum_t m_t KL(sg(p_t) || q_t) / sum_t m_t of every view, p the other view of the line; and the number of views.

    CR-CTC (Yao et al. 2025, arXiv 2410.05101): the first half of the batch holds the first views, the second half
    the second views of the same lines; no gradient flows into the view that is followed.
    """
    one_NTC, other_NTC = student.logits_NTC.chunk(2)
    followed_NTC = torch.cat([other_NTC, one_NTC]).detach()
    valid_NT = _valid(student)
    kl_N = (kl_per_frame(student.logits_NTC, followed_NTC, 1.0) * valid_NT).sum(1) / valid_NT.sum(1)
    return kl_N.sum(), len(kl_N)


def kl_per_frame(student_NTC: Tensor, teacher_NTC: Tensor, temperature: float) -> Tensor:
    """KL(teacher || student) of every frame under a temperature, (N, T) nats, in float32 log-space."""
    with torch.autocast(student_NTC.device.type, enabled=False):
        log_q_NTC = (student_NTC.float() / temperature).log_softmax(-1)
        log_p_NTC = (teacher_NTC.float() / temperature).log_softmax(-1)
        return F.kl_div(log_q_NTC, log_p_NTC, reduction="none", log_target=True).sum(-1)


def selected(teacher: Outputs, frames: Frames, neighbours: int) -> Tensor:
    """The frames that take part, (N, T) bool; never one behind the valid length."""
    valid_NT = _valid(teacher)
    written_NT = (teacher.logits_NTC.argmax(-1) != BLANK) & valid_NT
    match frames:
        case "all":
            return valid_NT
        case "elimination":
            return written_NT
        case "symmetric":
            reach = 2 * neighbours + 1
            near_N1T = F.max_pool1d(written_NT[:, None].float(), reach, stride=1, padding=neighbours)
            return (near_N1T[:, 0] > 0) & valid_NT
        case _:
            assert_never(frames)


def _valid(outputs: Outputs) -> Tensor:
    """The frames within the valid length, (N, T) bool."""
    t = outputs.logits_NTC.shape[1]
    return torch.arange(t, device=outputs.logits_NTC.device) < outputs.lengths_N[:, None]
