"""Sequence-level distillation: the student learns the texts that the teacher holds likely, as if they were labels."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from distill.data.batch import padded_targets
from distill.teaching.losses.ctc import nats_of
from distill.teaching.losses.frames import log_posteriors, summed
from students.alignments import frames_needed
from students.beam import prefix_beam_search
from students.charset import BLANK
from students.parts import Outputs

SURELY_BLANK = 1 - 1e-4  # neighbouring frames of at least this blank are searched as one
MARGIN_NATS = 16.0  # a prefix that is so much less likely than the best is given up


KnownTexts = dict[bytes, list[tuple[list[int], float]]]


class Search(NamedTuple):
    """How the teacher's likeliest texts are searched for.

    `known` keeps them by the digest of the posteriors, where those come again: None, where they never do.
    """

    n_best: int
    beam: int
    known: KnownTexts | None = None

    def texts(self, log_p_TC: np.ndarray) -> list[tuple[list[int], float]]:
        """Return the likeliest texts of a line, as classes, with the logarithms of their probabilities, best first."""
        if self.known is None:
            return n_best_texts(log_p_TC, self.n_best, self.beam)
        key = hashlib.blake2b(log_p_TC.tobytes(), digest_size=16).digest()
        if key not in self.known:
            self.known[key] = n_best_texts(log_p_TC, self.n_best, self.beam)
        return self.known[key]


class Texts(NamedTuple):
    """Texts that count as labels: the line of each, its classes, and its weight."""

    rows: list[int]
    texts: list[list[int]]
    weights: list[float]


def sequence_kd(
    student: Outputs,
    teacher: Outputs,
    search: Search,
    *,
    temperature: float = 1.0,
    by_probability: bool = False,
    weights_N: Tensor | None = None,
) -> tuple[Tensor, int]:
    """-sum_k w_k log Q(y_k) / T of every line, summed; and the number of lines.

    Takashima et al. 2019: y_k are the teacher's likeliest texts by prefix beam search, w_k their probabilities to the
    power 1 / tau: brought to one on every line, or `by_probability` as they are, so that a line counts as far as the
    teacher is sure of what it reads. Needs neither labels nor equal frames. A text too long for the student's frames is
    left out (and the rest brought to one); a line without any adds 0. Lines of weight 0 are not searched.
    """
    n = len(student.logits_NTC)
    found = _texts_of(student, teacher, search, temperature, by_probability, weights_N)
    if not found.rows:
        return summed(student.logits_NTC.float().flatten(1).sum(1) * 0)
    targets_ML, target_lengths_M = padded_targets(found.texts)
    rows_M = torch.tensor(found.rows, device=student.logits_NTC.device)
    nats_M = nats_of(student.logits_NTC[rows_M], student.lengths_N[rows_M], targets_ML, target_lengths_M, None)
    weights_M = torch.tensor(found.weights, device=nats_M.device)
    each_M = nats_M * weights_M / student.lengths_N[rows_M].clamp(min=1).to(nats_M.device)
    return summed(each_M.new_zeros(n).index_add(0, rows_M.to(each_M.device), each_M), weights_N)


def _texts_of(
    student: Outputs,
    teacher: Outputs,
    search: Search,
    temperature: float,
    by_probability: bool,
    weights_N: Tensor | None,
) -> Texts:
    """The teacher's likeliest texts of every line whose weight is not 0, as far as they fit the student's frames."""
    counting = [True] * len(student.logits_NTC) if weights_N is None else (weights_N != 0).tolist()
    log_p_NTC = log_posteriors(teacher).detach().cpu().numpy()
    lengths = zip(student.lengths_N.tolist(), teacher.lengths_N.tolist(), strict=True)
    found = Texts([], [], [])
    for row, (own, theirs) in enumerate(lengths):
        if not counting[row]:
            continue
        best = search.texts(log_p_NTC[row, :theirs])
        fitting = [(text, log_p) for text, log_p in best if frames_needed(text) <= own]
        tempered = torch.tensor([log_p for _, log_p in fitting]) / temperature
        found.rows.extend([row] * len(fitting))
        found.texts.extend(text for text, _ in fitting)
        found.weights.extend((tempered.exp() if by_probability else tempered.softmax(0)).tolist())
    return found


def n_best_texts(log_p_TC: np.ndarray, n_best: int, beam: int) -> list[tuple[list[int], float]]:
    """Return the likeliest texts of a line, as classes, with the logarithms of their probabilities, best first.

    Frames that are surely blank are multiplied into one, which changes no text and hardly a probability.
    """
    blank_T = log_p_TC[:, BLANK] >= np.log(SURELY_BLANK)
    begins_T = np.ones(len(log_p_TC), bool)
    begins_T[1:] = ~(blank_T[1:] & blank_T[:-1])
    shorter_RC = np.add.reduceat(log_p_TC, np.flatnonzero(begins_T)) if len(log_p_TC) else log_p_TC
    found = prefix_beam_search(shorter_RC, beam, margin=MARGIN_NATS)[:n_best]
    return [(list(classes), log_p) for classes, log_p in found]
