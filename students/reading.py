"""What a reader gives for a line: its text, how sure it is of that, and where each character stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp
from typing import NamedTuple

import numpy as np

from students.charset import Charset
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


class WrittenClass(NamedTuple):
    """A class that is written, its frames, `end` not included, and the highest log-posterior that it has on them."""

    c: int
    start: int
    end: int
    log_p: float


def runs_on(
    log_probabilities_TC: np.ndarray, classes: Sequence[int], frames: Sequence[tuple[int, int]]
) -> list[WrittenClass]:
    """Return `classes`, each on its `frames` (start, end), the end behind the last."""
    return [
        WrittenClass(c, start, end, max(log_probabilities_TC[start:end, c].tolist()))
        for c, (start, end) in zip(classes, frames, strict=True)
    ]


def reading_of(
    written: Sequence[WrittenClass],
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
