"""Terms on the posteriors of teacher and student, frame by frame or over a line.

Notation: teacher p, student q, valid frames m, temperature tau. Both sides have the same frames and classes
(`matching.py` sees to it). `weights_N` is the trust in the teacher on each line, `sure_NT` on each frame.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F
from typing_extensions import assert_never

from distill.recipe.terms import FrameKL
from distill.teaching.losses.frames import LEAST, log_posteriors, mean_over, summed, valid_frames
from students.charset import BLANK
from students.parts import Outputs

DAMPED = 1e-6  # of a sum of squared differences of probabilities


def frame_kl(
    student: Outputs,
    teacher: Outputs,
    settings: FrameKL,
    weights_N: Tensor | None = None,
    sure_NT: Tensor | None = None,
) -> tuple[Tensor, int]:
    """tau^2 sum_t m_t KL(p_t^tau || q_t^tau) / sum_t m_t of every line, summed; and the number of lines.

    Hinton et al. 2015 on CTC frames. Of the settings, `frames` selects m_t as in Hilmes et al. 2025 (arXiv
    2506.01503), and `weighted` gives `blank_weight` to frames on which the teacher writes nothing. `standardised`: the
    logits of a frame are first brought to mean 0 and deviation 1 over the classes (Sun et al., CVPR 2024). A line
    without one chosen frame adds 0.
    """
    if settings.standardised:
        student, teacher = _standardised(student), _standardised(teacher)
    kl_NT = kl_per_frame(student.logits_NTC, teacher.logits_NTC, settings.temperature)
    chosen_NT = shares(valid_frames(teacher), written_frames(teacher), settings)
    return summed(settings.temperature**2 * mean_over(_by(sure_NT, kl_NT), chosen_NT), weights_N)


def focal_frame_kl(
    student: Outputs,
    teacher: Outputs,
    *,
    temperature: float,
    gamma: float,
    weights_N: Tensor | None = None,
    sure_NT: Tensor | None = None,
) -> tuple[Tensor, int]:
    """tau^2 mean_t (1 - q_t(c_t))^gamma KL(p_t^tau || q_t^tau) of every line, c_t = argmax p_t, summed; lines.

    The modulating factor of the focal loss (Lin et al. 2017, arXiv 1708.02002), with the teacher's best class in the
    place of the label and q at temperature 1. No gradient flows through the factor, or a student that is certain of
    c_t would be at a minimum whatever the teacher gives to the other classes. gamma = 0 is `frame_kl` on all frames.
    """
    best_NT1 = teacher.logits_NTC.argmax(-1, keepdim=True)
    kl_NT = kl_per_frame(student.logits_NTC, teacher.logits_NTC, temperature)
    missed_NT = 1 - log_posteriors(student).detach().gather(-1, best_NT1)[..., 0].exp()
    focal_NT = missed_NT.clamp(min=0) ** gamma * kl_NT
    return summed(temperature**2 * mean_over(_by(sure_NT, focal_NT), valid_frames(student)), weights_N)


def blank_split(
    student: Outputs,
    teacher: Outputs,
    *,
    temperature: float,
    alpha: float,
    beta: float,
    weights_N: Tensor | None = None,
    sure_NT: Tensor | None = None,
) -> tuple[Tensor, int]:
    """tau^2 mean_t [alpha KL(blank or not) + beta (1 - p_t(blank)) KL(among characters)] of every line, summed; lines.

    Decoupled distillation (Zhao et al., CVPR 2022) with the blank in the place of the target class. At
    alpha = beta = 1 it is `frame_kl` on all frames; a larger beta weighs more how characters are confused.
    """
    with torch.autocast(student.logits_NTC.device.type, enabled=False):
        log_p_NTC, log_q_NTC = log_posteriors(teacher, temperature), log_posteriors(student, temperature)
        blank_p_NT2, blank_q_NT2 = _blank_or_not(log_p_NTC), _blank_or_not(log_q_NTC)
        blank_NT = F.kl_div(blank_q_NT2, blank_p_NT2, reduction="none", log_target=True).sum(-1)
        rest_p_NTC = log_p_NTC[..., BLANK + 1 :] - blank_p_NT2[..., 1:]
        rest_q_NTC = log_q_NTC[..., BLANK + 1 :] - blank_q_NT2[..., 1:]
        rest_NT = F.kl_div(rest_q_NTC, rest_p_NTC, reduction="none", log_target=True).sum(-1)
        split_NT = alpha * blank_NT + beta * blank_p_NT2[..., 1].exp() * rest_NT
    return summed(temperature**2 * mean_over(_by(sure_NT, split_NT), valid_frames(student)), weights_N)


def bag_of_symbols(
    student: Outputs, teacher: Outputs, *, temperature: float = 1.0, weights_N: Tensor | None = None
) -> tuple[Tensor, int]:
    """KL of what is written anywhere on a line: posteriors without the blank, summed over frames, to one; lines.

    Blind to order and to when a character is written, so the frames of the two sides may differ. Aggregation
    cross-entropy (Xie et al. 2019, arXiv 1904.08364) with the teacher's shares in the place of the label's counts.
    """
    with torch.autocast(student.logits_NTC.device.type, enabled=False):
        log_p_NK, log_q_NK = _bag(teacher, temperature), _bag(student, temperature)
        kl_N = F.kl_div(log_q_NK, log_p_NK, reduction="none", log_target=True).sum(-1)
    return summed(kl_N, weights_N)


def dist(
    student: Outputs,
    teacher: Outputs,
    *,
    temperature: float,
    between: float = 1.0,
    within: float = 1.0,
    weights_N: Tensor | None = None,
) -> tuple[Tensor, int]:
    """tau^2 (between mean_t [1 - r(p_t, q_t)] + within sum_c w_c [1 - r(p(c), q(c))]) of every line, summed; lines.

    DIST (Huang et al., NeurIPS 2022): r is Pearson's correlation, over the classes of a frame and over the valid frames
    of a class, damped where nothing varies; w_c is the class's share of the teacher's mass, or classes that nobody
    writes would decide.
    """
    valid_NT1 = valid_frames(student)[..., None]
    with torch.autocast(student.logits_NTC.device.type, enabled=False):
        p_NTC, q_NTC = log_posteriors(teacher, temperature).exp(), log_posteriors(student, temperature).exp()
        frames_NT = 1 - _correlation(p_NTC, q_NTC, torch.ones_like(p_NTC), -1)
        classes_NC = 1 - _correlation(p_NTC, q_NTC, valid_NT1.expand_as(p_NTC).float(), 1)
        mass_NC = (p_NTC * valid_NT1).sum(1)
    both_N = between * mean_over(frames_NT, valid_NT1[..., 0]) + within * mean_over(classes_NC, mass_NC)
    return summed(temperature**2 * both_N, weights_N)


def consistency(student: Outputs) -> tuple[Tensor, int]:
    """sum_t m_t KL(sg(p_t) || q_t) / sum_t m_t of every view, p the other view of the line; and the number of views.

    CR-CTC (Yao et al. 2025, arXiv 2410.05101): the first half of the batch holds the first views, the second half
    the second views of the same lines; no gradient flows into the view that is followed.
    """
    one_NTC, other_NTC = student.logits_NTC.chunk(2)
    followed_NTC = torch.cat([other_NTC, one_NTC]).detach()
    return summed(mean_over(kl_per_frame(student.logits_NTC, followed_NTC, 1.0), valid_frames(student)))


def mutual(student: Outputs, peer: Outputs) -> tuple[Tensor, int]:
    """sum_t m_t [KL(sg(p_t) || q_t) + KL(sg(q_t) || p_t)] / sum_t m_t of every line, summed; and the number of lines.

    Deep mutual learning (Zhang et al. 2018): student q and peer p learn side by side, each follows the other.
    """
    towards_peer_NT = kl_per_frame(student.logits_NTC, peer.logits_NTC.detach(), 1.0)
    towards_student_NT = kl_per_frame(peer.logits_NTC, student.logits_NTC.detach(), 1.0)
    return summed(mean_over(towards_peer_NT + towards_student_NT, valid_frames(student)))


def kl_per_frame(student_NTC: Tensor, teacher_NTC: Tensor, temperature: float) -> Tensor:
    """Return KL(teacher || student) of every frame under a temperature, (N, T) nats, in float32 log-space."""
    with torch.autocast(student_NTC.device.type, enabled=False):
        log_q_NTC = (student_NTC.float() / temperature).log_softmax(-1)
        log_p_NTC = (teacher_NTC.float() / temperature).log_softmax(-1)
        return F.kl_div(log_q_NTC, log_p_NTC, reduction="none", log_target=True).sum(-1)


def written_frames(outputs: Outputs) -> Tensor:
    """Return the valid frames whose best class is a character, (N, T) bool."""
    return (outputs.logits_NTC.argmax(-1) != BLANK) & valid_frames(outputs)


def shares(valid_NT: Tensor, written_NT: Tensor, settings: FrameKL) -> Tensor:
    """Return how much each frame takes part, (N, T) float, given where the teacher writes; 0 where not valid."""
    match settings.frames:
        case "all":
            return valid_NT.float()
        case "weighted":
            return valid_NT * torch.where(written_NT, 1.0, settings.blank_weight)
        case "elimination":
            return written_NT.float()
        case "symmetric":
            reach = 2 * settings.neighbours + 1
            near_N1T = F.max_pool1d(written_NT[:, None].float(), reach, stride=1, padding=settings.neighbours)
            return near_N1T[:, 0] * valid_NT
        case _:
            assert_never(settings.frames)


def _by(sure_NT: Tensor | None, nats_NT: Tensor) -> Tensor:
    return nats_NT if sure_NT is None else sure_NT * nats_NT


def _standardised(outputs: Outputs) -> Outputs:
    if not outputs.logits_NTC.numel():
        return outputs  # torch warns where it takes the deviation of nothing
    logits_NTC = outputs.logits_NTC.float()
    deviation_NT1, mean_NT1 = torch.std_mean(logits_NTC, -1, keepdim=True)
    return outputs._replace(logits_NTC=(logits_NTC - mean_NT1) / (deviation_NT1 + 1e-6))


def _blank_or_not(log_p_NTC: Tensor) -> Tensor:
    """Log-probabilities of writing nothing and of writing something, (N, T, 2)."""
    return torch.stack([log_p_NTC[..., BLANK], log_p_NTC[..., BLANK + 1 :].logsumexp(-1)], -1)


def _bag(outputs: Outputs, temperature: float) -> Tensor:
    """Log of the share of every character in what a line writes, (N, C - 1)."""
    log_p_NTK = log_posteriors(outputs, temperature)[..., BLANK + 1 :]
    behind_NT1 = ~valid_frames(outputs)[..., None]
    return log_p_NTK.masked_fill(behind_NT1, LEAST).logsumexp(1).log_softmax(-1)


def _correlation(p: Tensor, q: Tensor, mask: Tensor, dim: int) -> Tensor:
    """Pearson's correlation of p and q over one dimension, among the entries where the mask is 1.

    Every sum is raised by DAMPED: what hardly varies on both sides, as the blank of a silent line, counts as equal.
    """
    n = mask.sum(dim, keepdim=True).clamp(min=1)
    p, q = ((x - (x * mask).sum(dim, keepdim=True) / n) * mask for x in (p, q))
    pq, pp, qq = ((a * b).sum(dim) + DAMPED for a, b in ((p, q), (p, p), (q, q)))
    return pq / (pp * qq).sqrt()
