"""Sequence-level distillation: the student learns the texts that the teacher holds likely, as if they were labels."""

from __future__ import annotations

import torch
from torch import Tensor

from distill.teaching.losses.alignment import padded_texts
from distill.teaching.losses.ctc import nats_of
from distill.teaching.losses.frames import log_posteriors, summed
from students.beam import prefix_beam_search
from students.decode import frames_needed
from students.parts import Outputs


def sequence_kd(
    student: Outputs,
    teacher: Outputs,
    *,
    n_best: int,
    beam: int,
    temperature: float = 1.0,
    weights_N: Tensor | None = None,
) -> tuple[Tensor, int]:
    """-sum_k w_k log Q(y_k) / T of every line, summed; and the number of lines.

    Takashima et al. 2019: y_k are the teacher's `n_best` texts by prefix beam search, w_k their probabilities to the
    power 1 / tau, to one. Needs neither labels nor equal frames. A text too long for the student's frames is left
    out and the rest renormalised; a line without any adds 0.
    """
    n = len(student.logits_NTC)
    texts_NK, weights_NK = n_best_texts(teacher, n_best=n_best, beam=beam, temperature=temperature)
    lengths_N = student.lengths_N.cpu().tolist()
    rows, texts, weights = [], [], []
    for row in range(n):
        fitting = [k for k, text in enumerate(texts_NK[row]) if frames_needed(text) <= lengths_N[row]]
        mass = sum(weights_NK[row][k] for k in fitting)
        for k in fitting:
            rows.append(row)
            texts.append(texts_NK[row][k])
            weights.append(weights_NK[row][k] / mass)
    if not rows:
        return summed(student.logits_NTC.float().flatten(1).sum(1) * 0)
    targets_ML, target_lengths_M = padded_texts(texts)
    rows_M = torch.tensor(rows, device=student.logits_NTC.device)
    nats_M = nats_of(student.logits_NTC[rows_M], student.lengths_N[rows_M], targets_ML, target_lengths_M, None)
    each_M = (
        nats_M * torch.tensor(weights, device=nats_M.device) / student.lengths_N[rows_M].clamp(min=1).to(nats_M.device)
    )
    return summed(each_M.new_zeros(n).index_add(0, rows_M.to(each_M.device), each_M), weights_N)


def n_best_texts(
    outputs: Outputs, *, n_best: int, beam: int, temperature: float = 1.0
) -> tuple[list[list[list[int]]], list[list[float]]]:
    """Return the likeliest texts of every line, as classes, and their probabilities to the power 1 / tau, to one."""
    log_p_NTC = log_posteriors(outputs).detach().cpu().numpy()
    texts_NK, weights_NK = [], []
    for log_p_TC, length in zip(log_p_NTC, outputs.lengths_N.tolist(), strict=True):
        found = prefix_beam_search(log_p_TC[:length], beam)[:n_best]
        texts_NK.append([list(classes) for classes, _ in found])
        weights_NK.append((torch.tensor([log_p for _, log_p in found]) / temperature).softmax(0).tolist())
    return texts_NK, weights_NK
