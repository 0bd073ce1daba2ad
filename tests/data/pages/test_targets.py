"""Corners become maps: against a slow reference point by point, and on cases that are worked out by hand."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from distill.data.pages.targets import Targets, targets_of
from students.pages.maps import SHRINK

SIZE_PX = (256, 192)


def level(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], float)


def turned(x: float, y: float, length: float, height: float, degrees: float) -> np.ndarray:
    along = np.array([math.cos(math.radians(degrees)), math.sin(math.radians(degrees))])
    down = np.array([-along[1], along[0]])
    ends = [(-length, -height), (length, -height), (length, height), (-length, height)]
    return np.array([(x, y) + a / 2 * along + d / 2 * down for a, d in ends])


def targets(*corners: np.ndarray, ignored: tuple[int, ...] = ()) -> Targets:
    marks = np.array([n in ignored for n in range(len(corners))], bool)
    return targets_of(np.array(corners).reshape(-1, 4, 2), marks, SIZE_PX)


def crossing(one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Where two lines meet, each a point and a direction."""
    (p, u), (q, v) = one, other
    return p + u * np.linalg.solve(np.column_stack([u, -v]), q - p)[0]


def shrunk(corners_42: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """The core's corners, the line's direction and height, side by side."""
    middle_right, middle_left = corners_42[[1, 2]].mean(0), corners_42[[0, 3]].mean(0)
    direction = (middle_right - middle_left) / math.dist(middle_right, middle_left)
    normal = np.array([-direction[1], direction[0]])
    height = float((corners_42[[2, 3]].mean(0) - corners_42[[0, 1]].mean(0)) @ normal)
    moved = []
    for i in range(4):
        ahead = corners_42[(i + 1) % 4] - corners_42[i]
        inwards = np.array([-ahead[1], ahead[0]]) / math.hypot(*ahead)
        moved.append((corners_42[i] + SHRINK * height * inwards, ahead))
    return np.array([crossing(moved[i - 1], moved[i]) for i in range(4)]), direction, height


@pytest.mark.parametrize("seed", range(8))
def test_against_a_slow_reference(seed: int) -> None:
    random = np.random.default_rng(seed)
    corners_42 = turned(128, 96, random.uniform(40, 200), random.uniform(12, 60), random.uniform(-180, 180))
    corners_42 += random.uniform(-4, 4, (4, 2))
    core_42, direction, _ = shrunk(corners_42)
    normal = np.array([-direction[1], direction[0]])
    maps_CHW, weights_HW = targets(corners_42)
    wanted_CHW, compared_HW = np.zeros_like(maps_CHW), np.ones_like(weights_HW, bool)
    for row in range(SIZE_PX[1] // 4):
        for column in range(SIZE_PX[0] // 4):
            point = np.array([column * 4 + 2, row * 4 + 2], float)
            depth = cv2.pointPolygonTest(core_42.astype(np.float32), tuple(point), True)
            compared_HW[row, column] = abs(depth) > 1e-3
            if depth > 0:
                ways = [(corners_42[a], corners_42[b] - corners_42[a]) for a, b in ((0, 1), (3, 2))]
                above, below = (math.dist(point, crossing((point, normal), way)) for way in ways)
                wanted_CHW[:, row, column] = 1, above, below, *direction
    assert wanted_CHW[0].sum() > 20
    np.testing.assert_allclose(maps_CHW[:, compared_HW], wanted_CHW[:, compared_HW], atol=1e-4)
    assert (weights_HW == 1).all()


def test_a_level_line() -> None:
    maps_CHW, weights_HW = targets(level(20, 40, 220, 80))
    core, above, below, cosine, sine = maps_CHW
    rows, columns = np.nonzero(core)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (12, 17, 7, 52)  # centres within 30-210, 50-70
    assert core.sum() == 6 * 46
    assert above[12, 7] == 10
    assert below[12, 7] == 30
    assert (cosine[core > 0] == 1).all()
    assert not sine.any()
    assert not above[core == 0].any()
    assert (weights_HW == 1).all()
    assert maps_CHW.dtype == weights_HW.dtype == np.float32


@pytest.mark.parametrize(("degrees", "way"), [(90, (0, 1)), (180, (-1, 0)), (270, (0, -1))])
def test_turned_text_says_where_its_top_is(degrees: float, way: tuple[int, int]) -> None:
    corners_42 = turned(128, 96, 120, 40, degrees)
    core, above, below, cosine, sine = targets(corners_42).maps_CHW
    inside = core > 0
    np.testing.assert_allclose(cosine[inside], way[0], atol=1e-6)
    np.testing.assert_allclose(sine[inside], way[1], atol=1e-6)
    np.testing.assert_allclose((above + below)[inside], 40, atol=1e-4)
    rows, columns = np.nonzero(inside)
    points = np.stack([columns * 4 + 2, rows * 4 + 2], axis=1)
    up = np.array([way[1], -way[0]])
    tops = (points + above[inside][:, None] * up) @ up
    np.testing.assert_allclose(tops, corners_42[0] @ up, atol=1e-4)


@pytest.mark.parametrize("place", np.linspace(0, 4, 9))
@pytest.mark.parametrize(
    ("length", "height", "degrees"), [(40, 4, 0), (3, 20, 0), (40, 5.3, 30), (2, 6, 0), (4, 4, 45)]
)
def test_the_smallest_lines_keep_a_core(place: float, length: float, height: float, degrees: float) -> None:
    core, above, below, *_ = targets(turned(100 + place, 90 + place / 2, length, height, degrees)).maps_CHW
    assert core.any()
    assert cv2.connectedComponents(core.astype(np.uint8))[0] == 2  # one core, and what is around it
    np.testing.assert_allclose((above + below)[core > 0], height, atol=1e-4)
    assert (above[core > 0] >= -1e-3).all()


def test_touching_lines_come_apart() -> None:
    lines = [level(20, 20 + 12 * n, 200, 32 + 12 * n) for n in range(6)]
    core = targets(*lines).maps_CHW[0]
    assert cv2.connectedComponents(core.astype(np.uint8))[0] == 1 + 6


def test_overlapping_lines_are_parted_by_a_ring_of_background() -> None:
    lines = level(20, 20, 220, 60), level(20, 36, 220, 84)  # cores 30-50 and 48-72
    maps_CHW, weights_HW = targets(*lines)
    core, above, below, *_ = maps_CHW
    assert cv2.connectedComponents(core.astype(np.uint8))[0] == 1 + 2
    heights = (above + below)[:, 30]
    assert set(np.round(heights[core[:, 30] > 0]).tolist()) == {40, 48}
    assert np.flatnonzero(core[:, 30] == 0)[[6, 7]].tolist() == [6, 12]  # rows 0-6 above both, row 12 between them
    assert (weights_HW == 1).all()


def test_a_line_marked_twice_is_one_core() -> None:
    line = level(20, 40, 220, 80)
    once, twice = targets(line), targets(line, line)
    np.testing.assert_array_equal(once.maps_CHW, twice.maps_CHW)
    np.testing.assert_array_equal(twice.weights_HW[once.maps_CHW[0] > 0], 1)


def test_ignored_lines_weigh_nothing_but_where_others_lie() -> None:
    read, ignored = level(20, 40, 220, 80), level(100, 60, 140, 120)
    maps_CHW, weights_HW = targets(read, ignored, ignored=(1,))
    np.testing.assert_array_equal(maps_CHW, targets(read).maps_CHW)
    assert (weights_HW[18:30, 25:35] == 0).all()  # centres of the ignored one below the other's core
    assert (weights_HW[maps_CHW[0] > 0] == 1).all()
    assert weights_HW.sum() == weights_HW.size - 12 * 10 - (weights_HW[15:18, 25:35] == 0).sum()


@pytest.mark.parametrize(
    "corners_42",
    [level(20, 40, 220, 43), level(20, 40, 220, 40), level(20, 80, 220, 40), level(20, 40, 20, 80), np.zeros((4, 2))],
    ids=["lower than a map pixel", "flat", "upside down corners", "no length", "a point"],
)
def test_what_can_have_no_core_is_ignored(corners_42: np.ndarray) -> None:
    maps_CHW, weights_HW = targets(corners_42)
    assert not maps_CHW.any()
    assert np.isfinite(maps_CHW).all()
    assert set(np.unique(weights_HW)) <= {0, 1}


def test_lines_may_leave_the_page() -> None:
    maps_CHW, _ = targets(level(-300, -20, 100, 60), level(1000, 1000, 1100, 1020), level(-90, -90, -10, -50))
    core, above, *_ = maps_CHW
    assert core[:10, :20].all()
    assert core.sum() == 10 * 20  # to 40 px down, 80 px across
    assert above[0, 0] == 22


def test_no_lines() -> None:
    maps_CHW, weights_HW = targets()
    assert maps_CHW.shape == (5, 48, 64)
    assert not maps_CHW.any()
    assert (weights_HW == 1).all()


def test_an_ignored_line_has_no_core_and_weighs_nothing() -> None:
    line = level(20, 40, 220, 80)
    maps_CHW, weights_HW = targets(line, level(20, 120, 220, 160), ignored=(1,))
    np.testing.assert_array_equal(maps_CHW, targets(line).maps_CHW)
    assert (weights_HW == 0).sum() == 50 * 10
