"""One temperature for all logits of a finished network, fitted on validation lines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from distill.data.batch import targets_of
from distill.data.labels import Folding, foldings
from distill.data.lines import Lines
from distill.evaluate import spoken
from distill.losses.ctc import nats_of
from students.charset import Charset
from students.decode import frames_needed
from students.image import Preparation

LINES = 256
LOWEST, HIGHEST = 0.25, 8.0
GOLDEN = (math.sqrt(5) - 1) / 2


class Said(NamedTuple):
    """What a network says about labelled lines of one width and one label form."""

    logits_NTC: Tensor
    lengths_N: Tensor
    targets_NL: Tensor
    target_lengths_N: Tensor
    folded: Folding | None


def fitted_temperature(
    model: nn.Module, lines: Lines, charset: Charset, preparation: Preparation, accelerator: Accelerator
) -> float:
    """The temperature under which the labels of up to `LINES` of the lines are likeliest; 1 where it can write none."""
    labelled = [i for i, text in enumerate(lines.texts) if text is not None and not charset.missing(text)]
    chosen = np.linspace(0, len(labelled) - 1, min(LINES, len(labelled))).round().astype(int)
    some = lines.take([labelled[i] for i in chosen])
    said = []
    for group, outputs in spoken(model, some, preparation, accelerator):
        targets_NL, target_lengths_N = targets_of([some.texts[i] for i in group.indices], charset)
        forms = foldings(charset, [some.form(i) for i in group.indices])
        fits = [
            frames_needed(targets_NL[row, : target_lengths_N[row]].tolist()) <= frames
            for row, frames in enumerate(outputs.lengths_N.tolist())
        ]
        for folded in dict.fromkeys(forms):
            rows = [row for row, form in enumerate(forms) if form == folded and fits[row]]
            if rows:
                logits_NTC, lengths_N = outputs.logits_NTC[rows].float().cpu(), outputs.lengths_N[rows].cpu()
                said.append(Said(logits_NTC, lengths_N, targets_NL[rows], target_lengths_N[rows], folded))
    return likeliest_temperature(said)


@torch.inference_mode()
def likeliest_temperature(said: Sequence[Said]) -> float:
    """argmin over tau of sum -log P(label | logits / tau), to a percent, by golden section on log tau."""
    if not said:
        return 1.0

    def nats(log_tau: float) -> float:
        each = (nats_of(s.logits_NTC / math.exp(log_tau), *s[1:]) for s in said)
        return sum(nats_N.sum().item() for nats_N in each)

    low, high = math.log(LOWEST), math.log(HIGHEST)
    left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    at_left, at_right = nats(left), nats(right)
    while high - low > 0.01:
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - GOLDEN * (high - low)
            at_left = nats(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + GOLDEN * (high - low)
            at_right = nats(right)
    return round(math.exp((low + high) / 2), 3)
