"""Whether a page stands on its head: its lines are read with more confidence once they are turned by 180 degrees.

A locator finds the lines of such a page as well as those of an upright one, and the recogniser reads nonsense, of
which it is hardly sure: 0.03 to 0.07 on receipts that are read with 0.6 to 0.9 once they are turned.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from students.errors import DataError
from students.reader import Reader
from students.reading import Reading

UNSURE = 0.4  # mean confidence of a page that is looked at again
LINES = 12  # the longest of the page, which are read again
LEAST = 3  # lines, and characters of each: fewer tell nothing
SURER = 0.1  # by which turned lines are read with more confidence on average


def stands_on_its_head(
    cuts: Sequence[np.ndarray], readings: Sequence[Reading | DataError], recogniser: Reader, batch_size: int
) -> bool:
    """Return whether the lines of a page, uint8 (H, W) or (H, W, 3), with their readings, were read upside down.

    Of a page that was read with little confidence the longest lines are read again, turned; most of them, and their
    mean, have to come out surer.
    """
    longest = [i for i, reading in enumerate(readings) if _tells(reading)]
    longest = sorted(longest, key=lambda i: cuts[i].shape[1] / cuts[i].shape[0])[-LINES:]
    if len(longest) < LEAST or _mean([readings[i] for i in longest]) >= UNSURE:
        return False
    turned = recogniser.read_each([np.ascontiguousarray(cuts[i][::-1, ::-1]) for i in longest], batch_size)
    pairs = [(readings[i], again) for i, again in zip(longest, turned, strict=True) if _tells(again)]
    if len(pairs) < LEAST:
        return False
    before, after = zip(*pairs, strict=True)
    n_surer = sum(_mean([again]) > _mean([reading]) for reading, again in pairs)
    return n_surer > len(pairs) / 2 and _mean(after) - _mean(before) > SURER


def _tells(reading: Reading | DataError) -> bool:
    return not isinstance(reading, DataError) and len(reading.text) >= LEAST


def _mean(readings: Sequence[Reading | DataError]) -> float:
    return float(np.mean([reading.confidence for reading in readings if not isinstance(reading, DataError)]))
