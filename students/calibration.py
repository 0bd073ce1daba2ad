"""How scores become confidences: a temperature, which stands in the model file, and posteriors under it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict, Field


class Calibration(BaseModel):
    """What turns scores into confidences: a temperature fitted on validation (1: none fitted)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: float = Field(1.0, gt=0)


def tempered(log_probabilities: np.ndarray, temperature: float, classes: Sequence[int] | None = None) -> np.ndarray:
    """Return the log-posteriors under a temperature, log softmax(log p / tau), of all classes or some.

    Of one line, (T, C), or of several, (N, T, C), one after the other: with thousands of classes what is worked on then
    stays in the processor's cache.
    """
    n_kept = log_probabilities.shape[-1] if classes is None else len(classes)
    found = np.empty((*log_probabilities.shape[:-1], n_kept), log_probabilities.dtype)
    of_lines = (log_probabilities, found) if found.ndim > 2 else (log_probabilities[None], found[None])
    powers_TC = np.empty(of_lines[0].shape[1:], found.dtype)
    scaled_TC = np.empty_like(powers_TC)
    for log_p_TC, found_TC in zip(*of_lines, strict=True):
        into_TC = found_TC if classes is None else scaled_TC
        np.divide(log_p_TC, temperature, out=into_TC)
        into_TC -= into_TC.max(axis=-1, keepdims=True)
        log_sum_T1 = np.log(np.exp(into_TC, out=powers_TC).sum(axis=-1, keepdims=True))
        np.subtract(into_TC if classes is None else into_TC[:, list(classes)], log_sum_T1, out=found_TC)
    return found
