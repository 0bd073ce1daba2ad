"""One temperature for all logits of a finished network: the one that makes its confidence the chance of being right.

The confidence of a reading is P(text | line), see `students.decode.Reading`. The temperature moves it, never the text.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from accelerate import Accelerator
from torch import nn

from distill.data.lines import Lines
from distill.evaluate import read_lines, truths_of
from distill.metrics import compare
from distill.recipe import Protocol
from students.alignments import text_log_probabilities
from students.charset import Charset
from students.decode import collapse
from students.decoder import tempered
from students.image import Preparation

LINES = 512
LOWEST, HIGHEST = 0.25, 8.0
GOLDEN = (math.sqrt(5) - 1) / 2
SMALLEST_DOUBT = 1e-9


class Answer(NamedTuple):
    """What a network says about a line, at temperature 1, the classes it reads, and whether they are right."""

    log_p_TC: np.ndarray
    classes: list[int]
    right: bool


def fitted_temperature(
    model: nn.Module, lines: Lines, charset: Charset, preparation: Preparation, accelerator: Accelerator,
    protocol: Protocol,
) -> float:  # fmt: skip
    """The temperature for up to `LINES` labelled lines, right or wrong as the protocol compares; 1 without any."""
    labelled = [i for i, text in enumerate(lines.texts) if text is not None]
    chosen = np.linspace(0, len(labelled) - 1, min(LINES, len(labelled))).round().astype(int)
    some = lines.take([labelled[i] for i in chosen])
    heard = read_lines(model, some, lambda log_p_TC: log_p_TC, preparation, accelerator)
    classes = {key: collapse(log_p_TC.argmax(1)) for key, log_p_TC in heard.items()}
    compared = compare(truths_of(some), {key: charset.decode(read) for key, read in classes.items()}, protocol)
    return surest_temperature([Answer(heard[line.truth.key], classes[line.truth.key], line.exact) for line in compared])


def surest_temperature(answers: Sequence[Answer]) -> float:
    """argmin over tau of the cross-entropy between being right and the confidence, to a percent.

    By golden section on log tau. Platt's (1999) targets in the place of 1 and 0 keep it finite where all or none are
    right.
    """
    if not answers:
        return 1.0
    n_right = sum(answer.right for answer in answers)
    if_right, if_wrong = (n_right + 1) / (n_right + 2), 1 / (len(answers) - n_right + 2)
    targets_N = np.array([if_right if answer.right else if_wrong for answer in answers])

    def nats(log_tau: float) -> float:
        tau = math.exp(log_tau)
        log_p_N = np.array([text_log_probabilities(tempered(a.log_p_TC, tau), [a.classes])[0] for a in answers])
        doubt_N = np.maximum(-np.expm1(log_p_N), SMALLEST_DOUBT)
        return -float((targets_N * log_p_N + (1 - targets_N) * np.log(doubt_N)).sum())

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
