"""The maps that a locator learns to give: rasterised from the corners of the lines, every value exact at its pixel.

A map pixel belongs to a core where its centre does. What the values mean is said in `students/pages/maps.py`; here
`core` is 0 or 1, and all other channels are 0 outside cores.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from distill.data.pages.record import MarkedLine
from students.pages.maps import CHANNELS, SHRINK
from students.pages.preparation import STRIDE_PX

LEAST_HEIGHT_PX = STRIDE_PX  # a lower line has no map pixel of its own, and is ignored
EXACT_PX = 1e-6  # of a pixel: an edge so near to a pixel's centre goes through it
NEIGHBOURS = ((0, 1), (1, -1), (1, 0), (1, 1))  # rows and columns to one pixel of each pair of neighbours


class Targets(NamedTuple):
    """Maps of one page or crop, float32 (5, H, W), and what each of their pixels weighs, float32 (H, W): 0 or 1."""

    maps_CHW: np.ndarray
    weights_HW: np.ndarray


class _Shape(NamedTuple):
    """What a line is, apart from the pixels: a point's distances to its four sides are `sides_43` times (x, y, 1)."""

    sides_43: np.ndarray  # inwards from the upper, right, lower and left side
    direction: np.ndarray
    height_px: float
    insets_4: np.ndarray  # of the core, from each side
    slants_2: np.ndarray  # distances along the line's normal to upper and lower side, by those to the sides themselves


def targets_of_lines(lines: Sequence[MarkedLine], size_px: tuple[int, int]) -> Targets:
    """Return the targets of marked lines; corners count pixels of the prepared page of this width and height."""
    corners_N42 = np.array([line.corners_42 for line in lines], float).reshape(-1, 4, 2)
    return targets_of(corners_N42, np.array([line.ignored for line in lines], bool), size_px)


def targets_of(corners_N42: np.ndarray, ignored_N: np.ndarray, size_px: tuple[int, int]) -> Targets:
    """Return the targets of lines on a page of this padded width and height, multiples of 4.

    Lines may leave the page. Where two cores meet, a pixel is that of the line that it is deeper in, and the shallower
    of two neighbours of different lines is background, so that cores stay apart. A core is at least one map pixel high
    and long, however small its line. Weight is 0 where an ignored line lies, or one that is lower than 4 px or has no
    pixel left of its core, and no other core does.
    """
    shape = size_px[1] // STRIDE_PX, size_px[0] // STRIDE_PX
    maps_CHW = np.zeros((CHANNELS, *shape), np.float32)
    weights_HW = np.ones(shape, np.float32)
    depth_HW, owner_HW = np.full(shape, -1, np.float32), np.full(shape, -1)
    unused = [corners_N42[n] for n in np.flatnonzero(ignored_N)]
    drawn: list[int] = []
    for n in np.flatnonzero(~ignored_N).tolist():
        line = _shape_of(corners_N42[n])
        if line is None:
            unused.append(corners_N42[n])
        elif _claim(n, line, corners_N42[n], depth_HW, owner_HW, maps_CHW):
            drawn.append(n)
    _part(depth_HW, owner_HW)
    core_HW = owner_HW >= 0
    left = set(np.unique(owner_HW).tolist())
    unused += [corners_N42[n] for n in drawn if n not in left]
    for corners_42 in unused:
        _leave_out(corners_42, weights_HW)
    weights_HW[core_HW] = 1
    maps_CHW *= core_HW
    return Targets(maps_CHW, weights_HW)


def _claim(
    n: int,
    line: _Shape,
    corners_42: np.ndarray,
    depth_HW: np.ndarray,
    owner_HW: np.ndarray,
    maps_CHW: np.ndarray,
) -> bool:
    """Give line `n` the pixels of its core that lie no deeper in another; return whether it has a core on the page."""
    window = _window(corners_42, owner_HW.shape)
    distances_4HW = _distances(line.sides_43, window)
    depth = ((distances_4HW - line.insets_4[:, None, None]) / line.height_px).min(0).astype(np.float32)
    inside = depth >= 0
    if not inside.any():
        inside = _middle(corners_42, window)
    taken = inside & (depth > depth_HW[window])
    depth_HW[window][taken] = depth[taken]
    owner_HW[window][taken] = n
    above, below = (distances_4HW[[0, 2]] * line.slants_2[:, None, None])[:, taken]
    maps_CHW[(slice(None), *window)][:, taken] = np.stack(np.broadcast_arrays(1.0, above, below, *line.direction))
    return bool(inside.any())


def _middle(corners_42: np.ndarray, window: tuple[slice, slice]) -> np.ndarray:
    """The map pixel of a window that the middle of a line lies in: the core of one too small for any centre."""
    column, row = (corners_42.mean(0) // STRIDE_PX).astype(int).tolist()
    rows, columns = (np.arange(part.start, part.stop) for part in window)
    return (rows == row)[:, None] & (columns == column)[None]


def _part(depth_HW: np.ndarray, owner_HW: np.ndarray) -> None:
    """Take the shallower of any two neighbours of different lines out of its core."""
    height, width = owner_HW.shape
    dropped_HW = np.zeros(owner_HW.shape, bool)
    for down, right in NEIGHBOURS:
        here = slice(0, height - down), slice(max(0, -right), width - max(0, right))
        there = slice(down, height), slice(max(0, right), width - max(0, -right))
        meet = (owner_HW[here] != owner_HW[there]) & (owner_HW[here] >= 0) & (owner_HW[there] >= 0)
        if meet.any():
            deeper = depth_HW[here] >= depth_HW[there]
            dropped_HW[there] |= meet & deeper
            dropped_HW[here] |= meet & ~deeper
    owner_HW[dropped_HW] = -1


def _leave_out(corners_42: np.ndarray, weights_HW: np.ndarray) -> None:
    """Take the weight of the pixels inside a quadrilateral."""
    window = _window(corners_42, weights_HW.shape)
    inside_HW = (_distances(_sides(corners_42), window) >= -EXACT_PX).all(0)
    weights_HW[window][inside_HW] = 0


def _shape_of(corners_42: np.ndarray) -> _Shape | None:
    """What a line is; None where it is too low to have a core, or encloses nothing."""
    top_left, top_right, bottom_right, bottom_left = corners_42
    way = top_right - top_left + bottom_right - bottom_left
    length = float(np.hypot(*way)) / 2
    if length <= EXACT_PX:
        return None
    direction = way / (2 * length)
    normal = np.array([-direction[1], direction[0]])
    height = float((bottom_left - top_left + bottom_right - top_right) @ normal) / 2
    sides_43 = _sides(corners_42)
    slants_2 = np.array([sides_43[0, :2] @ normal, -sides_43[2, :2] @ normal])
    if height < LEAST_HEIGHT_PX - EXACT_PX or not (slants_2 > EXACT_PX).all():
        return None
    across, along = (min(SHRINK * height, (side - STRIDE_PX) / 2) - EXACT_PX for side in (height, length))
    return _Shape(sides_43, direction, height, np.array([across, along, across, along]), 1 / slants_2)


def _sides(corners_42: np.ndarray) -> np.ndarray:
    """What gives the distances of a point from the upper, right, lower and left side, times (x, y, 1); inside above 0.

    A side without length is at the same distance, 0, of every point.
    """
    ahead_42 = np.roll(corners_42, -1, axis=0) - corners_42
    inwards_42 = np.stack([-ahead_42[:, 1], ahead_42[:, 0]], axis=1)
    inwards_42 /= np.maximum(np.hypot(*ahead_42.T), EXACT_PX)[:, None]
    return np.column_stack([inwards_42, -(inwards_42 * corners_42).sum(1)])


def _window(corners_42: np.ndarray, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """The map's rows and columns whose centres may lie in a quadrilateral, or in the least core of a small one."""
    (left, top), (right, bottom) = corners_42.min(0) / STRIDE_PX, corners_42.max(0) / STRIDE_PX
    rows, columns = ((max(0, int(low) - 1), int(high) + 2) for low, high in ((top, bottom), (left, right)))
    return slice(rows[0], max(rows[0], min(rows[1], shape[0]))), slice(
        columns[0], max(columns[0], min(columns[1], shape[1]))
    )


def _distances(sides_43: np.ndarray, window: tuple[slice, slice]) -> np.ndarray:
    """Distances of the centres of a window's map pixels from four sides, (4, h, w), in pixels of the prepared page."""
    y_H, x_W = (STRIDE_PX * (np.arange(part.start, part.stop) + 0.5) for part in window)
    across_4, down_4, begin_4 = sides_43.T
    return (down_4[:, None] * y_H + begin_4[:, None])[:, :, None] + (across_4[:, None] * x_W)[:, None, :]
