"""Pictures of lines that stand upright: when one is turned before it is read or learnt, and which reading is kept.

A picture more than `TALL` times as high as wide is read by `turned` of the preparation in a model file: as it stands
(`never`), a quarter against the clock, so that text which runs down runs to the right (`tall`), or as it stands and a
quarter either way, of which the surest is kept (`surer`). Unless it is `never`, training turns such a picture against
the clock, but for one whose text has one character.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, Protocol, TypeVar

import numpy as np

TALL = 1.5  # height over width
AS_IT_STANDS, AGAINST_THE_CLOCK, WITH_THE_CLOCK = 0, 1, 3  # quarter turns, counted against the clock
Turned = Literal["never", "tall", "surer"]
WAYS: Mapping[Turned, tuple[int, ...]] = {  # in which a tall picture is read
    "never": (AS_IT_STANDS,),
    "tall": (AGAINST_THE_CLOCK,),
    "surer": (AS_IT_STANDS, AGAINST_THE_CLOCK, WITH_THE_CLOCK),
}


class Sure(Protocol):
    """A reading, and how sure it is."""

    @property
    def text(self) -> str: ...
    @property
    def confidence(self) -> float: ...


R = TypeVar("R", bound=Sure)


def is_tall(height: int, width: int) -> bool:
    """Return whether a picture may hold text that runs up or down."""
    return height > TALL * width


def ways_to_read(turned: Turned, height: int, width: int) -> tuple[int, ...]:
    """Return the quarter turns against the clock after which a picture of that size in pixels is read."""
    return WAYS[turned] if is_tall(height, width) else (AS_IT_STANDS,)


def way_to_learn(turned: Turned, height: int, width: int, text: str | None) -> int:
    """Return the quarter turns after which a picture is learnt with its text (None: unlabelled) in NFC."""
    turns = turned != "never" and is_tall(height, width) and (text is None or len(text) > 1)
    return AGAINST_THE_CLOCK if turns else AS_IT_STANDS


def after(quarters: int, pixels: np.ndarray) -> np.ndarray:
    """Return pixels (H, W) or (H, W, channels) after so many quarter turns against the clock."""
    return np.ascontiguousarray(np.rot90(pixels, quarters)) if quarters else pixels


def size_after(quarters: int, height: int, width: int) -> tuple[int, int]:
    """Return height and width of a picture after so many quarter turns."""
    return (width, height) if quarters % 2 else (height, width)


def sureness(confidence: float, n_characters: int) -> float:
    """Return what readings of one picture are compared by: the confidence of the text, a character on average.

    P(text | line) falls with every character, so that a short text would win by its length; no text says nothing.
    """
    return confidence ** (1 / n_characters) if n_characters else 0.0


def surest(readings: Iterable[R]) -> R:
    """Return the reading of the highest `sureness`, the first of equal ones."""
    return max(readings, key=lambda reading: sureness(reading.confidence, len(reading.text)))
