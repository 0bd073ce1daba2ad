"""Lines come back from their ideal maps as they were marked: whatever their size, turn and neighbours."""

from __future__ import annotations

import numpy as np
import pytest

from distill.data.pages.targets import targets_of
from students.pages.finding import FoundLine, LineFinding, find_lines
from students.pages.maps import SHRINK, Maps
from students.pages.preparation import STRIDE_PX, PreparedPage

SURE = 8.0  # logit
SIZE_PX = (640, 480)


def page_of(size_px: tuple[int, int], scale: float = 1.0) -> PreparedPage:
    return PreparedPage(np.zeros((1, 1, 1), np.float32), size_px, (scale, scale))


def ideal_maps(corners_N42: np.ndarray, size_px: tuple[int, int] = SIZE_PX) -> Maps:
    maps_CHW = targets_of(np.array(corners_N42), np.zeros(len(corners_N42), bool), size_px).maps_CHW
    maps_CHW[0] = np.where(maps_CHW[0] > 0, SURE, -SURE)
    return Maps.of_output(maps_CHW)


def found_in(corners_N42: list[np.ndarray], size_px: tuple[int, int] = SIZE_PX) -> list[FoundLine]:
    return find_lines(ideal_maps(np.array(corners_N42), size_px), page_of(size_px), LineFinding())


def line(x: float, y: float, length: float, height: float, degrees: float = 0.0) -> np.ndarray:
    """The corners of a line around a point."""
    angle = np.deg2rad(degrees)
    along = np.array([np.cos(angle), np.sin(angle)]) * length / 2
    down = np.array([-np.sin(angle), np.cos(angle)]) * height / 2
    return np.array([(x, y)]) + np.array([-along - down, along - down, along + down, down - along])


def off_px(found: list[FoundLine], corners_N42: list[np.ndarray]) -> tuple[float, float]:
    """How far the corners of lines are from where they were, across and along them; each finds its own."""
    assert len(found) == len(corners_N42)
    across, along = [], []
    for corners_42 in corners_N42:
        nearest = min(found, key=lambda one: np.abs(one.corners_42 - corners_42).max())
        way_2 = corners_42[1] - corners_42[0] + corners_42[2] - corners_42[3]
        way_2 = way_2 / np.hypot(*way_2)
        difference_42 = nearest.corners_42 - corners_42
        along.append(np.abs(difference_42 @ way_2).max())
        across.append(np.abs(difference_42 @ (-way_2[1], way_2[0])).max())
    return max(across), max(along)


@pytest.mark.parametrize("degrees", [0, 1, 5, 20, 45, -30, 90, -90, 100, 180])
@pytest.mark.parametrize(
    ("length", "height"), [(400, 24), (60, 20), (420, 9), (40, 8), (14, 14)], ids=lambda px: f"{px}px"
)
def test_a_line_comes_back_as_it_was(length, height, degrees):
    """Edges are told by the maps; ends lie somewhere between two pixels of the maps, 4 px apart."""
    corners_42 = line(321.3, 239.4, length, height, degrees)
    across, along = off_px(found_in([corners_42]), [corners_42])
    assert across < 0.02
    assert along < STRIDE_PX


def test_a_line_seen_from_the_side_comes_back_as_it_was():
    corners_42 = np.array([(60, 100), (560, 140), (550, 190), (70, 122)], float)
    across, along = off_px(found_in([corners_42]), [corners_42])
    assert across < 1
    assert along < 10  # its ends are not at right angles to it, and what they are is not in the maps


@pytest.mark.parametrize(("length", "height"), [(10, 24), (6, 30)])
def test_a_line_shorter_than_high_comes_back(length, height):
    corners_42 = line(101.7, 82.2, length, height)
    across, along = off_px(found_in([corners_42]), [corners_42])
    assert across < 0.02
    assert along <= STRIDE_PX


@pytest.mark.parametrize("degrees", [0, 7, 90])
@pytest.mark.parametrize("height", [8, 12, 30])
def test_lines_two_pixels_apart_are_told_apart(height, degrees):
    step = (height + 2) * np.array([-np.sin(np.deg2rad(degrees)), np.cos(np.deg2rad(degrees))])
    corners_N42 = [line(320, 240, 260, height, degrees) + (i - 3) * step for i in range(7)]
    across, along = off_px(found_in(corners_N42), corners_N42)
    assert across < 0.05
    assert along < STRIDE_PX * 0.7


def test_neighbours_in_a_row_are_told_apart():
    corners_N42 = [line(60 + 86 * i, 100, 80, 20) for i in range(6)]
    assert off_px(found_in(corners_N42), corners_N42)[1] < STRIDE_PX * 0.7


def test_cores_that_run_together_are_parted_by_what_they_say_of_their_edges():
    """A network that marks the gap between two lines as core, and tells the edges of the nearer one."""
    corners_N42 = [line(300, 100, 400, 24), line(300, 126, 300, 24)]
    maps = ideal_maps(corners_N42)
    columns = slice(50, 100)
    between = int(113 // STRIDE_PX)
    for row, nearer, shift in ((between - 1, between - 2, 1), (between, between + 1, -1)):
        maps.core[row, columns] = SURE
        for at, sign in ((maps.above, 1), (maps.below, -1)):
            at[row, columns] = at[nearer, columns] + sign * shift * STRIDE_PX
        maps.cosine[row, columns] = 1
    across, along = off_px(find_lines(maps, page_of(SIZE_PX), LineFinding()), corners_N42)
    assert across < 1
    assert along < STRIDE_PX


def test_a_full_page_of_lines_comes_back_in_the_pixels_of_the_page():
    corners_N42 = [line(300, 14 + 19.7 * i, 520, 16, 0.5) for i in range(60)]
    maps = ideal_maps(np.array(corners_N42), (600, 1200))
    found = find_lines(maps, page_of((600, 1200), 1.5), LineFinding())
    across, along = off_px(found, [1.5 * corners_42 for corners_42 in corners_N42])
    assert across < 0.1
    assert along < 1.5 * STRIDE_PX * 0.7
    for one in found:
        assert 0 <= one.box[0] < one.box[2] <= 900
        assert one.found == pytest.approx(1 / (1 + np.exp(-SURE)))


def test_a_line_that_leaves_the_page_has_its_box_on_it():
    (found,) = found_in([line(10, 100, 200, 20)])
    assert found.box[0] == 0
    assert found.corners_42[:, 0].min() < 2


def test_what_some_pixels_say_of_edges_far_away_is_left_out():
    corners_42 = line(320, 240, 300, 24)
    maps = ideal_maps([corners_42])
    rows, columns = np.nonzero(maps.core > 0)
    maps.above[rows[::9], columns[::9]] += 60
    found = find_lines(maps, page_of(SIZE_PX), LineFinding(core=0.5))
    nearest = max(found, key=lambda one: one.box[2] - one.box[0])
    assert np.abs(nearest.corners_42[:, 1] - corners_42[:, 1]).max() < 4


def arc(radius: float, degrees: float, height: float) -> tuple[Maps, np.ndarray]:
    """The maps of a line that bends upwards around a point above it, and the ends of its top edge."""
    x, y = 320.0, 340.0 - radius
    half = np.deg2rad(degrees) / 2
    rows, columns = np.mgrid[: SIZE_PX[1] // STRIDE_PX, : SIZE_PX[0] // STRIDE_PX]
    across, down = (columns + 0.5) * STRIDE_PX - x, (rows + 0.5) * STRIDE_PX - y
    from_centre, turn = np.hypot(across, down), np.arctan2(across, down)
    above, below = from_centre - radius + height / 2, radius + height / 2 - from_centre
    inset = SHRINK * height
    core = (above >= inset) & (below >= inset) & (np.abs(turn) <= half - inset / radius)
    maps_CHW = np.stack([np.where(core, SURE, -SURE), above, below, np.cos(turn), -np.sin(turn)])
    inner = radius - height / 2
    ends_22 = np.array([(x + inner * np.sin(t), y + inner * np.cos(t)) for t in (-half, half)])
    return Maps.of_output(maps_CHW.astype(np.float32)), ends_22


@pytest.mark.parametrize(("radius", "degrees"), [(600, 30), (300, 60), (1500, 15)])
def test_a_line_that_bends_is_a_polygon_along_it(radius, degrees):
    maps, ends_22 = arc(radius, degrees, 20)
    (found,) = find_lines(maps, page_of(SIZE_PX), LineFinding())
    half = len(found.polygon_P2) // 2
    assert len(found.polygon_P2) == 2 * half > 4
    top_P2 = found.polygon_P2[:half]
    assert np.abs(top_P2[[0, -1]] - ends_22).max() < 4
    from_centre = np.hypot(*(found.polygon_P2 - (320, 340 - radius)).T)
    assert np.abs(from_centre[:half] - (radius - 10)).max() < 1.5
    assert np.abs(from_centre[half:] - (radius + 10)).max() < 1.5
    assert found.box[1] == pytest.approx(found.polygon_P2[:, 1].min())


def test_a_line_that_hardly_bends_keeps_its_four_corners():
    maps, _ = arc(4000, 5, 24)
    (found,) = find_lines(maps, page_of(SIZE_PX), LineFinding())
    assert len(found.polygon_P2) == 4


def test_nothing_is_found_where_no_core_is():
    assert found_in([line(320, 240, 300, 24)])  # so the maps below differ by their cores alone
    empty = ideal_maps([line(320, 240, 300, 24)])
    empty.core[:] = -SURE
    assert find_lines(empty, page_of(SIZE_PX), LineFinding()) == []


def test_doubtful_and_low_lines_are_left_out_by_the_settings():
    maps = ideal_maps([line(320, 100, 300, 24), line(320, 200, 300, 8)])
    assert len(find_lines(maps, page_of(SIZE_PX), LineFinding(least_height_px=10))) == 1
    maps.core[maps.core > 0] = 0.3
    assert len(find_lines(maps, page_of(SIZE_PX), LineFinding(found=0.5))) == 2
    assert find_lines(maps, page_of(SIZE_PX), LineFinding(found=0.6)) == []


def test_the_padding_of_a_page_holds_no_lines():
    maps = ideal_maps([line(320, 100, 300, 24), line(320, 400, 300, 24)])
    assert len(find_lines(maps, page_of((640, 300)), LineFinding())) == 1


@pytest.mark.parametrize("size", [(4, 4), (8, 640), (640, 4)])
def test_noise_of_any_size_gives_lines_on_the_page_or_none(size):
    noise = np.random.default_rng(5).normal(0, 3, (5, size[1] // STRIDE_PX, size[0] // STRIDE_PX)).astype(np.float32)
    noise[1:3] = np.abs(noise[1:3]) * 4
    for one in find_lines(Maps.of_output(noise), page_of(size), LineFinding(least_height_px=1, found=0.0)):
        assert np.isfinite(one.polygon_P2).all()
        assert 0 <= one.box[0] <= one.box[2] <= size[0]
        assert 0 <= one.box[1] <= one.box[3] <= size[1]
