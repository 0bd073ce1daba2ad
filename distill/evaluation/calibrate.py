"""One temperature for all logits of a finished network: the one that makes its confidence the chance of being right.

The confidence of a reading is P(text | line), see `students.reading.Reading`. The temperature moves it, never the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from accelerate import Accelerator
from torch import nn

from distill.data.lines import Lines
from distill.evaluation.evaluate import read_lines, truths_of
from distill.evaluation.metrics import compare
from distill.schema import Protocol
from students.alignments import text_log_probabilities
from students.calibration import tempered
from students.charset import BLANK, Charset
from students.greedy import collapse
from students.image import Preparation

LINES = 512
TEMPERATURES = np.geomspace(0.25, 8, 17)
SMALLEST_DOUBT = 1e-9


class Answer(NamedTuple):
    """The log-probability of what a network reads on a line, at each of `TEMPERATURES`, and whether that is right."""

    log_p_K: np.ndarray
    right: bool


def fitted_temperature(
    model: nn.Module,
    lines: Lines,
    charset: Charset,
    preparation: Preparation,
    accelerator: Accelerator,
    protocol: Protocol,
) -> float:
    """Fit the temperature on up to `LINES` labelled lines, right or wrong as the protocol compares; 1 without any."""
    labelled = [i for i, text in enumerate(lines.texts) if text is not None]
    chosen = np.linspace(0, len(labelled) - 1, min(LINES, len(labelled))).round().astype(int)
    some = lines.take([labelled[i] for i in chosen])

    def read(log_p_TC: np.ndarray) -> tuple[str, np.ndarray]:
        classes = collapse(log_p_TC.argmax(1))
        return charset.decode(classes), at_each_temperature(log_p_TC, classes)

    readings = read_lines(model, some, read, preparation, accelerator)
    compared = compare(truths_of(some), {key: text for key, (text, _) in readings.items()}, protocol)
    return best_temperature([Answer(readings[line.truth.key][1], line.exact) for line in compared])


def at_each_temperature(log_p_TC: np.ndarray, classes: Sequence[int]) -> np.ndarray:
    """Return log P(text | line) in nats at each of `TEMPERATURES`, shape (K,)."""
    needed = sorted({BLANK, *classes})  # of thousands of classes a text has few
    tempered_KTS = np.stack([tempered(log_p_TC, tau, needed) for tau in TEMPERATURES])
    places = [needed.index(c) for c in classes]
    return text_log_probabilities(tempered_KTS, [places] * len(tempered_KTS))


def best_temperature(answers: Sequence[Answer]) -> float:
    """Return the temperature of least cross-entropy between being right and the confidence.

    Found at `TEMPERATURES` and between them by a parabola over log tau. Platt's (1999) targets in the place of 1 and 0
    keep it finite where all or none are right.
    """
    if not answers:
        return 1.0
    n_right = sum(answer.right for answer in answers)
    if_right, if_wrong = (n_right + 1) / (n_right + 2), 1 / (len(answers) - n_right + 2)
    targets_N1 = np.array([[if_right if answer.right else if_wrong] for answer in answers])
    log_p_NK = np.stack([answer.log_p_K for answer in answers])
    doubt_NK = np.maximum(-np.expm1(log_p_NK), SMALLEST_DOUBT)
    nats_K = -(targets_N1 * log_p_NK + (1 - targets_N1) * np.log(doubt_NK)).sum(0)
    best = int(nats_K.argmin())
    if not 0 < best < len(nats_K) - 1:
        return float(TEMPERATURES[best])
    below, least, above = nats_K[best - 1 : best + 2]
    steps = (below - above) / (2 * (below - 2 * least + above) or 1.0)
    return round(float(TEMPERATURES[best] * (TEMPERATURES[1] / TEMPERATURES[0]) ** steps), 3)
