"""What a locator says of every place of a page, at a quarter of its size.

The core of a line is the line shrunk by `SHRINK` x its height on all four sides (at its ends by `SHRINK` x its length,
where it is shorter than high), so that the cores of touching lines lie apart. There the maps tell how far the edges
are: a line comes back from its core across it by these distances, along it by what `end_inset` took.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

SHRINK = 0.25  # of a line's height, on each side
CHANNELS = 5  # of a locator's output, in the order of `Maps`


def end_inset(length_N: np.ndarray, height_N: np.ndarray) -> np.ndarray:
    """Return how far inside either end of lines their cores end, in the units of their lengths and heights."""
    return SHRINK * np.minimum(length_N, height_N)


def length_of(core_length_N: np.ndarray, height_N: np.ndarray) -> np.ndarray:
    """Return the lengths of lines from those of their cores: what `end_inset` took is given back."""
    return np.minimum(core_length_N + 2 * SHRINK * height_N, core_length_N / (1 - 2 * SHRINK))


class Maps(NamedTuple):
    """The maps of one page, float32 (H, W), a quarter of the prepared page each way.

    Distances count pixels of the prepared page, along the normal of the line. The direction of the text is a unit
    vector (cosine, sine) with y downwards: (1, 0) for a level line. Outside cores only `core` means something.
    """

    core: np.ndarray  # logit of: this pixel belongs to the core of a line
    above: np.ndarray  # distance to the upper edge
    below: np.ndarray  # distance to the lower edge
    cosine: np.ndarray
    sine: np.ndarray

    @classmethod
    def of_output(cls, output_CHW: np.ndarray) -> Maps:
        """Return the maps that a locator's output (5, H, W) holds; the direction is brought to length 1."""
        core, above, below, cosine, sine = output_CHW
        length = np.maximum(np.hypot(cosine, sine), 1e-6)
        return cls(core, above, below, cosine / length, sine / length)
