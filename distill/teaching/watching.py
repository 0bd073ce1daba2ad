"""Figures of a batch that explain a curve: how much is blank, and how far the student is from the teacher, and where.

They are logged and minimise nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from distill.teaching.inputs import Fused, TermInputs
from distill.teaching.losses.large import Sparse, sparse_kl
from distill.teaching.losses.logits import kl_per_frame
from distill.teaching.trust import errors_a_character
from students.charset import BLANK
from students.greedy import collapse
from students.parts import Outputs


class _Teacher(NamedTuple):
    """What is watched of a teacher: best classes and KL on the student's frames, the rest on its own frames."""

    best_NT: Tensor
    kl_NT: Tensor  # at temperature 1
    path_NS: Tensor
    entropy_NS: Tensor
    lengths_N: Tensor


@torch.inference_mode()
def watched_figures(inputs: TermInputs) -> Mapping[str, float]:
    """Return the blank share of the student; with a teacher also its entropy, its errors, and the distance to it.

    `kl_blank` and `kl_character`: mean KL at temperature 1 on frames where the teacher's best class is the
    blank or a character. `spike_offset`: median of student minus teacher position of the same character, in
    frames, over lines on which both read the same text. `teacher_wrong`: share of the labelled lines that the teacher
    reads otherwise than their labels say. Lines of a source whose trust is 0 count for the blank share alone.
    """
    figures = {"blank_share": (inputs.student.logits_NTC.argmax(-1) == BLANK).float().mean().item()}
    taught = inputs.taught
    if taught.fused is not None:
        teacher = _of_cache(taught.student, taught.fused)
    elif taught.on_own_frames:
        teacher = _of_network(taught)
    else:
        return figures
    figures["teacher_entropy"] = teacher.entropy_NS.mean().item()
    blank_NT = teacher.best_NT == BLANK
    for name, frames_NT in (("kl_blank", blank_NT), ("kl_character", ~blank_NT)):
        if frames_NT.any():
            figures[name] = teacher.kl_NT[frames_NT].mean().item()
    best_NT = taught.student.logits_NTC.argmax(-1)
    offsets = _spike_offsets(best_NT.cpu().numpy(), teacher.best_NT.cpu().numpy())
    if offsets:
        figures["spike_offset"] = float(np.median(offsets))
    if n_labelled := int(taught.batch.labelled_N.sum()):
        errors = errors_a_character(teacher.path_NS, teacher.lengths_N, taught.batch)
        figures["teacher_wrong"] = sum(error > 0 for error in errors) / n_labelled
    return figures


def _of_network(inputs: TermInputs) -> _Teacher:
    matched, own = inputs.teacher(), inputs.teacher_on_its_frames()
    log_p_NSC = own.logits_NTC.float().log_softmax(-1)
    return _Teacher(
        best_NT=matched.logits_NTC.argmax(-1),
        kl_NT=kl_per_frame(inputs.student.logits_NTC, matched.logits_NTC, 1.0),
        path_NS=own.logits_NTC.argmax(-1),
        entropy_NS=-(log_p_NSC.exp() * log_p_NSC).sum(-1),
        lengths_N=own.lengths_N,
    )


def _of_cache(student: Outputs, fused: Fused) -> _Teacher:
    """The same of a cached teacher, never made dense: the tail is taken as flat in the entropy, as one in the KL."""
    posteriors, cached, logits_NTC = fused.posteriors, fused.cached, student.logits_NTC.float()
    tail_NT1 = posteriors.tails_NTV[..., cached.temperatures.index(1.0), None]
    log_p_NTX = torch.cat([posteriors.log_p_NTK, tail_NT1], -1)
    each_NTX = torch.cat([posteriors.log_p_NTK, tail_NT1 - math.log(logits_NTC.shape[-1] - cached.top_k)], -1)
    return _Teacher(
        best_NT=fused.best_NT,
        kl_NT=sparse_kl(logits_NTC, Sparse(posteriors.classes_NTK, posteriors.log_p_NTK, tail_NT1[..., 0], 1.0)),
        path_NS=fused.best_NT,
        entropy_NS=-(log_p_NTX.exp() * each_NTX).sum(-1),
        lengths_N=student.lengths_N,
    )


def _spike_offsets(student_NT: np.ndarray, teacher_NT: np.ndarray) -> list[int]:
    """Student minus teacher position of every character, in frames, on lines that both read alike."""
    offsets: list[int] = []
    for student_T, teacher_T in zip(student_NT, teacher_NT, strict=True):
        if collapse(student_T) == collapse(teacher_T):
            offsets += (_spikes(student_T) - _spikes(teacher_T)).tolist()
    return offsets


def _spikes(classes_T: np.ndarray) -> np.ndarray:
    """First frame of every character that the path writes."""
    return np.flatnonzero((np.diff(classes_T, prepend=BLANK) != 0) & (classes_T != BLANK))
