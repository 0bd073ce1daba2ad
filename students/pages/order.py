"""The order in which the lines of a page are read: columns one after the other, rows of a table or receipt one by one.

Lines that stand close together in a row become one segment, so that words are ordered like lines. A block of segments
is cut at gutters between columns of running text; what has none is read row by row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

CLOSE = 0.8  # of a height: parts of a row that are no further apart are words of one line
SAME_ROW = 0.5  # of the smaller height: the middles of parts of one row are no further apart
GUTTER = 0.6  # of the median height: columns are at least so far apart
STRAY = 0.05  # of the lines of a column: so many may reach into the gutter, as a headline above does
COLUMN_ROWS = 3  # on either side of a gutter
RUNNING, NARROW = 8.0, 5.5  # of its height: half of the lines of running text are longer; in a long, narrow column
LONG_COLUMN = 12  # lines
FULL = 0.6  # of the longest: half of the lines of running text are longer
TOGETHER = 512  # parts that are compared with all others at a time: memory is so many times theirs
FAR, BEGINS = 3.0, (1.0, 0.5)  # of a height: lines so far below begin at the same place, the nearer the surer it is
MOST = 2_000  # segments of a block that is searched for columns: the newspaper with the most has fewer
BESIDE = 0.25  # of the lines of a column: if so many stand level with one of the other, these may be rows of a table


@dataclass(frozen=True)
class _Part:
    """A line, or lines of one row: where it begins and ends along the rows, and the middle there across them."""

    lines: tuple[int, ...]
    left: float
    right: float
    at_left: float
    at_right: float
    height: float

    @property
    def middle(self) -> float:
        return (self.at_left + self.at_right) / 2

    @property
    def top(self) -> float:
        return self.middle - self.height / 2

    @property
    def bottom(self) -> float:
        return self.middle + self.height / 2

    def joined(self, after: _Part) -> _Part:
        """Return this part and the one on its right as one."""
        height = max(self.height, after.height)
        return _Part(self.lines + after.lines, self.left, after.right, self.at_left, after.at_right, height)


def reading_order(corners_N42: Sequence[np.ndarray] | np.ndarray, right_to_left: bool = False) -> list[int]:
    """Return the numbers of the lines in the order of reading.

    Corners run clockwise from the text's top left, y downwards. The page is turned level by the direction of most of
    the text. With `right_to_left` columns and the parts of a row are read from the right.
    """
    if len(corners_N42) == 0:
        return []
    parts = _parts(np.asarray(corners_N42, np.float64), right_to_left)
    segments = [_joined(run) for row in _rows(parts) for run in _runs(row)]
    return [line for segment in _ordered(_upright(segments)) for line in segment.lines]


def _parts(corners_N42: np.ndarray, right_to_left: bool) -> list[_Part]:
    """Every line as a part, once most of the text is level. A line that stands upright on it is as wide as its box."""
    along_N2 = corners_N42[:, 1] - corners_N42[:, 0] + corners_N42[:, 2] - corners_N42[:, 3]
    cosine, sine = along_N2.sum(0) / max(float(np.hypot(*along_N2.sum(0))), 1e-9)
    level_N42 = corners_N42 @ np.array([[cosine, -sine], [sine, cosine]])
    if right_to_left:
        level_N42 = (level_N42 * (-1, 1))[:, [1, 0, 3, 2]]
    (left_N, top_N), (right_N, bottom_N) = level_N42.min(1).T, level_N42.max(1).T
    along_N2 = level_N42[:, 1] - level_N42[:, 0]
    lies_N = along_N2[:, 0] > np.abs(along_N2[:, 1])
    ends_N42 = (level_N42 + level_N42[:, [3, 2, 1, 0]]) / 2
    middle_N = (top_N + bottom_N) / 2
    columns = (
        np.where(lies_N, ends_N42[:, 0, 0], left_N),
        np.where(lies_N, ends_N42[:, 1, 0], right_N),
        np.where(lies_N, ends_N42[:, 0, 1], middle_N),
        np.where(lies_N, ends_N42[:, 1, 1], middle_N),
        np.where(lies_N, np.abs(level_N42[:, 3, 1] - level_N42[:, 0, 1]), bottom_N - top_N),
    )
    return [_Part((i,), *map(float, numbers)) for i, numbers in enumerate(zip(*columns, strict=True))]


def _upright(parts: list[_Part]) -> list[_Part]:
    """Parts with their columns upright, as on a page seen from the side they are not.

    Most lines of text begin where the one above does: the median of how far they are moved is how columns lean. A line
    far below that begins there, too, once they are so far upright, says it far better.
    """
    if not 2 * COLUMN_ROWS <= len(parts) <= MOST:
        return parts
    left_N, _, _, _, height_N = _columns_of(parts)
    middle_N = np.array([part.middle for part in parts])
    down_NN, aside_NN = middle_N[None] - middle_N[:, None], left_N[None] - left_N[:, None]
    below_NN = (down_NN > height_N[:, None] / 2) & (np.abs(aside_NN) < np.minimum(down_NN, 2 * height_N[:, None]))
    nearest_N = np.where(below_NN, down_NN, np.inf).argmin(1)
    lines_N = np.flatnonzero(below_NN.any(1))
    if len(lines_N) < COLUMN_ROWS:
        return parts
    lean = float(np.median(aside_NN[lines_N, nearest_N[lines_N]] / down_NN[lines_N, nearest_N[lines_N]]))
    far_NN = down_NN > FAR * height_N[:, None]
    for near in BEGINS:
        under_NN = far_NN & (np.abs(aside_NN - lean * down_NN) < near * height_N[:, None])
        if under_NN.any():
            lean = float((aside_NN[under_NN] * down_NN[under_NN]).sum() / np.square(down_NN[under_NN]).sum())
    return [replace(part, left=part.left - lean * part.middle, right=part.right - lean * part.middle) for part in parts]


def _rows(parts: Sequence[_Part]) -> list[list[_Part]]:
    """Parts of one row together, from left to right; rows from top to bottom.

    A part goes on with the nearest one on its right that stands level with it and has none nearer on its left.
    """
    after = _neighbours(parts)
    begins = sorted(set(range(len(parts))) - set(after.values()), key=lambda i: (parts[i].middle, parts[i].left))
    rows = []
    for i in begins:
        row = [parts[i]]
        while i in after:
            i = after[i]
            row.append(parts[i])
        rows.append(row)
    return sorted(rows, key=lambda row: sum(part.middle for part in row) / len(row))


def _neighbours(parts: Sequence[_Part]) -> dict[int, int]:
    """The part that goes on the row of each, where there is one."""
    nearest_N = np.zeros(len(parts), int)
    back_N, back_gap_N = np.full(len(parts), -1), np.full(len(parts), np.inf)
    middle_N = np.array([(part.left + part.right) / 2 for part in parts])
    for first in range(0, len(parts), TOGETHER):
        some = slice(first, first + TOGETHER)
        gap_MN, off_MN = _apart(parts[some], parts)
        level_MN = (off_MN < SAME_ROW) & (gap_MN > -1) & (middle_N[None] > middle_N[some, None])
        gap_MN = np.where(level_MN, gap_MN, np.inf)
        nearest_N[some] = np.where(level_MN.any(1), gap_MN.argmin(1), -1)
        least_N = gap_MN.min(0)
        nearer_N = least_N < back_gap_N
        back_N[nearer_N] = first + gap_MN.argmin(0)[nearer_N]
        back_gap_N = np.minimum(back_gap_N, least_N)
    return {i: j for i, j in enumerate(nearest_N.tolist()) if j >= 0 and back_N[j] == i}


def _apart(before: Sequence[_Part], after: Sequence[_Part]) -> tuple[np.ndarray, np.ndarray]:
    """How far each of some parts begins behind the end of each of others, and how far off their row, both (N, M).

    In heights of the smaller one. The row goes on as steeply as the two parts rise: a long one knows it better.
    """
    left_N, right_N, at_left_N, at_right_N, height_N = _columns_of(before)
    left_M, right_M, at_left_M, at_right_M, height_M = _columns_of(after)
    rise_NM = np.add.outer(at_right_N - at_left_N, at_right_M - at_left_M)
    slope_NM = rise_NM / np.maximum(np.add.outer(right_N - left_N, right_M - left_M), 1e-9)
    gap_NM = left_M[None] - right_N[:, None]
    off_NM = np.abs(at_left_M[None] - at_right_N[:, None] - slope_NM * gap_NM)
    height_NM = np.maximum(np.minimum.outer(height_N, height_M), 1e-9)
    return gap_NM / height_NM, off_NM / height_NM


def _columns_of(parts: Sequence[_Part]) -> np.ndarray:
    return np.array([(part.left, part.right, part.at_left, part.at_right, part.height) for part in parts]).T


def _runs(row: Sequence[_Part]) -> list[list[_Part]]:
    """A row in runs of parts that stand close together."""
    runs = [[row[0]]]
    for part in row[1:]:
        before = runs[-1][-1]
        if part.left - before.right <= CLOSE * min(part.height, before.height):
            runs[-1].append(part)
        else:
            runs.append([part])
    return runs


def _joined(run: Sequence[_Part]) -> _Part:
    whole = run[0]
    for part in run[1:]:
        whole = whole.joined(part)
    return whole


def _ordered(block: list[_Part]) -> list[_Part]:
    """The segments of a block in the order of reading."""
    columns = _columns(block)
    if columns is None:
        return _together(_rows(block))
    return [part for some in columns if some for part in _ordered(some)]


def _columns(block: list[_Part]) -> tuple[list[_Part], ...] | None:
    """A block in four: above the longest pair of columns, the left one, the right one, below; None where none is.

    What is above and below crosses the gutter, or is separated from the columns by what does.
    """
    if not 2 * COLUMN_ROWS <= len(block) <= MOST:
        return None
    rows = _rows(block)
    wide = GUTTER * float(np.median([part.height for part in block]))
    for place, first, last in _stretches(rows, _gutters(block, wide)):
        some = _together(rows[first:last])
        left = [part for part in some if part.right <= place]
        right = [part for part in some if part.left >= place]
        if _are_columns(left, right, wide):
            return _together(rows[:first]), left, right, _together(rows[last:])
    return None


def _gutters(block: Sequence[_Part], wide: float) -> np.ndarray:
    """Places along the rows where a column could begin: at the left edge of a segment with another on its left."""
    lefts = sorted({part.left for part in block})
    places = [left for i, left in enumerate(lefts) if i == 0 or left - lefts[i - 1] > wide / 4]
    return np.array(places[1:]) - wide / 4


def _stretches(rows: Sequence[Sequence[_Part]], places_G: np.ndarray) -> list[tuple[float, int, int]]:
    """Places, and from which row to which no segment crosses them; those with the most segments first."""
    left_P, right_P, *_ = _columns_of(_together(rows))
    starts_R = np.cumsum([0, *(len(row) for row in rows)])
    crossed_GP = (left_P < places_G[:, None]) & (places_G[:, None] < right_P)
    crossed_GR = np.logical_or.reduceat(crossed_GP, starts_R[:-1], axis=1)
    found = []
    for place, crossed_R in zip(places_G.tolist(), crossed_GR, strict=True):
        ends = np.concatenate([[-1], np.flatnonzero(crossed_R), [len(rows)]])
        for first, last in zip((ends[:-1] + 1).tolist(), ends[1:].tolist(), strict=True):
            if last - first >= COLUMN_ROWS:
                found.append((int(starts_R[last] - starts_R[first]), place, first, last))
    return [(place, first, last) for _, place, first, last in sorted(found, key=lambda one: -one[0])]


def _together(rows: Sequence[Sequence[_Part]]) -> list[_Part]:
    return [part for row in rows for part in row]


def _are_columns(left: Sequence[_Part], right: Sequence[_Part], wide: float) -> bool:
    """Whether two sides are read one after the other: running text, or lines that do not stand level in rows."""
    if min(len(left), len(right)) < COLUMN_ROWS:
        return False
    begins, ends = (
        np.quantile([part.left for part in right], STRAY),
        np.quantile([part.right for part in left], 1 - STRAY),
    )
    if begins - ends < wide:
        return False
    if _is_running(left) and _is_running(right):
        return True
    level_LR = _apart(left, right)[1] < SAME_ROW
    return float(level_LR.any(axis=1 if len(left) <= len(right) else 0).mean()) < BESIDE


def _is_running(column: Sequence[_Part]) -> bool:
    """Whether most lines of a column are long, and about as long as its longest."""
    left_N, right_N, _, _, height_N = _columns_of(column)
    width_N = right_N - left_N
    middle = len(column) // 2
    return bool(
        np.partition(width_N, middle)[middle] > FULL * width_N.max()
        and np.partition(width_N / np.maximum(height_N, 1e-9), middle)[middle]
        > (RUNNING if len(column) < LONG_COLUMN else NARROW)
    )
