"""Lines of one row that were found as one are parted at wide gaps, and text that is one line is not."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from students.pages.finding import FoundLine, LineFinding, find_lines
from students.pages.gaps import Limits, parted
from students.pages.maps import Maps
from students.pages.preparation import STRIDE_PX, PreparedPage
from tests.students.pages.test_finding import SURE, ideal_maps, line

SIZE_PX = (640, 160)
HEIGHT_PX, LEFT_PX, TOP_PX = 20, 40, 60
WORD_PX = 61  # eight letters
CORNERS = line(340, TOP_PX + HEIGHT_PX / 2, 600, HEIGHT_PX)
BY_GAPS = LineFinding(gap=0.9, gap_core=0.9)


def words_of(gaps_px: list[int]) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """A grey page, 1 white and -1 black, with words so far apart, each of letters 8 px apart, and where words are."""
    page_HW = np.ones((SIZE_PX[1], SIZE_PX[0]), np.float32)
    places, x = [], LEFT_PX + 4
    for gap_px in [0, *gaps_px]:
        x += gap_px
        for letter in range(0, WORD_PX, 8):
            page_HW[TOP_PX + 3 : TOP_PX + 17, x + letter : x + letter + 5] = -1
        places.append((x, x + WORD_PX))
        x += WORD_PX
    return page_HW, places


def core_of(doubtful: list[tuple[int, int]] = (), logit: float = 1.0) -> np.ndarray:
    """Logits of a core that goes through everything, less sure between these places of the page."""
    core_HW = np.full((SIZE_PX[1] // STRIDE_PX, SIZE_PX[0] // STRIDE_PX), SURE, np.float32)
    for begin, end in doubtful:
        core_HW[:, begin // STRIDE_PX : -(-end // STRIDE_PX)] = logit
    return core_HW


def row(gaps_px: list[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[tuple[int, int]]]:
    """The corners around words, the core, doubtful in every gap, the page, and where the words are."""
    page_HW, places = words_of(gaps_px)
    gaps = [(before[1], after[0]) for before, after in pairwise(places)]
    left, right = places[0][0] - 3, places[-1][1] + 3
    corners_42 = np.array([(left, TOP_PX), (right, TOP_PX), (right, TOP_PX + 20), (left, TOP_PX + 20)], float)
    return corners_42, core_of(gaps), page_HW, places


LIMITS = Limits(0.9, 0.9)


def test_a_row_is_parted_at_its_wide_gaps_a_little_beyond_the_ink() -> None:
    corners_42, core_HW, page_HW, places = row([24, 7, 30])
    parts = parted(corners_42, core_HW, page_HW, LIMITS)
    assert len(parts) == 3
    ends = [(places[0][0], places[0][1]), (places[1][0], places[2][1]), (places[3][0], places[3][1])]
    for part_42, (left, right) in zip(parts, ends, strict=True):
        assert part_42[0, 0] == pytest.approx(left - 2.4, abs=1.2)
        assert part_42[1, 0] == pytest.approx(right + 2.4, abs=1.2)
        assert part_42[:, 1].tolist() == corners_42[:, 1].tolist()


@pytest.mark.parametrize(
    ("gaps_px", "core"),
    [
        ([7, 8, 7], None),  # words of a line
        ([24, 7, 30], SURE),  # the locator is sure that the line goes on
        ([19, 15, 20, 16], None),  # words of a justified line
    ],
)
def test_what_is_one_line_stays_whole(gaps_px: list[int], core: float | None) -> None:
    corners_42, core_HW, page_HW, _ = row(gaps_px)
    core_HW = core_HW if core is None else np.full_like(core_HW, core)
    assert [part.tolist() for part in parted(corners_42, core_HW, page_HW, LIMITS)] == [corners_42.tolist()]


def test_ink_may_be_bright_and_a_rule_through_the_gap_joins() -> None:
    corners_42, core_HW, page_HW, _ = row([30])
    assert len(parted(corners_42, core_HW, -page_HW, LIMITS)) == 2
    page_HW[TOP_PX + 14 : TOP_PX + 16] = -1
    assert len(parted(corners_42, core_HW, page_HW, LIMITS)) == 1


def test_a_blank_line_and_one_shorter_than_a_gap_stay_whole() -> None:
    blank_HW = np.ones((SIZE_PX[1], SIZE_PX[0]), np.float32)
    assert len(parted(CORNERS, core_of([(0, 640)]), blank_HW, LIMITS)) == 1
    assert len(parted(line(60, 70, 10, 20), core_of([(0, 640)]), blank_HW, LIMITS)) == 1


def test_a_turned_row_is_parted_along_it() -> None:
    corners_42, core_HW, page_HW, _ = row([30])
    upright = [np.rot90(map_HW).copy() for map_HW in (core_HW, page_HW)]
    turned_42 = np.stack([corners_42[:, 1], SIZE_PX[0] - corners_42[:, 0]], axis=1)  # its text now runs upwards
    parts = parted(turned_42, *upright, LIMITS)
    assert len(parts) == 2
    assert parts[0][:, 1].min() > parts[1][:, 1].max()


def found(finding: LineFinding) -> list[FoundLine]:
    corners_42, _, page_HW, places = row([30])
    maps = ideal_maps([corners_42, line(200, 130, 200, 20)], SIZE_PX)
    gap = slice(places[0][1] // STRIDE_PX, places[1][0] // STRIDE_PX)
    doubtful = maps.core.copy()
    doubtful[: 100 // STRIDE_PX, gap] = np.minimum(doubtful[: 100 // STRIDE_PX, gap], 1.0)
    prepared = PreparedPage(page_HW[None], SIZE_PX, (2.0, 2.0))
    return find_lines(Maps(doubtful, *maps[1:]), prepared, finding)


def test_lines_are_parted_only_where_the_settings_say_so() -> None:
    whole, parts = found(LineFinding()), found(BY_GAPS)
    assert (len(whole), len(parts)) == (2, 3)
    assert parts[0].box[2] < parts[1].box[0]
    assert parts[0].found == parts[1].found == whole[0].found
    assert parts[2].box == whole[1].box
    assert find_lines(Maps(*(np.full((8, 8), -SURE, np.float32) for _ in range(5))), *nothing()) == []


def nothing() -> tuple[PreparedPage, LineFinding]:
    return PreparedPage(np.ones((1, 32, 32), np.float32), (32, 32), (1.0, 1.0)), BY_GAPS


def test_lines_that_are_all_left_out_are_no_fault() -> None:
    maps = ideal_maps([line(200, 80, 200, 20)], SIZE_PX)
    page = PreparedPage(np.ones((1, SIZE_PX[1], SIZE_PX[0]), np.float32), SIZE_PX, (1.0, 1.0))
    assert find_lines(maps, page, LineFinding(gap=0.9, least_height_px=100)) == []


def test_settings_without_a_gap_are_written_as_before() -> None:
    assert not any("gap" in name for name in LineFinding().model_dump())
    assert LineFinding(**BY_GAPS.model_dump()) == BY_GAPS
