"""Grounds of rendered lines: textures, photographs, shadows and glare."""

import cv2
import numpy as np
import pytest

from distill.synthesis.backgrounds import (
    in_glare,
    in_shadow,
    legible_on,
    photograph,
    photographs_in,
    seen_from_behind,
    textured,
)
from distill.synthesis.camera import defocused, from_afar, motion_blurred
from students.errors import DataError

GREY = np.full((32, 160), 128, np.uint8)


def _spot() -> np.ndarray:
    picture = np.zeros((33, 65), np.uint8)
    picture[16, 32] = 255
    return picture


def test_textures_are_as_strong_as_asked_and_differ() -> None:
    seen = [textured(GREY, 10, [kind / 5 + 0.1, 0.9, 0.95]) for kind in range(5)]
    assert all(4 < picture.std() < 20 for picture in seen)
    assert all(abs(picture.mean() - 128) < 15 for picture in seen)
    assert len({picture.tobytes() for picture in seen}) == 5
    assert np.array_equal(seen[0], textured(GREY, 10, [0.1, 0.9, 0.95]))
    assert textured(np.full((300, 1200), 128, np.uint8), 10, [0.5, 0.5, 0.5]).shape == (300, 1200)


def test_a_folder_of_photographs_is_read_and_what_is_none_is_named(tmp_path, caplog) -> None:
    with pytest.raises(DataError, match="does not exist"):
        photographs_in(tmp_path / "none")
    (tmp_path / "notes.txt").write_text("no image")
    with pytest.raises(DataError, match="holds no image"):
        photographs_in(tmp_path)
    photographs_in.cache_clear()
    (tmp_path / "inside").mkdir()
    cv2.imwrite(str(tmp_path / "inside" / "dark.png"), np.full((90, 700), 30, np.uint8))
    cv2.imwrite(str(tmp_path / "light.png"), np.full((20, 20, 3), 200, np.uint8))
    dark, light = photographs_in(tmp_path)
    assert "notes.txt" in caplog.text
    for path, grey in ((dark, 30), (light, 200)):
        piece = photograph(path, (32, 100), [0.3, 0.9, 0.99])
        assert piece.shape == (32, 100)
        assert abs(piece.mean() - grey) < 1


@pytest.mark.parametrize("mean", [5, 90, 126, 129, 180, 250])
@pytest.mark.parametrize("place", [0.0, 0.5, 1.0])
def test_ink_on_a_photograph_keeps_its_contrast_everywhere(mean: int, place: float) -> None:
    rng = np.random.default_rng(mean)
    swing = 60 * np.sin(np.arange(300) / 20)
    ground = np.clip(mean + swing + rng.normal(0, 40, (32, 300)), 0, 255).astype(np.float32)
    changed, ink = legible_on(ground, 50, place)
    local = cv2.GaussianBlur(changed, (0, 0), 8)
    assert 0 <= ink <= 255
    assert np.abs(local - ink).min() >= 50 - 8
    assert (ink > local.mean()) == (ground.mean() < 127.5)
    assert changed.std() > 2


def test_a_calm_ground_that_is_far_from_the_ink_stays_as_it_is() -> None:
    ground = np.full((32, 100), 220, np.float32) + np.random.default_rng(0).normal(0, 2, (32, 100)).astype(np.float32)
    changed, ink = legible_on(ground, 80, 0.0)
    assert ink == 0
    assert np.allclose(changed, ground, atol=1e-3)


def test_a_shadow_darkens_one_side_by_its_share() -> None:
    seen = in_shadow(GREY, 0.5, [0.5, 0.0, 0.0])
    assert np.allclose(seen[:, :40], 128, atol=1)
    assert np.allclose(seen[:, -40:], 64, atol=1)
    assert np.array_equal(in_shadow(GREY, 0.0, [0.5, 0.0, 0.0]), GREY)


def test_glare_is_brightest_in_its_middle_and_fades() -> None:
    seen = in_glare(GREY, 0.5, [0.25, 0.5, 0.0, 0.0])
    assert seen.max() == seen[16, 40] == 192
    assert np.allclose(seen[:, 120:], 128)


def test_print_from_behind_is_mirrored() -> None:
    letters = np.zeros((40, 90), np.uint8)
    letters[10:30, 10:14] = 255
    letters[26:30, 10:30] = 255
    behind = seen_from_behind(letters, [0.5, 0.0])
    assert np.corrcoef(behind.ravel(), letters[:, ::-1].ravel())[0, 1] > 0.9


def test_motion_spreads_along_its_direction_and_keeps_the_light() -> None:
    level, upright = motion_blurred(_spot(), 7, 0.0), motion_blurred(_spot(), 7, 0.5)
    assert np.ptp(level.any(0).nonzero()[0]) in range(6, 10)
    assert np.ptp(level.any(1).nonzero()[0]) <= 2
    assert np.array_equal(level[13:20, 29:36], upright[13:20, 29:36].T)
    assert abs(int(level.sum()) - 255) < 30
    assert np.array_equal(motion_blurred(GREY, 4, 0.3), GREY)


def test_a_point_out_of_focus_is_a_disc() -> None:
    seen = defocused(_spot(), 3)
    assert np.ptp(seen.any(0).nonzero()[0]) in range(5, 9)
    assert seen[16, 32] == seen[16, 34] == seen[14, 32] > 0
    assert np.array_equal(defocused(GREY, 2), GREY)


def test_from_afar_loses_what_is_finer_than_its_pixels() -> None:
    stripes = np.zeros((32, 160), np.uint8)
    stripes[:, ::2] = 255
    seen = from_afar(stripes, 10)
    assert seen.shape == stripes.shape
    assert seen.std() < 0.2 * stripes.std()
    assert np.array_equal(from_afar(stripes, 32), stripes)
