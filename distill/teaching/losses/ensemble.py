"""Several teachers as one that writes where the first does, and what all of them read there."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from rapidfuzz.distance import Levenshtein
from torch import Tensor
from torch.nn import functional as F

from distill.teaching.losses.frames import TINY, log_posteriors, valid_frames
from distill.teaching.losses.near import Symbols, numbered, symbols_of
from students.charset import BLANK
from students.parts import Outputs


@torch.no_grad()
def symbols_of_all(outputs_M: Sequence[Outputs], shares_MC: Tensor) -> Outputs:
    """Return the first teacher's posteriors, with the characters at its symbols averaged over all teachers.

    On frame t of symbol k of the first teacher's best path: p_t(blank) as it is, and among the characters
    sum_m w_m(c) s_m(c), brought to one; s_1 is the first teacher's share of c among the characters of the frame, s_m
    that of another in the mean over the frames of the symbol that an edit-distance alignment of both texts puts against
    k. Where it puts none, the first teacher's stands in. All other frames, and so where something is written, are the
    first's; frames and strides may differ. `shares_MC` are the weights w_m of every class, of sum one.
    """
    first, *others = outputs_M
    p_NTC, weights_MK = log_posteriors(first).exp(), shares_MC[:, BLANK + 1 :]
    written_NT1 = 1 - p_NTC[..., :1]
    own_NTK = p_NTC[..., BLANK + 1 :] / written_NT1.clamp(min=TINY)
    numbers_NT = numbered(first.logits_NTC.argmax(-1), valid_frames(first))
    symbols, mixed_NTK = symbols_of(first), weights_MK[0] * own_NTK
    for other, weight_K in zip(others, weights_MK[1:], strict=True):
        partners_NU = F.pad(partners(symbols, symbols_of(other)), (1, 0)).to(numbers_NT.device)
        partner_NT = partners_NU.gather(1, numbers_NT)
        means_NUK = _characters_of_symbols(other)
        theirs_NTK = means_NUK.gather(1, partner_NT[..., None].expand(-1, -1, means_NUK.shape[-1]))
        mixed_NTK = mixed_NTK + weight_K * torch.where(partner_NT[..., None] > 0, theirs_NTK, own_NTK)
    mixed_NTK = mixed_NTK / mixed_NTK.sum(-1, keepdim=True).clamp(min=TINY)
    logits_NTK = (written_NT1 * mixed_NTK + TINY).log()
    is_symbol_NT1 = (numbers_NT > 0)[..., None]
    as_logits_NTC = torch.cat([(p_NTC[..., :1] + TINY).log(), logits_NTK], -1)
    return first._replace(logits_NTC=torch.where(is_symbol_NT1, as_logits_NTC, log_posteriors(first)))


def partners(symbols: Symbols, others: Symbols) -> Tensor:
    """Return for every symbol the number, from 1, of the other text's that stands against it, (N, K) int64; 0: none.

    By a shortest way from one text to the other: symbols that are equal or that one is replaced by.
    """
    partners_NK = torch.zeros_like(symbols.classes_NK)
    for row, (one, other) in enumerate(zip(symbols.classes_NK.tolist(), others.classes_NK.tolist(), strict=True)):
        texts = ([c for c in text if c != BLANK] for text in (one, other))
        for step in Levenshtein.opcodes(*texts):
            if step.tag in ("equal", "replace"):
                partners_NK[row, step.src_start : step.src_end] = torch.arange(step.dest_start + 1, step.dest_end + 1)
    return partners_NK


def _characters_of_symbols(outputs: Outputs) -> Tensor:
    """Shares of the characters at every symbol, (N, 1 + K symbols, C - 1), means over its frames; 0 is no symbol."""
    p_NTC = log_posteriors(outputs).exp()
    shares_NTK = p_NTC[..., BLANK + 1 :] / (1 - p_NTC[..., :1]).clamp(min=TINY)
    numbers_NT = numbered(outputs.logits_NTC.argmax(-1), valid_frames(outputs))
    of_symbol_NUT = F.one_hot(numbers_NT).transpose(1, 2).to(shares_NTK)
    return of_symbol_NUT @ shares_NTK / of_symbol_NUT.sum(-1, keepdim=True).clamp(min=1)
