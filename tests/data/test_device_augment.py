"""A batch changed on a device against the same plans carried out line by line."""

from typing import Any

import numpy as np
import pytest
import torch

from distill.data.augment import Augment, Pixels, apply_plan, sample_plan
from distill.data.device_augment import apply_plans, border_median

CPU = torch.device("cpu")
NOTHING: dict[str, Any] = dict.fromkeys(Augment.model_fields, 0) | {"jpeg_quality": (35, 85)}
ALONE: list[tuple[dict[str, Any], float]] = [
    ({"probability": 1, "rotation_deg": 5}, 1.0),
    ({"probability": 1, "shrink_x": 0.3, "shrink_y": 0.3}, 1.0),
    ({"probability": 1, "shear": 0.4, "crop_jitter": 0.2}, 1.0),
    ({"probability": 1, "perspective": 0.4}, 1.0),
    ({"contrast": 0.6, "brightness": 0.3, "invert_probability": 0.5}, 0.0),
    ({"blur_probability": 1, "blur_sigma_px": 2.5}, 0.6),
    ({"noise_probability": 1, "noise_sigma": 25}, 0.01),
    ({"jpeg_probability": 1}, 2.0),
    ({"erase_probability": 1, "erase_width": 1}, 0.0),
    ({"flip_horizontal": 0.5, "flip_vertical": 0.5, "force_flips": True}, 0.0),
]
EVERYTHING = Augment(
    probability=1,
    rotation_deg=4,
    shrink_x=0.2,
    shrink_y=0.2,
    shear=0.2,
    perspective=0.2,
    crop_jitter=0.1,
    contrast=0.4,
    brightness=0.15,
    invert_probability=0.2,
    blur_probability=0.5,
    blur_sigma_px=1.5,
    noise_probability=0.5,
    noise_sigma=14,
    jpeg_probability=0.3,
    erase_probability=0.3,
    erase_width=0.3,
)


def _lines(channels: int = 1) -> list[Pixels]:
    """Smooth strokes on paper, of several widths."""
    lines = []
    for seed, width in enumerate((31, 64, 90, 128, 128, 57, 1, 101)):
        generator = np.random.default_rng(seed)
        coarse = np.where(generator.random((8, max(width // 4, 1), channels)) < 0.3, 30, 225)
        smooth = coarse.repeat(4, 0).repeat(4, 1)[:32, :width]
        wide = np.pad(smooth, ((0, 0), (0, width - smooth.shape[1]), (0, 0)), "edge")
        lines.append(np.ascontiguousarray(wide, np.uint8))
    return lines


def differences(config: Augment, channels: int = 1, device: torch.device = CPU) -> list[float]:
    """Mean absolute difference of every line, in grey levels."""
    lines = _lines(channels)
    plans = [sample_plan(*line.shape[:2], config, torch.Generator().manual_seed(i)) for i, line in enumerate(lines)]
    width = max(line.shape[1] for line in lines)
    padded = np.stack([np.pad(line, ((0, 0), (0, width - line.shape[1]), (0, 0))) for line in lines])
    widths = torch.tensor([line.shape[1] for line in lines])
    images_NCHW = torch.from_numpy(padded).permute(0, 3, 1, 2).to(device)
    found = apply_plans(plans, images_NCHW, widths.to(device)).permute(0, 2, 3, 1).cpu().numpy()
    assert np.array_equal(found, found.round())
    return [
        float(np.abs(found[i, :, : line.shape[1]] - apply_plan(plan, line).astype(np.float32)).mean())
        for i, (plan, line) in enumerate(zip(plans, lines, strict=True))
    ]


@pytest.mark.parametrize(("settings", "most"), ALONE)
def test_each_change_is_that_of_the_processor(settings: dict[str, Any], most: float) -> None:
    found = differences(Augment(**{**NOTHING, **settings}))
    assert max(found) <= most, found


def test_all_changes_together_are_within_two_grey_levels() -> None:
    assert max(differences(EVERYTHING)) <= 2


def test_colour_lines_are_changed_alike() -> None:
    assert max(differences(EVERYTHING.model_copy(update={"jpeg_probability": 0.0}), channels=3)) <= 2


def test_jpeg_of_colour_lines_is_refused() -> None:
    with pytest.raises(ValueError, match="grey lines only"):
        differences(EVERYTHING, channels=3)


def test_a_line_is_changed_alike_in_any_company() -> None:
    line = torch.from_numpy(_lines()[2]).permute(2, 0, 1)[None]
    plan = sample_plan(32, 90, EVERYTHING, torch.Generator().manual_seed(5))
    alone = apply_plans([plan], line, torch.tensor([90]))
    both = torch.cat([torch.nn.functional.pad(line, (0, 38)), torch.full((1, 1, 32, 128), 9)])
    together = apply_plans([plan, plan], both, torch.tensor([90, 128]))
    assert torch.equal(together[:1, :, :, :90], alone)


def test_the_border_median_counts_corners_as_the_processor_does() -> None:
    x = torch.arange(20.0).view(1, 1, 4, 5)  # a line of 4 x 4 pixels, and a column of padding
    border = sorted([0, 1, 2, 3, 15, 16, 17, 18, 0, 5, 10, 15, 3, 8, 13, 18])
    assert border_median(x, torch.tensor([4])).item() == border[8]


@pytest.mark.parametrize(("ink", "paper"), [(210, 240), (3, 20)])
def test_faint_lines_keep_their_contrast_as_on_the_processor(ink: int, paper: int) -> None:
    faint = np.full((32, 90, 1), paper, np.uint8)
    faint[10:20, 20:70] = ink
    config = Augment(**NOTHING | {"contrast": 0.6, "brightness": 0.4})
    plans = [sample_plan(32, 90, config, torch.Generator().manual_seed(i)) for i in range(50)]
    images_NCHW = torch.from_numpy(np.stack([np.pad(faint, ((0, 0), (0, 38), (0, 0)))] * 50)).permute(0, 3, 1, 2)
    lit = apply_plans(plans, images_NCHW, torch.full((50,), 90)).permute(0, 2, 3, 1).numpy()[:, :, :90]
    apart = [np.abs(one - apply_plan(plan, faint)).max() for one, plan in zip(lit, plans, strict=True)]
    assert max(apart) <= 1
    assert (lit.max((1, 2, 3)) - lit.min((1, 2, 3))).min() > 0.3 * (paper - ink) / 2
