"""CTC on the ground truth (Graves et al. 2006)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from students.charset import BLANK
from students.parts import Outputs


def ctc(student: Outputs, targets_NL: Tensor, target_lengths_N: Tensor, labelled_N: Tensor) -> tuple[Tensor, int]:
    """-log P(target | image) / T of every labelled line, summed; and the number of labelled lines.

    Nats a frame: divided by the line's own frames, so that a weight means the same for every term and
    every width. Infeasible lines are refused before training; here they would give infinity, which the
    step reports with the keys of the batch. float32 and 2-D int64 targets keep torch off cuDNN's variant,
    which is not safe for empty labels.
    """
    if not bool(labelled_N.any()):
        return student.logits_NTC.new_zeros((), dtype=torch.float32), 0
    logits_NTC, lengths_N = student.logits_NTC[labelled_N], student.lengths_N[labelled_N]
    if torch.are_deterministic_algorithms_enabled():  # the backward pass on CUDA has no deterministic form
        logits_NTC, lengths_N = logits_NTC.cpu(), lengths_N.cpu()
    on_host_N = labelled_N.cpu()
    with torch.autocast(logits_NTC.device.type, enabled=False):
        log_probabilities_TNC = logits_NTC.float().log_softmax(-1).transpose(0, 1)
        nats_N = F.ctc_loss(
            log_probabilities_TNC,
            targets_NL[on_host_N].to(log_probabilities_TNC.device),
            lengths_N,
            target_lengths_N[on_host_N].to(log_probabilities_TNC.device),
            blank=BLANK,
            reduction="none",
        )
    return (nats_N / lengths_N).sum().to(student.logits_NTC.device), int(on_host_N.sum())
