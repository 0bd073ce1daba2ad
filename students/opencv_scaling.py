"""Scaling as PaddleOCR and its followers do it: OpenCV's bilinear filter without anti-aliasing, on numpy alone.

Texts of such models change with the filter and with one pixel of width, so both are followed.
"""

from __future__ import annotations

import math

import numpy as np

BITS = 11  # OpenCV's fixed point of a weight


def scaled_width_px(height: int, width: int, height_px: int, least_width_px: int) -> int:
    """Return the width of a `height` x `width` line at `height_px`, rounded up within the least width, else down."""
    exact = width * height_px / height
    return max(1, math.ceil(exact) if math.ceil(exact) <= least_width_px else int(exact))


def scaled(image_HWC: np.ndarray, height_px: int, width_px: int) -> np.ndarray:
    """Return a uint8 image (H, W, channels) as (height_px, width_px, channels), to a level or less of `cv2.resize`."""
    (top, bottom, down), (left, right, along) = (
        _neighbours(n, wanted) for n, wanted in zip(image_HWC.shape[:2], (height_px, width_px), strict=True)
    )
    levels = image_HWC.astype(np.int32)
    rows = levels[:, left] * (2**BITS - along)[:, None] + levels[:, right] * along[:, None]
    rows >>= 4
    down = down[:, None, None]
    return ((((rows[top] * (2**BITS - down)) >> 16) + ((rows[bottom] * down) >> 16) + 2) >> 2).astype(np.uint8)


def _neighbours(n: int, wanted: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of every pixel wanted: the numbers of the two it lies between, and the weight of the second in fixed point."""
    place = np.clip((np.arange(wanted) + 0.5) * (n / wanted) - 0.5, 0, n - 1)
    first = np.floor(place).astype(np.int32)
    weight = np.rint((place - first) * 2**BITS).astype(np.int32)
    return first, np.minimum(first + 1, n - 1), weight
