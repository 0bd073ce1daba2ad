"""Crops of pages: corners follow the pixels exactly, whatever happens to the page."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from pydantic import ValidationError

from distill.data.pages.augment import PageAugment, PageToCrop, border_colour, carry_out, sample_crop
from tests.marked_pages import INK, PAPER, drawn, level

SIDE_PX = 256
LIGHT: dict[str, float] = {
    "contrast": 0.0,
    "brightness": 0.0,
    "shade_probability": 0.0,
    "invert_probability": 0.0,
    "blur_probability": 0.0,
    "noise_probability": 0.0,
    "jpeg_probability": 0.0,
}
GEOMETRY = {"stretch": 0.0, "rotation_deg": 0.0, "shear": 0.0, "perspective": 0.0}
AS_IT_IS = PageAugment(scale=(1, 1), line_height_px=(1, 1000), border_probability=0, **LIGHT, **GEOMETRY)
SHAPES = {
    "scaled": PageAugment(scale=(0.5, 2), **LIGHT, **GEOMETRY),
    "much smaller": PageAugment(scale=(0.3, 0.4), line_height_px=(1, 100), **LIGHT, **GEOMETRY),
    "rotated": PageAugment(**LIGHT, **GEOMETRY | {"rotation_deg": 30}),
    "slanted": PageAugment(**LIGHT, **GEOMETRY | {"shear": 0.4, "stretch": 0.4}),
    "seen from aside": PageAugment(**LIGHT, **GEOMETRY | {"perspective": 0.4}),
    "turned": PageAugment(turn_probability=1, **LIGHT, **GEOMETRY),
    "all": PageAugment(turn_probability=0.5, perspective=0.2, rotation_deg=20, shear=0.2, stretch=0.3, **LIGHT),
}
LINES = [level(40.5, 60, 330, 90), level(60, 120, 200, 150.5), level(20, 300, 380, 340), level(150, 420, 250, 440)]
SIZE_PX = (400, 500)


def page_of(prepared_px: tuple[int, int] = SIZE_PX, lines: list[np.ndarray] = LINES) -> PageToCrop:
    return PageToCrop(SIZE_PX, prepared_px, np.array(lines).reshape(-1, 4, 2))


def crop_of(
    config: PageAugment, seed: int, page: PageToCrop | None = None, side_px: int = SIDE_PX
) -> tuple[np.ndarray, np.ndarray]:
    """A crop (H, W), and the corners of its lines."""
    page = page or page_of()
    plan = sample_crop(page, side_px, config, torch.Generator().manual_seed(seed))
    pixels_HW1 = drawn(SIZE_PX, list(page.corners_N42))[:, :, None]
    return carry_out(plan, pixels_HW1, border_colour(pixels_HW1), 255)[:, :, 0], plan.moved(page.corners_N42)


@pytest.mark.parametrize("name", SHAPES)
def test_corners_follow_the_pixels(name: str) -> None:
    shares = []
    for seed in range(12):
        crop_HW, corners_N42 = crop_of(SHAPES[name], seed)
        wanted_HW = drawn((SIDE_PX, SIDE_PX), list(corners_N42)) < 125
        found_HW = crop_HW < 125
        either = (wanted_HW | found_HW).sum()
        if either > 200:
            shares.append((wanted_HW & found_HW).sum() / either)
    assert len(shares) >= 8
    assert np.mean(shares) > 0.92
    assert min(shares) > 0.85


@pytest.mark.parametrize("name", SHAPES)
def test_no_pixel_is_moved_by_half_a_pixel(name: str) -> None:
    """The middle of the ink of one line is that of its corners."""
    pixels_HW1 = np.full((500, 400, 1), PAPER, np.uint8)
    pixels_HW1[120:150, 100:140] = INK
    ways, page = [], page_of(lines=[level(100, 120, 140, 150)])
    for seed in range(30):
        plan = sample_crop(page, SIDE_PX, SHAPES[name], torch.Generator().manual_seed(seed))
        crop_HW, corners_N42 = carry_out(plan, pixels_HW1, (PAPER,), 255)[:, :, 0], plan.moved(page.corners_N42)
        if (corners_N42 < 3).any() or (corners_N42 > SIDE_PX - 3).any():
            continue
        left, top = np.floor(corners_N42[0].min(0) - 2).astype(int)
        right, bottom = np.ceil(corners_N42[0].max(0) + 2).astype(int)
        ink_HW = (PAPER - crop_HW[top:bottom, left:right].astype(float)).clip(0)
        row, column = (np.arange(n) + 0.5 for n in ink_HW.shape)
        middle = np.array([(ink_HW * column).sum(), (ink_HW.T * row).sum()]) / ink_HW.sum() + (left, top)
        moments = cv2.moments(corners_N42[0].astype(np.float32))
        ways.append(middle - np.array([moments["m10"], moments["m01"]]) / moments["m00"])
    assert len(ways) >= 5
    assert np.abs(np.mean(ways, axis=0)).max() < 0.12
    assert np.abs(ways).max() < 0.4


def test_a_page_of_the_size_of_the_crop_stays_as_it_is() -> None:
    page = PageToCrop(SIZE_PX, SIZE_PX, np.array(LINES))
    plan = sample_crop(page, 500, AS_IT_IS, torch.Generator().manual_seed(3))
    pixels_HW1 = drawn(SIZE_PX, LINES)[:, :, None]
    crop_HW1 = carry_out(plan, pixels_HW1, (PAPER,), 255)
    begin = round(plan.moved(np.zeros((1, 2)))[0, 0])
    fraction = plan.moved(np.zeros((1, 2)))[0, 0] - begin
    inside = crop_HW1[5:-5, begin + 5 : begin + 395, 0].astype(int)
    assert np.abs(inside - pixels_HW1[5:-5, 5:395, 0]).max() <= 190 * abs(fraction) + 2
    assert (crop_HW1[:, : max(begin - 1, 0)] == 255).all()


@pytest.mark.parametrize("heights", [(8, 10), (50, 60)])
def test_line_heights_stay_within_their_bounds(heights: tuple[float, float]) -> None:
    config = PageAugment(line_height_px=heights, **LIGHT, **GEOMETRY)
    for seed in range(5):
        _, corners_N42 = crop_of(config, seed, page_of((800, 1000)))
        height = np.median(corners_N42[:, 3, 1] - corners_N42[:, 0, 1])
        assert heights[0] - 1e-6 <= height <= heights[1] + 1e-6


def test_scales_are_spread_evenly_in_their_logarithm() -> None:
    config = PageAugment(scale=(0.5, 2), line_height_px=(1, 1000), **LIGHT, **GEOMETRY)
    page = page_of()
    scales = [sample_crop(page, SIDE_PX, config, torch.Generator().manual_seed(s)).scale for s in range(200)]
    assert 0.5 <= min(scales) < 0.55
    assert 1.8 < max(scales) <= 2
    assert abs(np.mean(np.array(scales) < 1) - 0.5) < 0.1


def test_a_crop_is_laid_around_a_line_or_anywhere() -> None:
    small = [level(380, 480, 395, 490)]
    around = PageAugment(scale=(2, 2), line_height_px=(1, 1000), on_line_probability=1, **LIGHT, **GEOMETRY)
    anywhere = around.model_copy(update={"on_line_probability": 0.0})

    def share(config: PageAugment) -> float:
        inside = [(corners > 0).all() and (corners < SIDE_PX).all() for corners in corners_of(config)]
        return float(np.mean(inside))

    def corners_of(config: PageAugment) -> list[np.ndarray]:
        plans = [
            sample_crop(page_of(lines=small), SIDE_PX, config, torch.Generator().manual_seed(s)) for s in range(40)
        ]
        return [plan.moved(np.array(small)) for plan in plans]

    assert share(around) > 0.9
    assert share(anywhere) < 0.5


def test_what_lies_beyond_the_page_is_padding_or_of_its_border() -> None:
    seen = set()
    for seed in range(8):
        crop_HW, _ = crop_of(PageAugment(scale=(0.3, 0.3), line_height_px=(1, 100), **LIGHT, **GEOMETRY), seed)
        seen |= set(np.unique(crop_HW[[0, -1]]).tolist())
    assert {PAPER, 255} <= seen


def test_much_smaller_pages_keep_their_ink() -> None:
    """By the mean of areas: a grid of fine lines becomes grey and not stripes."""
    pixels_HW1 = np.full((1200, 1200, 1), 255, np.uint8)
    pixels_HW1[::4] = 0
    config = PageAugment(scale=(0.2, 0.2), **LIGHT, **GEOMETRY)
    plan = sample_crop(PageToCrop((1200, 1200), (1200, 1200), np.zeros((0, 4, 2))), SIDE_PX, config, torch.Generator())
    crop_HW1 = carry_out(plan, pixels_HW1, (255.0,), 255)
    middle = crop_HW1[100:150, 100:150]
    assert abs(float(middle.mean()) - 191) < 8
    assert middle.std() < 25  # nearest pixels would give 110


def test_light_changes_pixels_and_no_corners() -> None:
    lit = PageAugment(
        contrast=0.3,
        brightness=0.2,
        shade_probability=1,
        invert_probability=0.5,
        blur_probability=1,
        noise_probability=1,
        jpeg_probability=1,
    )
    plain = PageAugment(**LIGHT)
    inverted = 0
    for seed in range(6):
        (crop_HW, corners_N42), (other_HW, other_N42) = crop_of(lit, seed), crop_of(plain, seed)
        np.testing.assert_array_equal(corners_N42, other_N42)
        assert (crop_HW != other_HW).mean() > 0.2
        inverted += np.median(crop_HW) < 128
    assert 0 < inverted < 6


def test_a_crop_is_a_function_of_its_generator() -> None:
    config = SHAPES["all"].model_copy(update={"noise_probability": 1.0})
    for one, other in zip(crop_of(config, 5), crop_of(config, 5), strict=True):
        np.testing.assert_array_equal(one, other)
    assert (crop_of(config, 5)[0] != crop_of(config, 6)[0]).any()


@pytest.mark.parametrize("size_px", [(1, 1), (3, 900), (900, 3)])
def test_pages_of_any_shape(size_px: tuple[int, int]) -> None:
    page = PageToCrop(size_px, size_px, np.zeros((0, 4, 2)))
    for seed in range(5):
        plan = sample_crop(page, SIDE_PX, SHAPES["all"], torch.Generator().manual_seed(seed))
        crop = carry_out(plan, np.full((size_px[1], size_px[0], 3), 90, np.uint8), (90.0,) * 3, 255)
        assert crop.shape == (SIDE_PX, SIDE_PX, 3)
        assert np.isfinite(plan.matrix_33).all()


@pytest.mark.parametrize("values", [{"scale": (2, 1)}, {"scale": (0, 1)}, {"jpeg_quality": (0, 10)}])
def test_ranges_rise_within_their_bounds(values: dict[str, tuple[float, float]]) -> None:
    with pytest.raises(ValidationError, match="rising pair"):
        PageAugment(**values)


def test_ink_is_darker_than_paper() -> None:
    crop_HW, corners_N42 = crop_of(AS_IT_IS, 1)
    x, y = np.clip(corners_N42.mean(1), 0, SIDE_PX - 1)[0].astype(int)
    assert crop_HW[y, x] in (INK, PAPER)
