"""A crop of a page to learn from: which part of it, how it lies there, and in what light. Corners follow exactly.

A plan is sampled first, as a function of a generator; `carry_out` makes the crop. Coordinates are those of
`MarkedLine`: edges of pixels are whole numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from pydantic import Field, model_validator

from distill.data.augment import AugmentPlan, Share, apply_plan, between
from distill.schema import Section

_N_UNIFORM = 48
_SHADE_SIDE = 3  # uneven light is a grid of so many values each way, with curves between
_REDUCED_BELOW = 0.75  # a page that becomes smaller than that is reduced by its area first, so that nothing flickers
_AROUND_PX = 4  # what is reduced reaches so far around a crop


class PageAugment(Section):
    """What may happen to a page before a crop of it is learnt; zeros, and a scale of 1, leave it as it is."""

    scale: tuple[float, float] = Field(
        (0.6, 1.7), description="range of a page's size, times that it is prepared to; sampled in its logarithm"
    )
    line_height_px: tuple[float, float] = Field(
        (8.0, 60.0), description="what the median height of a page's lines is kept within, whatever the scale"
    )
    stretch: float = Field(0.1, ge=0, le=0.5, description="largest relative change of the width against the height")
    rotation_deg: float = Field(3.0, ge=0, le=45, description="largest rotation")
    shear: float = Field(0.03, ge=0, le=0.5, description="largest slant: sideways shift per height")
    perspective: float = Field(
        0.04, ge=0, le=0.4, description="how much larger or smaller an edge of the crop may be than its middle"
    )
    turn_probability: Share = Field(0.0, description="probability of a page turned by 90, 180 or 270 degrees")
    on_line_probability: Share = Field(0.7, description="probability that a crop is laid around a line, not anywhere")
    border_probability: Share = Field(
        0.5, description="probability that what lies beyond the page is of the colour of its border, not padding"
    )
    contrast: float = Field(0.25, ge=0, le=0.9, description="largest relative change of contrast")
    brightness: float = Field(0.1, ge=0, le=0.5, description="largest change of brightness, share of white")
    shade_probability: Share = Field(0.3, description="probability of uneven light")
    shade: float = Field(0.25, ge=0, le=0.9, description="largest share of the light that is lost or gained somewhere")
    invert_probability: Share = Field(0.02, description="probability of swapping light and dark")
    blur_probability: Share = Field(0.2, description="probability of a Gaussian blur")
    blur_sigma_px: float = Field(1.2, ge=0, le=5, description="largest sigma of the blur")
    noise_probability: Share = Field(0.2, description="probability of Gaussian noise")
    noise_sigma: float = Field(12.0, ge=0, le=80, description="largest sigma of the noise, in grey levels")
    jpeg_probability: Share = Field(0.2, description="probability of a JPEG compression")
    jpeg_quality: tuple[int, int] = Field((30, 90), description="lowest and highest JPEG quality")

    @model_validator(mode="after")
    def _rising(self) -> PageAugment:
        bounds = {"scale": (0.1, 10), "line_height_px": (1, 1000), "jpeg_quality": (1, 100)}
        for name, (least, most) in bounds.items():
            low, high = getattr(self, name)
            if not least <= low <= high <= most:
                raise ValueError(f"{name} {low}, {high} must be a rising pair within {least} to {most}")
        return self


@dataclass(frozen=True)
class PageToCrop:
    """What a crop is taken of: the size of the page in pixels, the size that it is prepared to, its lines' corners."""

    size_px: tuple[int, int]
    prepared_px: tuple[int, int]
    corners_N42: np.ndarray


@dataclass(frozen=True)
class CropPlan:
    """A crop of `side_px` each way. `matrix_33`: from the page's pixels to the crop's, by `scale` in its middle.

    `shade_33`: the light at nine places, 1 where it is as it was; None: everywhere.
    """

    side_px: int
    matrix_33: np.ndarray
    scale: float
    padded: bool  # whether what lies beyond the page is padding
    shade_33: np.ndarray | None
    light: AugmentPlan

    def moved(self, points_P2: np.ndarray) -> np.ndarray:
        """Return where points (..., 2) of the page lie in the crop."""
        if not points_P2.size:
            return points_P2
        return cv2.perspectiveTransform(points_P2.reshape(1, -1, 2), self.matrix_33).reshape(points_P2.shape)


def sample_crop(page: PageToCrop, side_px: int, config: PageAugment, generator: torch.Generator) -> CropPlan:
    """Sample a crop of a page, and what happens to it: a pure function of its arguments."""
    uniform = torch.rand(_N_UNIFORM, generator=generator, dtype=torch.float64).tolist()
    scaled_33 = _scale(page, config, uniform[0], 2 * uniform[1] - 1)
    return CropPlan(
        side_px,
        _matrix(page, scaled_33, side_px, config, uniform[2:16]),
        math.sqrt(scaled_33[0, 0] * scaled_33[1, 1]),
        uniform[16] >= config.border_probability,
        _shade(config, uniform[24:34]),
        _light(config, uniform[34:44]),
    )


def carry_out(plan: CropPlan, page_HWC: np.ndarray, border: Sequence[float], padding_value: int) -> np.ndarray:
    """Return the crop of a page, uint8 (H, W, channels), of which `border` is the colour of its edge."""
    crop_HWC = _warped(page_HWC, plan, border)
    if plan.shade_33 is not None:
        crop_HWC = _shaded(crop_HWC, plan.shade_33)
    crop_HWC = apply_plan(plan.light, crop_HWC)
    if plan.padded:
        height, width = page_HWC.shape[:2]
        outline_42 = plan.moved(np.array([(0, 0), (width, 0), (width, height), (0, height)], float))
        page_HW = cv2.fillConvexPoly(
            np.zeros(crop_HWC.shape[:2], np.uint8), np.round(outline_42 - 0.5).astype(np.int32), 1
        )
        crop_HWC[page_HW == 0] = padding_value
    return crop_HWC


def border_colour(page_HWC: np.ndarray) -> tuple[float, ...]:
    """Return the median colour of the edge of a page."""
    edge = np.concatenate([page_HWC[0], page_HWC[-1], page_HWC[:, 0], page_HWC[:, -1]])
    return tuple(float(level) for level in np.median(edge, axis=0))


def _matrix(
    page: PageToCrop, scaled_33: np.ndarray, side_px: int, config: PageAugment, uniform: Sequence[float]
) -> np.ndarray:
    """From the page's pixels to the crop's: scaled, turned, laid, and then rotated about the crop's middle."""
    turn_33, size_px = _turn(page, scaled_33, uniform[1] if uniform[0] < config.turn_probability else None)
    placed_33 = turn_33 @ scaled_33
    if len(page.corners_N42) and uniform[2] < config.on_line_probability:
        line_42 = page.corners_N42[int(uniform[3] * len(page.corners_N42))]
        left, right = line_42[[0, 3]].mean(0), line_42[[1, 2]].mean(0)
        place = _apply(placed_33, left + uniform[4] * (right - left))
        wanted = [(0.1 + 0.8 * share) * side_px - at for share, at in zip(uniform[5:7], place, strict=True)]
        ends = [sorted((0.0, side_px - extent)) for extent in size_px]  # no more beyond the page than there must be
        begin_px = [min(max(at, low), high) for at, (low, high) in zip(wanted, ends, strict=True)]
    else:
        begin_px = [share * (side_px - extent) for share, extent in zip(uniform[5:7], size_px, strict=True)]
    middle = side_px / 2
    laid_33 = _shift(begin_px[0] - middle, begin_px[1] - middle) @ placed_33
    corners = [(0, 0), (page.size_px[0], 0), page.size_px, (0, page.size_px[1])]
    reach_px = max(math.hypot(*_apply(laid_33, corner)) for corner in corners)
    tilt_33 = _tilt(config, [2 * share - 1 for share in uniform[7:11]], 2 / side_px, 0.5 / reach_px)
    matrix_33 = _shift(middle, middle) @ tilt_33 @ laid_33
    return np.asarray(matrix_33 / matrix_33[2, 2])


def _scale(page: PageToCrop, config: PageAugment, share: float, signed: float) -> np.ndarray:
    """From the page's pixels to those of the page at the scale of the crop."""
    low, high = config.scale
    scale = low * (high / low) ** share
    across, down = (prepared / size for prepared, size in zip(page.prepared_px, page.size_px, strict=True))
    if len(page.corners_N42):
        sides_N22 = page.corners_N42[:, [3, 2]] - page.corners_N42[:, [0, 1]]
        height_px = float(np.median(np.hypot(*np.moveaxis(sides_N22 * (across, down), -1, 0)).mean(1)))
        least, most = (bound / max(height_px, 1e-3) for bound in config.line_height_px)
        scale = min(max(scale, least), most)
    stretch = (1 + config.stretch) ** (signed / 2)
    return np.diag([scale * across * stretch, scale * down / stretch, 1.0])


def _turn(page: PageToCrop, scaled_33: np.ndarray, share: float | None) -> tuple[np.ndarray, tuple[float, float]]:
    """A turn of the scaled page by one to three quarters onto the positive pixels, and its size then; None: no turn."""
    width, height = page.size_px[0] * scaled_33[0, 0], page.size_px[1] * scaled_33[1, 1]
    if share is None:
        return np.eye(3), (width, height)
    match int(3 * share):
        case 0:
            return np.array([[0, -1, height], [1, 0, 0], [0, 0, 1.0]]), (height, width)
        case 1:
            return np.array([[-1, 0, width], [0, -1, height], [0, 0, 1.0]]), (width, height)
        case _:
            return np.array([[0, 1, 0], [-1, 0, width], [0, 0, 1.0]]), (height, width)


def _tilt(config: PageAugment, signed: Sequence[float], of_crop: float, most: float) -> np.ndarray:
    """Slant, rotation and perspective about the origin; `most` of a perspective keeps the page before the horizon."""
    angle = math.radians(config.rotation_deg * signed[0])
    cosine, sine = math.cos(angle), math.sin(angle)
    slant_33 = np.array([[1, config.shear * signed[1], 0], [0, 1, 0], [0, 0, 1]])
    rotation_33 = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
    far = min(config.perspective * of_crop, most) / math.sqrt(2)
    return np.array([[1, 0, 0], [0, 1, 0], [far * signed[2], far * signed[3], 1]]) @ rotation_33 @ slant_33


def _shift(right: float, down: float) -> np.ndarray:
    return np.array([[1, 0, right], [0, 1, down], [0, 0, 1.0]])


def _apply(matrix_33: np.ndarray, point: Sequence[float] | np.ndarray) -> list[float]:
    x, y, w = (matrix_33 @ (*point, 1.0)).tolist()
    return [x / w, y / w]


def _warped(page_HWC: np.ndarray, plan: CropPlan, border: Sequence[float]) -> np.ndarray:
    """The crop of a page. OpenCV counts the centres of pixels, we count their edges: half a pixel between."""
    side, matrix_33 = plan.side_px, plan.matrix_33
    if plan.scale < _REDUCED_BELOW:
        page_HWC, matrix_33 = _reduced(page_HWC, matrix_33, side, plan.scale)
    centred_33 = _shift(-0.5, -0.5) @ matrix_33 @ _shift(0.5, 0.5)
    crop = cv2.warpPerspective(
        page_HWC, centred_33, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=border
    )
    return np.asarray(crop, np.uint8).reshape(side, side, page_HWC.shape[2])


def _reduced(page_HWC: np.ndarray, matrix_33: np.ndarray, side: int, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """The part of a page that a crop shows, reduced by the mean of areas to about its scale; and the matrix from it."""
    height, width, channels = page_HWC.shape
    corners_142 = np.array([[(0, 0), (side, 0), (side, side), (0, side)]], float)
    seen_42 = cv2.perspectiveTransform(corners_142, np.linalg.inv(matrix_33))[0]
    around = _AROUND_PX / scale
    left, top = (max(0, math.floor(value - around)) for value in seen_42.min(0))
    right, bottom = (math.ceil(value + around) for value in seen_42.max(0))
    part_HWC = page_HWC[min(top, height - 1) : max(bottom, 1), min(left, width - 1) : max(right, 1)]
    top, left = min(top, height - 1), min(left, width - 1)
    tall, wide = part_HWC.shape[:2]
    size = max(1, round(wide * scale)), max(1, round(tall * scale))
    part_HWC = cv2.resize(part_HWC, size, interpolation=cv2.INTER_AREA).reshape(size[1], size[0], channels)
    return part_HWC, matrix_33 @ _shift(left, top) @ np.diag([wide / size[0], tall / size[1], 1.0])


def _shade(config: PageAugment, uniform: Sequence[float]) -> np.ndarray | None:
    if uniform[0] >= config.shade_probability or not config.shade:
        return None
    signed = 2 * np.array(uniform[1:]).reshape(_SHADE_SIDE, _SHADE_SIDE) - 1
    return 1 + config.shade * signed


def _shaded(crop_HWC: np.ndarray, shade_33: np.ndarray) -> np.ndarray:
    light_HW = cv2.resize(shade_33.astype(np.float32), crop_HWC.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(crop_HWC * light_HW[:, :, None], 0, 255), np.uint8)


def _light(config: PageAugment, uniform: Sequence[float]) -> AugmentPlan:
    gain = 1 + config.contrast * (2 * uniform[0] - 1)
    offset = 127.5 * (1 - gain) + 255 * config.brightness * (2 * uniform[1] - 1)
    if uniform[2] < config.invert_probability:
        gain, offset = -gain, 255 - offset
    return AugmentPlan(
        gain=gain,
        offset=offset,
        blur_sigma_px=config.blur_sigma_px * uniform[4] if uniform[3] < config.blur_probability else 0.0,
        noise_sigma=config.noise_sigma * uniform[6] if uniform[5] < config.noise_probability else 0.0,
        noise_place=uniform[7],
        jpeg_quality=int(between(config.jpeg_quality, uniform[9])) if uniform[8] < config.jpeg_probability else None,
    )
