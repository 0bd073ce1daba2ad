"""Augmentation of a training line: one warp, then light, blur, noise, compression.

The canvas never changes size, as batches are formed by width before. What leaves the canvas is lost, so the
geometry is mild, and what enters it has the median colour of the border.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

Pixels = NDArray[np.uint8]
Share = Annotated[float, Field(ge=0, le=1)]

_N_UNIFORM = 32
_N_GEOMETRY = 12  # the first numbers place the characters, the others change light, sharpness and noise
_NOISE_POOL_SIZE = 1 << 20
_MAX_RISE = 0.1  # of the height: how far a rotation may lift the end of a line


class Augment(BaseModel):
    """What may happen to a training line; all zeros leave it as it is."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    probability: Share = Field(default=0.6, description="probability that a line's geometry is changed at all")
    rotation_deg: float = Field(default=1.0, ge=0, le=15, description="largest rotation; less for long lines")
    shrink_x: float = Field(default=0.1, ge=0, le=0.5, description="largest horizontal shrinking, share of the width")
    shrink_y: float = Field(default=0.1, ge=0, le=0.5, description="largest vertical shrinking, share of the height")
    shear: float = Field(default=0.12, ge=0, le=0.6, description="largest slant: sideways shift per height")
    perspective: float = Field(
        default=0.08, ge=0, le=0.4, description="largest narrowing of one end, share of the height"
    )
    crop_jitter: float = Field(default=0.04, ge=0, le=0.3, description="largest shift, share of the height")
    contrast: float = Field(default=0.25, ge=0, le=0.9, description="largest relative change of contrast")
    brightness: float = Field(default=0.1, ge=0, le=0.5, description="largest change of brightness, share of white")
    invert_probability: Share = Field(default=0.0, description="probability of swapping light and dark")
    blur_probability: Share = Field(default=0.2, description="probability of a Gaussian blur")
    blur_sigma_px: float = Field(default=0.9, ge=0, le=5, description="largest sigma of the blur")
    noise_probability: Share = Field(default=0.2, description="probability of Gaussian noise")
    noise_sigma: float = Field(default=10.0, ge=0, le=80, description="largest sigma of the noise, in grey levels")
    jpeg_probability: Share = Field(default=0.1, description="probability of a JPEG compression")
    erase_probability: Share = Field(default=0.0, description="probability, twice, of a stripe that hides everything")
    erase_width: float = Field(default=0.3, ge=0, le=2, description="largest width of the stripe, share of the height")
    jpeg_quality: tuple[int, int] = Field(default=(35, 85), description="lowest and highest JPEG quality")
    flip_horizontal: Share = Field(default=0.0, description="probability of mirroring; needs force_flips")
    flip_vertical: Share = Field(default=0.0, description="probability of turning upside down; needs force_flips")
    force_flips: bool = Field(default=False, description="allow flips although mirrored text reads as other text")

    @model_validator(mode="after")
    def _sensible(self) -> "Augment":
        if self._flips and not self.force_flips:
            raise ValueError(
                "flips are refused: mirrored text reads as other text (b as d, p as q), so labels would be "
                "wrong; set the flips to 0, or force_flips to true if the labels stay right in your script"
            )
        low, high = self.jpeg_quality
        if not 1 <= low <= high <= 100:
            raise ValueError(f"jpeg_quality {low}, {high} must be a rising pair within 1 to 100")
        return self

    @property
    def changes_nothing(self) -> bool:
        """Return whether every view of a line is the line itself."""
        light = self.contrast or self.brightness
        noise = self.blur_probability or self.noise_probability or self.jpeg_probability
        return not (self.probability or light or noise or self.erase_probability or self._flips)

    @property
    def _flips(self) -> float:
        return self.flip_horizontal or self.flip_vertical


@dataclass(frozen=True)
class AugmentPlan:
    """The augmentation of one line, in this order: `apply_plan` carries it out here, `device_augment` on a device."""

    matrix: NDArray[np.float64] | None = None  # (3, 3), from the line's pixels to where they go; None: they stay
    mirrored: bool = False
    upside_down: bool = False
    gain: float = 1.0
    offset: float = 0.0
    blur_sigma_px: float = 0.0
    noise_sigma: float = 0.0
    noise_place: float = 0.0  # share (0 to 1) of the way through the pool of noise
    jpeg_quality: int | None = None
    stripes: tuple[tuple[int, int], ...] = ()  # columns that are hidden: first, and first no more


def augment(image: Pixels, config: Augment, generator: torch.Generator) -> Pixels:
    """Return an augmented copy of one line (H, W) or (H, W, C), of the same shape; a pure function of its arguments."""
    height, width = image.shape[:2]
    return apply_plan(sample_plan(height, width, config, generator), image)


def sample_plan(
    height: int, width: int, config: Augment, generator: torch.Generator, other: torch.Generator | None = None
) -> AugmentPlan:
    """Sample the plan of a line of `height` x `width` pixels.

    Where `other` is given, everything but the geometry is sampled from it: another view of the same geometry.
    """
    uniform = torch.rand(_N_UNIFORM, generator=generator).tolist()
    if other is not None:
        uniform[_N_GEOMETRY:] = torch.rand(_N_UNIFORM, generator=other).tolist()[_N_GEOMETRY:]
    gain, offset = _light(config, uniform[12:15])
    blurred = uniform[15] < config.blur_probability
    noisy = uniform[17] < config.noise_probability
    return AugmentPlan(
        _warp(height, width, config, uniform[1:10]) if uniform[0] < config.probability else None,
        uniform[10] < config.flip_horizontal,
        uniform[11] < config.flip_vertical,
        gain,
        offset,
        config.blur_sigma_px * uniform[16] if blurred else 0.0,
        config.noise_sigma * uniform[18] if noisy else 0.0,
        uniform[19],
        int(between(config.jpeg_quality, uniform[21])) if uniform[20] < config.jpeg_probability else None,
        tuple(
            _stripe(place * width, share * config.erase_width * height / 2)
            for erased, place, share in (uniform[22:25], uniform[25:28])
            if erased < config.erase_probability
        ),
    )


def apply_plan(plan: AugmentPlan, image: Pixels) -> Pixels:
    """Return a copy of the line, uint8 (H, W) or (H, W, C), augmented by the plan."""
    if plan.matrix is not None:
        image = _warped(image, plan.matrix)
    if plan.mirrored:
        image = np.ascontiguousarray(image[:, ::-1])
    if plan.upside_down:
        image = np.ascontiguousarray(image[::-1])
    if plan.gain != 1 or plan.offset != 0:
        middle = plan.gain * (float(image.min()) + float(image.max())) / 2 + plan.offset
        offset = plan.offset + min(max(middle, 0.0), 255.0) - middle  # at least half of the contrast is not clipped
        table = np.clip(np.arange(256) * plan.gain + offset, 0, 255).astype(np.uint8)
        image = _pixels(cv2.LUT(image, table), image)
    image = blur(image, plan.blur_sigma_px)
    if plan.noise_sigma:
        image = add_noise(image, plan.noise_sigma, plan.noise_place)
    if plan.jpeg_quality is not None:
        image = compress(image, plan.jpeg_quality)
    image = image.copy()
    for first, end in plan.stripes:
        image[:, first:end] = _border_median(image)
    return image


def between(bounds: tuple[float, float], share: float) -> float:
    """Return the value a `share` (0 to 1) of the way from the lower to the upper bound."""
    low, high = bounds
    return low + (high - low) * share


def blur(image: Pixels, sigma_px: float) -> Pixels:
    """Return a Gaussian blur; below a tenth of a pixel nothing changes."""
    return _pixels(cv2.GaussianBlur(image, (0, 0), sigma_px), image) if sigma_px >= 0.1 else image


def add_noise(image: Pixels, sigma: float, share: float) -> Pixels:
    """Add Gaussian noise of `sigma` grey levels; `share` (0 to 1) picks its place in a pool: sampling is slow."""
    pool = noise_pool()
    start = int(share * max(pool.size - image.size, 1))
    noise = pool[start : start + image.size] if image.size <= pool.size else np.resize(pool, image.size)
    noisy = cv2.add(image, noise.reshape(image.shape) * np.float32(sigma), dtype=cv2.CV_8U)
    return _pixels(noisy, image)


def compress(image: Pixels, quality: float) -> Pixels:
    """Return the image after JPEG compression with `quality` from 1 to 100."""
    _, data = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, int(quality)))
    return _pixels(cv2.imdecode(data, cv2.IMREAD_UNCHANGED), image)


def rotation_limit_deg(width: float, height: float, limit_deg: float) -> float:
    """Return the largest rotation up to `limit_deg` that lifts an end of a line by a tenth of its height at most."""
    return min(limit_deg, math.degrees(math.atan2(2 * _MAX_RISE * height, width)))


def _warp(height: int, width: int, config: Augment, uniform: list[float]) -> NDArray[np.float64] | None:
    signed = [2 * value - 1 for value in uniform]
    angle = np.radians(signed[0] * rotation_limit_deg(width, height, config.rotation_deg))
    scale_x, scale_y = 1 - config.shrink_x * uniform[1], 1 - config.shrink_y * uniform[2]
    shear = config.shear * signed[3]
    # The room that shrinking leaves is shared out at random, then the content is shifted by the jitter.
    jitter = config.crop_jitter * height
    shift_x = (1 - scale_x) * width / 2 * signed[4] + jitter * signed[5]
    shift_y = (1 - scale_y) * height / 2 * signed[6] + jitter * signed[7]
    cos, sin = np.cos(angle), np.sin(angle)
    linear = np.array([[cos, -sin], [sin, cos]]) @ np.array([[scale_x, shear * scale_y], [0, scale_y]])
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    affine = np.column_stack([linear, centre + np.array([shift_x, shift_y]) - linear @ centre])
    tilt = config.perspective * signed[8]
    if not tilt and np.allclose(affine, np.eye(2, 3)):
        return None
    whole = np.vstack([affine, [0, 0, 1]])
    return _tilt(tilt, width, height) @ whole if tilt else whole


def _warped(image: Pixels, matrix: NDArray[np.float64]) -> Pixels:
    height, width = image.shape[:2]
    fill = _border_median(image)
    if np.array_equal(matrix[2], (0, 0, 1)):
        return _pixels(cv2.warpAffine(image, matrix[:2], (width, height), borderValue=fill), image)
    return _pixels(cv2.warpPerspective(image, matrix, (width, height), borderValue=fill), image)


def _stripe(centre: float, half: float) -> tuple[int, int]:
    return max(0, round(centre - half)), round(centre + half)


def _tilt(tilt: float, width: int, height: int) -> NDArray[np.float64]:
    """A perspective that makes one end lower by the share `tilt` and moves no corner outwards."""
    left, right = max(tilt, 0) * height / 2, max(-tilt, 0) * height / 2
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    moved = corners + np.array([[0, left], [0, right], [0, -right], [0, -left]], np.float32)
    return np.asarray(cv2.getPerspectiveTransform(corners, moved), np.float64)


def _border_median(image: Pixels) -> tuple[float, ...]:
    border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    middle = len(border) // 2
    return tuple(float(value) for value in np.atleast_1d(np.partition(border, middle, axis=0)[middle]))


def _light(config: Augment, uniform: list[float]) -> tuple[float, float]:
    """Contrast about the middle grey, brightness and inversion: gain and offset of every pixel."""
    gain = 1 + config.contrast * (2 * uniform[0] - 1)
    offset = 127.5 * (1 - gain) + 255 * config.brightness * (2 * uniform[1] - 1)
    return (-gain, 255 - offset) if uniform[2] < config.invert_probability else (gain, offset)


@lru_cache(maxsize=1)
def noise_pool() -> NDArray[np.float32]:
    """Return standard normal numbers, the same in every process, of which noise takes a stretch."""
    return np.random.default_rng(20260101).standard_normal(_NOISE_POOL_SIZE, dtype=np.float32)


def _pixels(array: Any, like: Pixels) -> Pixels:
    """An OpenCV result as 8-bit pixels of the shape of `like`: OpenCV drops a channel axis of one."""
    return np.asarray(array, dtype=np.uint8).reshape(like.shape)
