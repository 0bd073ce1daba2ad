"""Degradation by a camera of a picture, uint8 (H, W): motion, a lens out of focus, too few pixels.

Pure functions; the canvas never changes size.
"""

import math
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from distill.data.augment import Pixels

_STEPS = 16  # kernels a turn and a pixel: their number stays small, so that they are made once


def motion_blurred(picture: Pixels, length_px: float, turn: float) -> Pixels:
    """Smear the picture along a straight stretch of `length_px`, whose direction is `turn` (0 to 1) of a half turn."""
    return _filtered(picture, _streak(round(length_px * _STEPS), round(turn * _STEPS)))


def defocused(picture: Pixels, radius_px: float) -> Pixels:
    """Make every point a disc of `radius_px`: a lens out of focus."""
    return _filtered(picture, _disc(round(radius_px * _STEPS)))


def from_afar(picture: Pixels, height_px: float) -> Pixels:
    """Scale down to `height_px` and back; a picture that is no higher stays as it is."""
    height, width = picture.shape
    low = round(height_px)
    if low >= height:
        return picture
    small = cv2.resize(picture, (max(1, round(width * low / height)), low), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def _filtered(picture: Pixels, kernel: NDArray[np.float32]) -> Pixels:
    return np.asarray(cv2.filter2D(picture, -1, kernel, borderType=cv2.BORDER_REPLICATE), np.uint8)


@lru_cache(maxsize=1024)
def _streak(length: int, turn: int) -> NDArray[np.float32]:
    half, angle = length / _STEPS / 2, math.pi * turn / _STEPS
    x, y = _grid(half)
    along = np.clip(x * math.cos(angle) + y * math.sin(angle), -half, half)
    off = np.hypot(x - along * math.cos(angle), y - along * math.sin(angle))
    return _normal(np.clip(1 - off, 0, 1))


@lru_cache(maxsize=1024)
def _disc(radius: int) -> NDArray[np.float32]:
    x, y = _grid(radius / _STEPS)
    return _normal(np.clip(radius / _STEPS + 0.5 - np.hypot(x, y), 0, 1))


def _grid(reach_px: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    side = np.arange(-math.ceil(reach_px) - 1, math.ceil(reach_px) + 2, dtype=np.float64)
    return side[None, :], side[:, None]


def _normal(kernel: NDArray[np.float64]) -> NDArray[np.float32]:
    return (kernel / kernel.sum()).astype(np.float32)
