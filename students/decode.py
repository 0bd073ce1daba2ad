"""From posteriors to text: greedy CTC decoding with a confidence for the line and each character.

Numpy only, so that every reader decodes with the same code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from students.charset import BLANK, Charset

Prefix = tuple[int, ...]
Ends = tuple[float, float]  # log-probabilities of the alignments that end in the blank, and in the last class


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


def prefix_beam_search(
    log_probabilities_TC: np.ndarray, beam: int, ignored_below: float = 1e-4
) -> list[tuple[Prefix, float]]:
    """The likeliest texts, as classes, with log-probabilities summed over their alignments, best first.

    Prefix search (Hannun et al. 2014) that keeps `beam` prefixes; on a frame only classes of at least `ignored_below`
    extend them. Exact when nothing is dropped; else every log-probability is a lower bound.
    """
    beams: dict[Prefix, Ends] = {(): (0.0, -np.inf)}
    for log_p_C in log_probabilities_TC:
        likely = [int(c) for c in np.flatnonzero(np.exp(log_p_C) >= ignored_below) if c != BLANK]
        grown: dict[Prefix, Ends] = {}
        for prefix, (blank, spoken) in beams.items():
            _add(grown, prefix, log_p_C[BLANK] + np.logaddexp(blank, spoken), -np.inf)
            if prefix:
                _add(grown, prefix, -np.inf, log_p_C[prefix[-1]] + spoken)
            for c in likely:
                before = blank if prefix and prefix[-1] == c else np.logaddexp(blank, spoken)
                _add(grown, (*prefix, c), -np.inf, log_p_C[c] + before)
        ranked = sorted(grown.items(), key=lambda item: -np.logaddexp(*item[1]))
        beams = dict(ranked[:beam])
    return [(prefix, float(np.logaddexp(*ends))) for prefix, ends in beams.items() if np.logaddexp(*ends) > -np.inf]


def _add(beams: dict[Prefix, Ends], prefix: Prefix, blank: float, spoken: float) -> None:
    before = beams.get(prefix, (-np.inf, -np.inf))
    beams[prefix] = (float(np.logaddexp(before[0], blank)), float(np.logaddexp(before[1], spoken)))


def collapse(classes_T: np.ndarray) -> list[int]:
    """The classes that a frame-wise path writes: repeats merged, blanks dropped."""
    changes = np.diff(classes_T, prepend=BLANK) != 0
    return [int(c) for c in classes_T[changes] if c != BLANK]


def frames_needed(symbols: Sequence[object]) -> int:
    """Frames that CTC needs to write a text: one for each character, and a blank between equal neighbours."""
    return len(symbols) + sum(a == b for a, b in pairwise(symbols))
