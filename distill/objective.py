"""What a training minimises, as named sums and counts; and what is watched beside it.

The control minimises CTC alone. The distilled student adds the teacher's posteriors, on every line,
labelled or not. Only the step divides, by the counts of the whole step over all processes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from distill.data.batch import Batch, StepData
from distill.losses.ctc import ctc
from distill.losses.logits import consistency, frame_kl, kl_per_frame
from distill.recipe import Objective
from students.charset import BLANK
from students.decode import collapse
from students.parts import Outputs

Terms = dict[str, tuple[Tensor, int]]


def loss_terms(objective: Objective, student: Outputs, teacher: Outputs | None, batch: Batch) -> Terms:
    """Sum and count of every term that has a weight."""
    terms: Terms = {}
    if objective.ctc_weight > 0:
        terms["ctc"] = ctc(student, batch.targets_NL, batch.target_lengths_N, batch.labelled_N, batch.foldings)
    kl = objective.frame_kl
    if teacher is not None and kl.weight > 0:
        terms["frame_kl"] = frame_kl(
            student, teacher, temperature=kl.temperature, frames=kl.frames, neighbours=kl.neighbours
        )
    if objective.views == 2:
        terms["consistency"] = consistency(student)
    return terms


def term_weights(objective: Objective, done: float) -> dict[str, float]:
    """The weight of each term once a share `done` (0-1) of the steps is over."""
    kl = objective.frame_kl
    match kl.fade:
        case "constant":
            left = 1.0
        case "linear":
            left = 1 - done
        case "cosine":
            left = 0.5 * (1 + math.cos(math.pi * done))
    rising = min(1.0, done / objective.consistency.warmup) if objective.consistency.warmup else 1.0
    return {
        "ctc": objective.ctc_weight,
        "frame_kl": kl.weight * left,
        "consistency": objective.consistency.weight * rising,
    }


def term_counts(step: StepData, distilled: bool, views: int) -> dict[str, int]:
    """The lines of a whole step, over all micro-batches and processes, that each term speaks of."""
    counts = {"ctc": step.n_labelled}
    if distilled:
        counts["frame_kl"] = step.n_lines
    if views == 2:
        counts["consistency"] = step.n_lines
    return counts


@torch.inference_mode()
def watched(student: Outputs, teacher: Outputs | None) -> Mapping[str, float]:
    """Figures of one batch that explain a curve: blank share, and where a teacher speaks, what it says.

    `kl_blank` and `kl_character`: mean KL at temperature 1 on frames where the teacher's best class is the
    blank or a character. `spike_offset`: median of student minus teacher position of the same character, in
    frames, over lines on which both read the same text.
    """
    best_NT = student.logits_NTC.argmax(-1)
    figures = {"blank_share": (best_NT == BLANK).float().mean().item()}
    if teacher is None:
        return figures
    kl_NT = kl_per_frame(student.logits_NTC, teacher.logits_NTC, 1.0)
    blank_NT = teacher.logits_NTC.argmax(-1) == BLANK
    log_p_NTC = teacher.logits_NTC.float().log_softmax(-1)
    figures["teacher_entropy"] = -(log_p_NTC.exp() * log_p_NTC).sum(-1).mean().item()
    for name, frames_NT in (("kl_blank", blank_NT), ("kl_character", ~blank_NT)):
        if frames_NT.any():
            figures[name] = kl_NT[frames_NT].mean().item()
    offsets = _spike_offsets(best_NT.cpu().numpy(), teacher.logits_NTC.argmax(-1).cpu().numpy())
    if offsets:
        figures["spike_offset"] = float(np.median(offsets))
    return figures


def _spike_offsets(student_NT: np.ndarray, teacher_NT: np.ndarray) -> list[int]:
    offsets: list[int] = []
    for student_T, teacher_T in zip(student_NT, teacher_NT, strict=True):
        if collapse(student_T) == collapse(teacher_T):
            offsets += (_spikes(student_T) - _spikes(teacher_T)).tolist()
    return offsets


def _spikes(classes_T: np.ndarray) -> np.ndarray:
    """First frame of every character that the path writes."""
    return np.flatnonzero((np.diff(classes_T, prepend=BLANK) != 0) & (classes_T != BLANK))
