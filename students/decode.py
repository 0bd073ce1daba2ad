"""From posteriors to text: greedy CTC decoding, and what a reading knows of itself.

Numpy only, so that every reader decodes with the same code. Other ways to decode: `decoder.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from math import exp
from typing import NamedTuple

import numpy as np

from students.alignments import text_log_probabilities
from students.charset import BLANK, Charset
from students.image import Preparation
from students.turning import size_after


@dataclass(frozen=True)
class Character:
    """One character read: the highest posterior it has on its frames (0-1), and those frames, `end` not included."""

    text: str
    confidence: float
    start: int
    end: int


@dataclass(frozen=True)
class Reading:
    """What a reader saw on one line.

    `confidence` is the probability of the text, P(text | line): summed over all its alignments, under the temperature
    fitted on validation (0-1). `alternatives` holds other texts with their probabilities, best first; greedy decoding
    knows none. Probabilities are those among all texts there are, whatever texts the decoder may choose from.
    With `review` a person should look at the line: the confidence is below the reader's threshold, or no text fits the
    decoder's rules. `frames` is the number of frames of the line, `classes` are those that were read, from left to
    right. `quarters` counts the quarter turns against the clock after which the picture was read.
    """

    text: str
    confidence: float
    characters: tuple[Character, ...] = ()
    alternatives: tuple[tuple[str, float], ...] = ()
    review: bool = False
    frames: int = 0
    classes: tuple[int, ...] = ()
    quarters: int = 0

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the text with unsure characters underlined, and its confidence."""
        from students.showing import of_reading

        return of_reading(self)

    @property
    def least_sure(self) -> Character | None:
        """Return the character with the lowest confidence, the first of several; None where nothing is written."""
        return min(self.characters, key=lambda character: character.confidence, default=None)

    def extents_px(self, preparation: Preparation, height: int, width: int) -> list[tuple[int, int]]:
        """Return the left and right edge, in pixels, of every character in a picture of that size, to the frame.

        They are edges in the picture as it was read: where it was turned, after its turns.
        """
        height, width = size_after(self.quarters, height, width)
        frame_px = preparation.padded_width_px(height, width) / max(1, self.frames)
        picture_px = width / preparation.scaled_width_px(height, width)

        def edge(frame: int) -> int:
            return min(width, round(frame * frame_px * picture_px))

        return [(edge(character.start), edge(character.end)) for character in self.characters]


def greedy(log_probabilities_NTC: np.ndarray, charset: Charset, review_below: float = 0.0) -> list[Reading]:
    """Read the best class of each frame, repeats merged, blanks dropped (Graves et al. 2006, best path decoding).

    `log_probabilities_NTC` are natural logarithms of the posteriors of lines with equal frames, all of them valid.
    """
    written_N = _best_paths(log_probabilities_NTC)
    logs_N = text_log_probabilities(log_probabilities_NTC, [[run.c for run in written] for written in written_N])
    n_frames = log_probabilities_NTC.shape[1]
    return [
        reading_of(written, charset, confidence, n_frames, review_below=review_below)
        for written, confidence in zip(written_N, np.exp(logs_N).tolist(), strict=True)
    ]


class Run(NamedTuple):
    """A class that is written, its frames, `end` not included, and the highest log-posterior that it has on them."""

    c: int
    start: int
    end: int
    log_p: float


def _best_paths(log_probabilities_NTC: np.ndarray) -> list[list[Run]]:
    """What the best path of every line writes, each class with its frames; all lines at once."""
    n_lines, n_frames = log_probabilities_NTC.shape[:2]
    if not n_frames:
        return [[] for _ in range(n_lines)]
    best_NT = log_probabilities_NTC.argmax(axis=2)
    begins_NT = np.ones(best_NT.shape, bool)
    np.not_equal(best_NT[:, 1:], best_NT[:, :-1], out=begins_NT[:, 1:])
    firsts = np.flatnonzero(begins_NT)  # of runs, the frames of all lines counted on
    highest_NT = np.take_along_axis(log_probabilities_NTC, best_NT[:, :, None], 2)
    log_p = np.maximum.reduceat(highest_NT.ravel(), firsts)
    lasts = np.append(firsts[1:], best_NT.size)
    classes = best_NT.ravel()[firsts]
    kept = np.flatnonzero(classes != BLANK)
    lines, starts = np.divmod(firsts[kept], n_frames)
    ends = lasts[kept] - lines * n_frames
    runs = map(Run, classes[kept].tolist(), starts.tolist(), ends.tolist(), log_p[kept].tolist())
    return [list(islice(runs, n)) for n in np.bincount(lines, minlength=n_lines).tolist()]


def runs_on(log_probabilities_TC: np.ndarray, classes: Sequence[int], frames: Sequence[tuple[int, int]]) -> list[Run]:
    """Return `classes`, each on its `frames` (start, end), the end behind the last."""
    return [
        Run(c, start, end, max(log_probabilities_TC[start:end, c].tolist()))
        for c, (start, end) in zip(classes, frames, strict=True)
    ]


def reading_of(
    written: Sequence[Run],
    charset: Charset,
    confidence: float,
    n_frames: int,
    alternatives: Sequence[tuple[str, float]] = (),
    review_below: float = 0.0,
) -> Reading:
    """Return a reading of what is written, from left to right, on `n_frames` frames."""
    classes = tuple([run.c for run in written])
    text, places = charset.written(classes)
    characters = tuple(
        [
            Character(character, exp(log_p), start, end)
            for character, (_, start, end, log_p) in zip(text, map(written.__getitem__, places), strict=True)
        ]
    )
    review = confidence < review_below
    return Reading(text, confidence, characters, tuple(alternatives), review, n_frames, classes)


def best_path_text(log_probabilities_TC: np.ndarray, charset: Charset) -> str:
    """Return the text of greedy decoding alone."""
    return charset.decode(collapse(log_probabilities_TC.argmax(axis=1)))


def collapse(classes_T: np.ndarray) -> list[int]:
    """Return the classes that a frame-wise path writes: repeats merged, blanks dropped."""
    changes = np.diff(classes_T, prepend=BLANK) != 0
    return [int(c) for c in classes_T[changes] if c != BLANK]


def frames_needed(symbols: Sequence[object]) -> int:
    """Return how many frames CTC needs for a text: one a character, and a blank between equal neighbours."""
    return len(symbols) + sum(a == b for a, b in pairwise(symbols))
