"""From a page to the tensor that a locator sees: one object for training, reading and export."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field

STRIDE_PX = 4  # a pixel of a locator's maps is so many pixels of the prepared page, each way


class PreparedPage(NamedTuple):
    """A page as a locator sees it. Coordinates on it, times `scale_xy`, are those of the page."""

    tensor_CHW: np.ndarray  # float32, padded at the right and below
    size_px: tuple[int, int]  # width and height without the padding
    scale_xy: tuple[float, float]


class PagePreparation(BaseModel):
    """How a page becomes a tensor; equal in training, evaluation, reading and export."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pixels: int = Field(800_000, ge=10_000, le=40_000_000, description="a page is scaled to about so many pixels")
    enlarge: float = Field(2.0, ge=1, le=8, description="but enlarged at most by so much, each way")
    quantum_px: int = Field(
        32, ge=32, le=256, multiple_of=32, description="sides are padded to multiples; 32 is a locator's deepest stride"
    )
    channels: Literal[1, 3] = Field(1, description="1: grey, 3: RGB")
    padding_value: int = Field(255, ge=0, le=255, description="pixel value of the padding at the right and below")
    mean: float = Field(127.5, description="subtracted from every pixel")
    std: float = Field(127.5, gt=0, description="divides every pixel after the mean is subtracted")

    def scaled_size_px(self, width: int, height: int) -> tuple[int, int]:
        """Return width and height of a page once it is scaled, before padding: a function of its size alone."""
        scale = min(math.sqrt(self.pixels / (width * height)), self.enlarge)
        return max(1, round(width * scale)), max(1, round(height * scale))

    def prepare(self, page_HWC: np.ndarray) -> PreparedPage:
        """Scale, pad and normalise a page, uint8 (H, W) or (H, W, 3) RGB."""
        height, width = page_HWC.shape[:2]
        scaled_px = self.scaled_size_px(width, height)
        return PreparedPage(
            self.to_tensor(self.scale(page_HWC)), scaled_px, (width / scaled_px[0], height / scaled_px[1])
        )

    def in_channels(self, page_HWC: np.ndarray) -> np.ndarray:
        """Return a page, uint8 (H, W) or (H, W, 3) RGB, as (H, W) for one channel and (H, W, 3) for three."""
        if self.channels == 1 and page_HWC.ndim == 3:
            return np.asarray(cv2.cvtColor(page_HWC, cv2.COLOR_RGB2GRAY))
        if self.channels == 3 and page_HWC.ndim == 2:
            return np.asarray(cv2.cvtColor(page_HWC, cv2.COLOR_GRAY2RGB))
        return page_HWC

    def scale(self, page_HWC: np.ndarray) -> np.ndarray:
        """Return a page as uint8 (h, w, channels) of its scaled size."""
        height, width = page_HWC.shape[:2]
        page_HWC = self.in_channels(page_HWC)
        size_px = self.scaled_size_px(width, height)
        if size_px != (width, height):
            smaller = size_px[0] < width
            page_HWC = cv2.resize(page_HWC, size_px, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
        return page_HWC.reshape(size_px[1], size_px[0], self.channels)

    def to_tensor(self, scaled_HWC: np.ndarray) -> np.ndarray:
        """Return a scaled page, uint8 (h, w, channels), as a padded, normalised float32 array (channels, H, W)."""
        height, width, channels = scaled_HWC.shape
        quantum = self.quantum_px
        padded = (channels, -(-height // quantum) * quantum, -(-width // quantum) * quantum)
        tensor_CHW = np.full(padded, self.padding_value, np.float32)
        tensor_CHW[:, :height, :width] = scaled_HWC.transpose(2, 0, 1)
        tensor_CHW -= self.mean
        tensor_CHW /= self.std
        return tensor_CHW
