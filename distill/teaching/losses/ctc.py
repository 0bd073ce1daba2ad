"""CTC on the ground truth (Graves et al. 2006), with as much of it as the label records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from distill.data.labels import Folding
from distill.teaching.losses.large import MANY_CLASSES, compact_ctc
from students.charset import BLANK
from students.parts import Outputs


def ctc(
    student: Outputs,
    targets_NL: Tensor,
    target_lengths_N: Tensor,
    labelled_N: Tensor,
    foldings: Sequence[Folding | None] | None = None,
) -> tuple[Tensor, int]:
    """-log P(target | image) / T of every labelled line, summed; and the number of labelled lines.

    Nats a frame: divided by the line's own frames, so that a weight means the same for every term and
    every width. Where a line has a folding, the posteriors of classes that its label does not distinguish are
    summed at each frame, so a caseless label is content with either case. Infeasible lines are refused
    before training; here they would give infinity, which the step reports with the keys of the batch.
    float32 and 2-D int64 targets keep torch off cuDNN's variant, which is not safe for empty labels.
    """
    total = student.logits_NTC.new_zeros((), dtype=torch.float32)
    for folded, rows_N in by_folding(labelled_N, foldings):
        on_device_N = rows_N.to(student.logits_NTC.device)
        logits_NTC, lengths_N = student.logits_NTC[on_device_N], student.lengths_N[on_device_N]
        nats_N = nats_of(logits_NTC, lengths_N, targets_NL[rows_N], target_lengths_N[rows_N], folded)
        total = total + (nats_N / lengths_N.to(nats_N.device)).sum().to(total.device)
    return total, int(labelled_N.sum())


def by_folding(
    labelled_N: Tensor, foldings: Sequence[Folding | None] | None
) -> Iterator[tuple[Folding | None, Tensor]]:
    """Yield the foldings of the labelled lines, and the lines of each, (N,) bool on the host."""
    on_host_N = labelled_N.cpu()
    per_line = foldings or (None,) * len(on_host_N)
    for folded in dict.fromkeys(f for f, labelled in zip(per_line, on_host_N.tolist(), strict=True) if labelled):
        yield folded, on_host_N & torch.tensor([f == folded for f in per_line])


def class_changes(student: Outputs, labelled_N: Tensor, foldings: Sequence[Folding | None]) -> tuple[Tensor, int]:
    """sum_t sum_g sum_{a != b in g} p_t(a) p_{t+1}(b) / T of every labelled line, summed; and the number of lines.

    The expected number of places, for each frame, at which a path goes from one class straight to another that
    the label does not distinguish from it. `ctc` passes `Xx` on neighbouring frames as one letter; decoding writes two.
    The group of the blank does not count: there nothing is to be one symbol.
    """
    total = student.logits_NTC.new_zeros((), dtype=torch.float32)
    device = student.logits_NTC.device
    for folded, on_host_N in by_folding(labelled_N, foldings):
        if folded is None:
            continue
        rows_N = on_host_N.to(device)
        classes_M, groups_M = (numbers.to(device) for numbers in folded.alternatives)
        p_NTM = student.logits_NTC[rows_N].float().softmax(-1)[..., classes_M]
        p_NTG = p_NTM.new_zeros(*p_NTM.shape[:2], len(folded.groups)).index_add(-1, groups_M, p_NTM)
        changes_NT = _followed_by_itself(p_NTG) - _followed_by_itself(p_NTM)
        lengths_N = student.lengths_N[rows_N].to(device)
        within_NT = torch.arange(1, p_NTM.shape[1], device=device) < lengths_N[:, None]
        total = total + ((changes_NT * within_NT).sum(1) / lengths_N).sum()
    return total, int(labelled_N.sum())


def _followed_by_itself(p_NTK: Tensor) -> Tensor:
    """sum_k p_t(k) p_{t+1}(k), (N, T - 1)."""
    return (p_NTK[:, :-1] * p_NTK[:, 1:]).sum(-1)


def nats_of(
    logits_NTC: Tensor, lengths_N: Tensor, targets_NL: Tensor, target_lengths_N: Tensor, folded: Folding | None
) -> Tensor:
    """Return -log P(target | image) of every line, (N,), in nats."""
    if folded is None and logits_NTC.shape[-1] >= MANY_CLASSES:
        return compact_ctc(logits_NTC.float(), lengths_N, targets_NL, target_lengths_N)
    if torch.are_deterministic_algorithms_enabled():  # the backward pass on CUDA has no deterministic form
        logits_NTC, lengths_N = logits_NTC.cpu(), lengths_N.cpu()
    with torch.autocast(logits_NTC.device.type, enabled=False):
        # torch's gradient of CTC is right only for posteriors that sum to one: so groups of classes, not copies
        log_p_TNC = logits_NTC.float().log_softmax(-1).transpose(0, 1)
        return F.ctc_loss(
            folded.summed(log_p_TNC) if folded else log_p_TNC,
            (folded.group_of[targets_NL] if folded else targets_NL).to(log_p_TNC.device),
            lengths_N,
            target_lengths_N.to(log_p_TNC.device),
            blank=folded.blank if folded else BLANK,
            reduction="none",
        )
