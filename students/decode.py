"""From posteriors to text: greedy CTC decoding with a confidence for the line and each character.

Numpy only, so that every reader decodes with the same code.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from students.charset import BLANK, Charset


@dataclass(frozen=True)
class Character:
    """One character read: its confidence (0-1) and the frames it was seen on, `end` not included."""

    text: str
    confidence: float
    start: int
    end: int


@dataclass(frozen=True)
class Reading:
    """What a reader saw on one line.

    `confidence` is the probability of the most likely alignment, the product over all frames of the
    best class (0-1). `alternatives` holds other texts with their probabilities, best first; greedy decoding
    knows none. `review` says that a person should look: the confidence is below the reader's threshold.
    """

    text: str
    confidence: float
    characters: tuple[Character, ...] = ()
    alternatives: tuple[tuple[str, float], ...] = ()
    review: bool = False


def greedy(log_probabilities_TC: np.ndarray, charset: Charset, review_below: float = 0.0) -> Reading:
    """Best class of each frame, repeats merged, blanks dropped (Graves et al. 2006, best path decoding).

    `log_probabilities_TC` are natural logarithms of the posteriors of the valid frames only.
    """
    best_T = log_probabilities_TC.argmax(axis=1)
    score_T = log_probabilities_TC[np.arange(len(best_T)), best_T]
    starts = np.flatnonzero(np.diff(best_T, prepend=-1))
    ends = np.append(starts[1:], len(best_T))
    characters = tuple(
        Character(charset.decode([best_T[start]]), float(np.exp(score_T[start:end].max())), int(start), int(end))
        for start, end in zip(starts, ends, strict=True)
        if best_T[start] != BLANK
    )
    confidence = float(np.exp(score_T.sum()))
    text = "".join(character.text for character in characters)
    return Reading(text, confidence, characters, review=confidence < review_below)


def collapse(classes_T: np.ndarray) -> list[int]:
    """The classes that a frame-wise path writes: repeats merged, blanks dropped."""
    changes = np.diff(classes_T, prepend=BLANK) != 0
    return [int(c) for c in classes_T[changes] if c != BLANK]
