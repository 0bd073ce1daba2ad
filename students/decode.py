"""From posteriors to text: greedy CTC decoding, and what a reading knows of itself.

Numpy only, so that every reader decodes with the same code. Other ways to decode: `decoder.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp

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
    best_NT = log_probabilities_NTC.argmax(axis=2)
    begins_NT = np.ones(best_NT.shape, bool)
    np.not_equal(best_NT[:, 1:], best_NT[:, :-1], out=begins_NT[:, 1:])
    written_N = [_written(best_T, begins_T) for best_T, begins_T in zip(best_NT, begins_NT, strict=True)]
    classes_N = [[c for c, _ in written] for written in written_N]
    confidence_N = np.exp(text_log_probabilities(log_probabilities_NTC, classes_N)).tolist()
    return [
        reading_of(log_p_TC, charset, classes, [frames for _, frames in written], confidence, review_below=review_below)
        for log_p_TC, classes, written, confidence in zip(
            log_probabilities_NTC, classes_N, written_N, confidence_N, strict=True
        )
    ]


def _written(best_T: np.ndarray, begins_T: np.ndarray) -> list[tuple[int, tuple[int, int]]]:
    """The classes that a path writes, each with its frames (start, end), given where another class begins."""
    starts = np.flatnonzero(begins_T).tolist()
    ends = [*starts[1:], len(best_T)][: len(starts)]
    runs = zip(best_T[starts].tolist(), starts, ends, strict=True)
    return [(c, (start, end)) for c, start, end in runs if c != BLANK]


def reading_of(
    log_probabilities_TC: np.ndarray,
    charset: Charset,
    classes: Sequence[int],
    frames: Sequence[tuple[int, int]],
    confidence: float,
    alternatives: Sequence[tuple[str, float]] = (),
    review_below: float = 0.0,
) -> Reading:
    """Return a reading of `classes`, each on its `frames` (start, end), the end behind the last."""
    text, places = charset.written(classes)
    in_order = [(classes[place], *frames[place]) for place in places]
    characters = tuple(
        # of a list: it is a frame or two, on which numpy's own maximum takes ten times as long
        Character(character, exp(max(log_probabilities_TC[start:end, c].tolist())), start, end)
        for character, (c, start, end) in zip(text, in_order, strict=True)
    )
    review = confidence < review_below
    n_frames = len(log_probabilities_TC)
    return Reading(text, confidence, characters, tuple(alternatives), review, n_frames, tuple(classes))


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
