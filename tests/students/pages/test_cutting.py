"""Lines cut from pages: upright boxes as they stand, others warped or straightened, and as an import cuts them."""

from __future__ import annotations

import numpy as np
import pytest

from distill.data.formats.page_cuts import cut_region
from distill.data.formats.page_regions import Region
from students.pages.cutting import cut

PAPER = 200


def noise(height: int = 120, width: int = 160, colours: tuple[int, ...] = ()) -> np.ndarray:
    return np.random.default_rng(2).integers(0, 256, (height, width, *colours), np.uint8)


def box(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], float)


def ramp(height: int = 400, width: int = 600) -> np.ndarray:
    """A page whose levels tell where a pixel is: along x in the first channel, along y in the second."""
    page_HWC = np.zeros((height, width, 3), np.uint8)
    page_HWC[..., 0] = (np.arange(width) * 255 // width)[None]
    page_HWC[..., 1] = (np.arange(height) * 255 // height)[:, None]
    return page_HWC


@pytest.mark.parametrize("colours", [(), (3,)])
def test_upright_boxes_are_cut_without_loss_whichever_way_their_text_runs(colours: tuple[int, ...]) -> None:
    page_HWC = noise(colours=colours)
    inside_HWC = page_HWC[30:50, 20:90]
    for quarters in range(4):
        line_HWC = cut(page_HWC, np.roll(box(20, 30, 90, 50), -quarters, axis=0))
        assert (line_HWC == np.rot90(inside_HWC, quarters)).all()
        assert line_HWC.base is None  # a page need not be kept for its lines
    assert (cut(page_HWC, box(20.4, 30.3, 89.6, 49.8)) == inside_HWC).all()
    assert (cut(page_HWC, box(20, 30, 90, 50), 5) == page_HWC[25:55, 15:95]).all()


@pytest.mark.parametrize("colours", [(), (3,)])
def test_slanted_lines_are_cut_as_an_import_cuts_them(colours: tuple[int, ...]) -> None:
    page_HWC = noise(colours=colours)
    for corners_42 in (
        np.array([(20.2, 30.1), (120.7, 40.4), (119.3, 58.8), (18.6, 49.9)]),
        np.array([(-6, 20), (60, 4), (64, 22), (-2, 38)], float),  # beyond the page
    ):
        assert (cut(page_HWC, corners_42) == cut_region(page_HWC, Region(corners_42, 0, corners_42), 0)).all()
        want_HWC = cut_region(page_HWC, Region(corners_42, 0, corners_42), 4)  # whose margin is rounded at the corners
        assert (cut(page_HWC, corners_42, 4)[:, 4:-4] == want_HWC[:, 4:-4]).all()


def test_beyond_the_page_is_paper() -> None:
    page_HW = np.full((100, 100), PAPER, np.uint8)
    slanted_42 = np.array([(-40, 40), (60, 60), (56, 80), (-44, 60)], float)
    assert (cut(page_HW, slanted_42, 3) == PAPER).all()
    assert cut(page_HW, slanted_42 + 500).shape == cut(page_HW, slanted_42).shape
    assert cut(page_HW, box(-5, -5, 50, 10)).shape == (10, 50)
    assert cut(page_HW, box(200, 10, 260, 30)).shape == (20, 60)


def bent(radius: float, degrees: float, height: float, points: int) -> np.ndarray:
    """The outline of a line around (300, 200), part of a ring whose middle is far below it."""
    turns_S = np.deg2rad(np.linspace(-degrees / 2, degrees / 2, points))
    ways_S2 = np.stack([np.sin(turns_S), -np.cos(turns_S)], axis=1)
    top_S2, bottom_S2 = ((300, 200 + radius) + far * ways_S2 for far in (radius + height / 2, radius - height / 2))
    return np.concatenate([top_S2, bottom_S2[::-1]])


@pytest.mark.parametrize("margin_px", [0, 6])
def test_a_bent_line_comes_out_straight(margin_px: int) -> None:
    radius, degrees, height = 300.0, 60.0, 30.0
    line_HWC = cut(ramp(), bent(radius, degrees, height, 17), margin_px).astype(float)
    length = np.deg2rad(degrees) * radius
    assert line_HWC.shape[:2] == (30 + 2 * margin_px, round(length) + 2 * margin_px)
    rows, columns = np.mgrid[: line_HWC.shape[0], : line_HWC.shape[1]] + 0.5
    far = radius + height / 2 + margin_px - rows
    turns = (columns - margin_px - length / 2) / radius
    want = np.stack([300 + far * np.sin(turns), 200 + radius - far * np.cos(turns)], axis=-1) * 255 / (600, 400)
    assert np.abs(line_HWC[..., :2] - want).max() < 2.5


def test_a_bent_line_of_no_length_is_cut_too() -> None:
    assert cut(noise(), np.full((6, 2), 50.0)).shape == (1, 1)
