"""Terms on where a line is written: the teacher's spikes, the teacher's alignment, the student's own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from distill.data.labels import Folding
from distill.teaching.losses.ctc import by_folding, nats_of
from distill.teaching.losses.frames import log_posteriors, mean_over, summed, valid_frames
from distill.teaching.losses.large import ctc_of_columns
from distill.teaching.losses.logits import written_frames
from students.charset import BLANK
from students.parts import Outputs


def guided_spikes(student: Outputs, teacher: Outputs, *, weights_N: Tensor | None = None) -> tuple[Tensor, int]:
    """1 - mean of q_t(argmax p_t) over the frames on which the teacher writes, summed; and the number of lines.

    Kurata and Audhkhasi 2019: the student is rewarded for writing the same character at the same frame. 0 where the
    student is certain of every spike; a line on which the teacher writes nothing adds 0.
    """
    spikes_NT1 = teacher.logits_NTC.argmax(-1, keepdim=True)
    with torch.autocast(student.logits_NTC.device.type, enabled=False):
        missed_NT = 1 - log_posteriors(student).gather(-1, spikes_NT1)[..., 0].exp()
    return summed(mean_over(missed_NT, written_frames(teacher)), weights_N)


def aligned_cross_entropy(
    student: Outputs,
    teacher: Outputs,
    targets_NL: Tensor,
    target_lengths_N: Tensor,
    labelled_N: Tensor,
    foldings: Sequence[Folding | None] | None = None,
    weights_N: Tensor | None = None,
) -> tuple[Tensor, int]:
    """-mean_t log q_t(a_t), a the teacher's most likely alignment of the label, summed; and the number of lines.

    Frame-wise hard labels (Senior et al. 2015). An unlabelled line is aligned with what the teacher reads on it. Where
    a label does not distinguish classes, a_t is that one of them which the teacher holds likeliest.
    """
    log_p_NTC = log_posteriors(teacher).detach().cpu()
    classes_NT = log_p_NTC.argmax(-1)
    for folded, rows_N in by_folding(labelled_N, foldings):
        lengths_N, targets, target_lengths = (
            tensor.cpu()[rows_N] for tensor in (teacher.lengths_N, targets_NL, target_lengths_N)
        )
        if folded is None:
            classes_NT[rows_N] = forced_alignment(log_p_NTC[rows_N], lengths_N, targets, target_lengths)
            continue
        groups_NT = forced_alignment(
            folded.summed(log_p_NTC[rows_N]), lengths_N, folded.group_of[targets], target_lengths, folded.blank
        )
        in_group_NTC = folded.group_of == groups_NT[..., None]
        classes_NT[rows_N] = log_p_NTC[rows_N].masked_fill(~in_group_NTC, -torch.inf).argmax(-1)
    return summed(_cross_entropy(student, classes_NT), weights_N)


def self_alignment(
    student: Outputs,
    targets_NL: Tensor,
    target_lengths_N: Tensor,
    labelled_N: Tensor,
    foldings: Sequence[Folding | None] | None = None,
) -> tuple[Tensor, int]:
    """-mean_t log q_t(a_t), a_t the class most likely at t given the label, of every labelled line, summed; lines.

    DCTC (Zhang et al. 2023, arXiv 2308.08806). The posterior of a class given the label is q_t - dL / dlogit_t, L the
    CTC loss; no gradient flows through it. Of classes that the label does not distinguish, the student's likeliest.
    """
    if not labelled_N.any():
        return student.logits_NTC.sum() * 0, 0
    on_device_N = labelled_N.to(student.logits_NTC.device)
    with torch.enable_grad():
        logits_NTC = student.logits_NTC.detach().float().requires_grad_()
        nats = logits_NTC.new_zeros(())
        for folded, rows_N in by_folding(labelled_N, foldings):
            here_N = rows_N.to(logits_NTC.device)
            nats_N = nats_of(
                logits_NTC[here_N], student.lengths_N[here_N], targets_NL[rows_N], target_lengths_N[rows_N], folded
            )
            nats = nats + nats_N.sum().to(nats.device)
        (gradient_NTC,) = torch.autograd.grad(nats, logits_NTC)
    classes_NT = (logits_NTC.detach().softmax(-1) - gradient_NTC).argmax(-1)
    some = Outputs(*(tensor[on_device_N] for tensor in student))
    return summed(_cross_entropy(some, classes_NT[on_device_N]))


def forced_alignment(
    log_p_NTC: Tensor, lengths_N: Tensor, targets_NL: Tensor, target_lengths_N: Tensor, blank: int = BLANK
) -> Tensor:
    """Return the likeliest path that writes the target (Viterbi), (N, T) int64; blank behind the valid length.

    Targets must be feasible: at least as many frames as characters and adjacent repeats.
    """
    log_p = log_p_NTC.detach().float().cpu().numpy()
    n, t, _ = log_p.shape
    lengths, target_lengths = lengths_N.cpu().numpy(), target_lengths_N.cpu().numpy()
    states_NS = np.full((n, 2 * targets_NL.shape[1] + 1), blank)
    states_NS[:, 1::2] = targets_NL.cpu().numpy()
    may_skip_NS = np.zeros_like(states_NS, bool)
    may_skip_NS[:, 2:] = (states_NS[:, 2:] != blank) & (states_NS[:, 2:] != states_NS[:, :-2])
    emitted_NTS = np.take_along_axis(log_p, states_NS[:, None].repeat(t, 1), 2)
    best_NS = np.full(states_NS.shape, -np.inf)
    best_NS[:, :2] = emitted_NTS[:, 0, :2]
    came_from_NTS = np.zeros((n, t, states_NS.shape[1]), np.int8)  # how many states back
    for frame in range(1, t):
        ways_3NS = np.stack([best_NS, _shifted(best_NS, 1), np.where(may_skip_NS, _shifted(best_NS, 2), -np.inf)])
        came_from_NTS[:, frame] = ways_3NS.argmax(0)
        best_NS = np.where((frame < lengths)[:, None], ways_3NS.max(0) + emitted_NTS[:, frame], best_NS)
    rows = np.arange(n)
    last, before = 2 * target_lengths, np.maximum(2 * target_lengths - 1, 0)
    state_N = np.where(best_NS[rows, before] > best_NS[rows, last], before, last)
    classes_NT = np.full((n, t), blank, np.int64)
    for frame in reversed(range(t)):
        valid_N = frame < lengths
        classes_NT[:, frame] = np.where(valid_N, states_NS[rows, state_N], blank)
        state_N = np.where(valid_N, state_N - came_from_NTS[rows, frame, state_N], state_N)
    return torch.from_numpy(classes_NT)


@torch.no_grad()
def occupancy(
    log_q_NTC: Tensor, lengths_N: Tensor, targets_NL: Tensor, text_lengths_N: Tensor
) -> tuple[Tensor, Tensor]:
    """Return how likely a frame writes each character of a text, given that the line does (forward and backward).

    (N, T, U), 0 behind the valid length, and the column of every character, (N, L) on the host: 0 is the blank's, and
    a character repeated at once shares the column of the one before it. Texts, padded on the host, must be feasible.
    """
    begins_NL = F.pad(targets_NL[:, 1:] != targets_NL[:, :-1], (1, 0), value=True)
    columns_NL = begins_NL.cumsum(1)
    classes_NU = torch.zeros(len(targets_NL), 1 + targets_NL.shape[1], dtype=torch.int64).scatter(
        1, columns_NL, targets_NL
    )
    log_q_NTU = log_q_NTC.gather(-1, classes_NU[:, None].expand(-1, log_q_NTC.shape[1], -1).to(log_q_NTC.device))
    _, gradient_NTU = ctc_of_columns(log_q_NTU, columns_NL, lengths_N, text_lengths_N, differentiated=True)
    valid_NT1 = (torch.arange(log_q_NTU.shape[1]) < lengths_N.cpu()[:, None])[..., None].to(log_q_NTU.device)
    # torch's gradient is made for a log-softmax in front: exp(log q) - occupancy
    return torch.where(valid_NT1, log_q_NTU.exp() - gradient_NTU, 0).clamp(min=0), columns_NL


def _shifted(values_NS: np.ndarray, by: int) -> np.ndarray:
    return np.pad(values_NS, ((0, 0), (by, 0)), constant_values=-np.inf)[:, : values_NS.shape[1]]


def _cross_entropy(student: Outputs, classes_NT: Tensor) -> Tensor:
    """-mean_t log q_t(a_t) of every line, (N,)."""
    with torch.autocast(student.logits_NTC.device.type, enabled=False):
        classes_NT1 = classes_NT[..., None].to(student.logits_NTC.device)
        nats_NT = -log_posteriors(student).gather(-1, classes_NT1)[..., 0]
    return mean_over(nats_NT, valid_frames(student))
