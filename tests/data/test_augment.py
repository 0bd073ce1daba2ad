"""Augmentation of a line: what it keeps, that each operation acts, and that it is a function of its generator."""

from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from distill.data.augment import Augment, Pixels, apply_plan, augment, sample_plan

ZERO = Augment(
    probability=0,
    rotation_deg=0,
    shrink_x=0,
    shrink_y=0,
    shear=0,
    perspective=0,
    crop_jitter=0,
    contrast=0,
    brightness=0,
    invert_probability=0,
    blur_probability=0,
    noise_probability=0,
    jpeg_probability=0,
)
SHAPES = [(32, 200), (32, 200, 3), (32, 200, 1), (48, 17)]
_GEOMETRY = {"probability", "rotation_deg", "shrink_x", "shrink_y", "shear", "perspective", "crop_jitter"}
ALONE: list[dict[str, Any]] = [
    {"probability": 1, "rotation_deg": 3},
    {"probability": 1, "shrink_x": 0.2},
    {"probability": 1, "shrink_y": 0.2},
    {"probability": 1, "shear": 0.2},
    {"probability": 1, "perspective": 0.2},
    {"probability": 1, "crop_jitter": 0.2},
    {"contrast": 0.5},
    {"brightness": 0.3},
    {"invert_probability": 1},
    {"blur_probability": 1, "blur_sigma_px": 2},
    {"noise_probability": 1, "noise_sigma": 20},
    {"jpeg_probability": 1, "jpeg_quality": (20, 30)},
    {"flip_horizontal": 1, "force_flips": True},
    {"flip_vertical": 1, "force_flips": True},
]


def _line(shape: tuple[int, ...] = (32, 200), seed: int = 0) -> Pixels:
    image = np.full(shape, 230, np.uint8)
    ink = np.random.default_rng(seed).random((shape[0] - 12, shape[1] - 8)) < 0.3
    image[6:-6, 4:-4][ink] = 20
    return image


def _generator(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("shape", SHAPES)
def test_shape_and_type_are_kept(shape: tuple[int, ...]) -> None:
    always: dict[str, Any] = dict.fromkeys([name for name in Augment.model_fields if name.endswith("probability")], 1.0)
    everything = Augment(**always)
    image = _line(shape)
    before = image.copy()
    changed = augment(image, everything, _generator())
    assert changed.shape == shape
    assert changed.dtype == np.uint8
    assert changed.flags.c_contiguous
    assert np.array_equal(image, before)
    assert not np.array_equal(changed, before)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_zero_is_the_identity(shape: tuple[int, ...], probability: float) -> None:
    image = _line(shape)
    config = ZERO.model_copy(update={"probability": probability})
    changed = augment(image, config, _generator())
    assert np.array_equal(changed, image)
    assert changed is not image


@pytest.mark.parametrize("change", ALONE, ids=lambda change: next(key for key in change if key != "probability"))
def test_each_operation_alone_changes_pixels(change: dict[str, Any]) -> None:
    config = Augment(**(ZERO.model_dump() | change))
    assert not np.array_equal(augment(_line(), config, _generator()), _line())


def test_same_generator_same_pixels_whatever_came_before() -> None:
    lines = [_line(seed=seed) for seed in range(4)]
    batch = [augment(line, Augment(), _generator(seed)) for seed, line in enumerate(lines)]
    for seed in (3, 1, 0, 2):
        assert np.array_equal(augment(lines[seed], Augment(), _generator(seed)), batch[seed])
    assert not np.array_equal(augment(lines[0], Augment(), _generator(7)), augment(lines[0], Augment(), _generator(8)))


@pytest.mark.parametrize("paper", [15, 240])
def test_no_wedges_enter_at_the_border(paper: int) -> None:
    image = np.full((32, 200), paper, np.uint8)
    angles = {"rotation_deg": 15.0, "shear": 0.6, "perspective": 0.4}
    strong = ZERO.model_copy(update={"probability": 1.0, "shrink_x": 0.5, "shrink_y": 0.5} | angles)
    for seed in range(20):
        assert np.abs(augment(image, strong, _generator(seed)).astype(int) - paper).max() <= 1


def test_content_with_an_ordinary_margin_stays_inside_by_default() -> None:
    image = np.full((32, 200), 255, np.uint8)
    image[5:27, 8:192] = 0
    geometry = ZERO.model_copy(update=Augment(probability=1).model_dump(include=_GEOMETRY))
    for seed in range(100):
        changed = augment(image, geometry, _generator(seed))
        assert np.concatenate([changed[0], changed[-1], changed[:, 0], changed[:, -1]]).min() > 100, seed


def test_flips_are_refused_unless_forced() -> None:
    flips: list[dict[str, Any]] = [{"flip_horizontal": 0.1}, {"flip_vertical": 0.1}]
    for flip in flips:
        with pytest.raises(ValidationError, match="labels would be wrong"):
            Augment(**flip)
        assert Augment(**flip, force_flips=True)


def test_impossible_settings_are_refused_and_all_fields_described() -> None:
    for change in ({"jpeg_quality": (90, 20)}, {"probability": 2}, {"rotation": 3}):
        with pytest.raises(ValidationError):
            Augment(**change)
    assert all(field.description for field in Augment.model_fields.values())


def test_forced_flip_mirrors() -> None:
    config = ZERO.model_copy(update={"flip_horizontal": 1.0, "force_flips": True})
    assert np.array_equal(augment(_line(), config, _generator()), _line()[:, ::-1])


@pytest.mark.parametrize("levels", [(210, 240), (3, 20), (0, 255)])
def test_light_leaves_at_least_half_of_a_faint_lines_contrast(levels: tuple[int, int]) -> None:
    ink, paper = levels
    line = np.full((32, 90), paper, np.uint8)
    line[10:20, 20:70] = ink
    config = ZERO.model_copy(update={"contrast": 0.6, "brightness": 0.4})
    for seed in range(200):
        plan = sample_plan(32, 90, config, torch.Generator().manual_seed(seed))
        lit = apply_plan(plan, line)
        assert int(lit.max()) - int(lit.min()) >= min(255, plan.gain * (paper - ink)) / 2 - 1
