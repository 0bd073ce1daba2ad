"""The maps that a locator learns to give: rasterised from the corners of the lines, every value exact at its pixel.

A map pixel belongs to a core where its centre does. What the values mean is said in `students/pages/maps.py`; here
`core` is 0 or 1, and all other channels are 0 outside cores.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from students.pages.maps import CHANNELS, SHRINK, end_inset
from students.pages.preparation import STRIDE_PX

LEAST_HEIGHT_PX = STRIDE_PX  # a lower line has no map pixel of its own, and is ignored
EXACT_PX = 1e-6  # of a pixel: an edge so near to a pixel's centre goes through it
NEIGHBOURS = ((0, 1), (1, -1), (1, 0), (1, 1))  # rows and columns to one pixel of each pair of neighbours


class Targets(NamedTuple):
    """Maps of one page or crop, float32 (5, H, W), and what each of their pixels weighs, float32 (H, W): 0 or 1."""

    maps_CHW: np.ndarray
    weights_HW: np.ndarray


class _Shapes(NamedTuple):
    """What lines are, apart from pixels: a point's distances to a line's four sides are its `sides` times (x, y, 1)."""

    sides_N43: np.ndarray  # inwards from the upper, right, lower and left side
    directions_N2: np.ndarray
    heights_N: np.ndarray
    insets_N4: np.ndarray  # of the core, from each side
    slants_N2: np.ndarray  # distances along the line's normal to upper and lower side, by those to the sides themselves
    cored_N: np.ndarray  # whether the line encloses something, and is high enough to have a core


class _Drawn(NamedTuple):
    """The maps on which lines are drawn one by one: how deep in its core each pixel is, and which line's it is."""

    maps_CHW: np.ndarray
    depth_HW: np.ndarray
    owner_HW: np.ndarray


def targets_of(corners_N42: np.ndarray, ignored_N: np.ndarray, size_px: tuple[int, int]) -> Targets:
    """Return the targets of lines on a page of this padded width and height, multiples of 4.

    Lines may leave the page. Where two cores meet, a pixel is that of the line that it is deeper in, and the shallower
    of two neighbours of different lines is background, so that cores stay apart. A core is at least one map pixel high
    and long, however small its line. Weight is 0 where an ignored line lies, or one that is lower than 4 px or has no
    pixel left of its core, and no other core does.
    """
    shape = size_px[1] // STRIDE_PX, size_px[0] // STRIDE_PX
    drawn = _Drawn(
        np.zeros((CHANNELS, *shape), np.float32), np.full(shape, -1, np.float32), np.full(shape, -1, np.int32)
    )
    shapes = _shapes_of(corners_N42)
    windows = [_window(corners_42, shape) for corners_42 in corners_N42]
    learned_N = ~ignored_N & shapes.cored_N
    begun_N = np.zeros(len(corners_N42), bool)
    for n in np.flatnonzero(learned_N).tolist():
        begun_N[n] = _claim(n, shapes, corners_N42[n], windows[n], drawn)
    _part(drawn)
    core_HW = drawn.owner_HW >= 0
    left_N = np.bincount(drawn.owner_HW[core_HW], minlength=len(corners_N42)) > 0
    weights_HW = np.ones(shape, np.float32)
    for n in np.flatnonzero(~learned_N | (begun_N & ~left_N)):
        inside_HW = (_distances(shapes.sides_N43[n], windows[n]) >= -EXACT_PX).all(0)
        weights_HW[windows[n]][inside_HW] = 0
    weights_HW[core_HW] = 1
    drawn.maps_CHW[:, ~core_HW] = 0
    return Targets(drawn.maps_CHW, weights_HW)


def _claim(n: int, shapes: _Shapes, corners_42: np.ndarray, window: tuple[slice, slice], drawn: _Drawn) -> bool:
    """Give line `n` the pixels of its core that lie no deeper in another; return whether it has a core on the page."""
    distances_4HW = _distances(shapes.sides_N43[n], window)
    depth = (distances_4HW - shapes.insets_N4[n][:, None, None]).min(0) / shapes.heights_N[n]
    inside = depth >= 0
    if not inside.any():
        inside = _middle(corners_42, window)
    taken = inside & (depth.astype(np.float32) > drawn.depth_HW[window])
    drawn.depth_HW[window][taken] = depth[taken]
    drawn.owner_HW[window][taken] = n
    maps = drawn.maps_CHW[:, window[0], window[1]]
    maps[0, taken] = 1
    maps[1, taken] = distances_4HW[0, taken] * shapes.slants_N2[n, 0]
    maps[2, taken] = distances_4HW[2, taken] * shapes.slants_N2[n, 1]
    maps[3, taken], maps[4, taken] = shapes.directions_N2[n]
    return bool(inside.any())


def _middle(corners_42: np.ndarray, window: tuple[slice, slice]) -> np.ndarray:
    """The map pixel of a window that the middle of a line lies in: the core of one too small for any centre."""
    column, row = (corners_42.mean(0) // STRIDE_PX).astype(int).tolist()
    rows, columns = (np.arange(part.start, part.stop) for part in window)
    return (rows == row)[:, None] & (columns == column)[None]


def _part(drawn: _Drawn) -> None:
    """Take the shallower of any two neighbours of different lines out of its core."""
    _, depth_HW, owner_HW = drawn
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


def _shapes_of(corners_N42: np.ndarray) -> _Shapes:
    """What lines are; of those that have no core only their sides mean something."""
    top_left, top_right, bottom_right, bottom_left = corners_N42.swapaxes(0, 1)
    ways_N2 = top_right - top_left + bottom_right - bottom_left
    lengths_N = np.hypot(*ways_N2.T) / 2
    directions_N2 = ways_N2 / np.maximum(2 * lengths_N, EXACT_PX)[:, None]
    normals_N2 = np.stack([-directions_N2[:, 1], directions_N2[:, 0]], axis=1)
    heights_N = ((bottom_left - top_left + bottom_right - top_right) * normals_N2).sum(1) / 2
    sides_N43 = _sides(corners_N42)
    along_normal_N2 = np.einsum("nsd,nd->ns", sides_N43[:, [0, 2], :2], normals_N2) * (1, -1)
    cored_N = (lengths_N > EXACT_PX) & (heights_N >= LEAST_HEIGHT_PX - EXACT_PX) & (along_normal_N2 > EXACT_PX).all(1)
    extents_N2 = np.stack([heights_N, lengths_N], axis=1)
    shrunk_N2 = np.stack([SHRINK * heights_N, end_inset(lengths_N, heights_N)], axis=1)
    insets_N2 = np.minimum(shrunk_N2, (extents_N2 - STRIDE_PX) / 2) - EXACT_PX
    slants_N2 = 1 / np.maximum(along_normal_N2, EXACT_PX)
    return _Shapes(sides_N43, directions_N2, heights_N, insets_N2[:, [0, 1, 0, 1]], slants_N2, cored_N)


def _sides(corners_N42: np.ndarray) -> np.ndarray:
    """What gives the distances of a point from the upper, right, lower and left side, times (x, y, 1); inside above 0.

    A side without length is at the same distance, 0, of every point.
    """
    ahead_N42 = corners_N42[:, [1, 2, 3, 0]] - corners_N42
    inwards_N42 = ahead_N42[:, :, ::-1] * (-1, 1)
    inwards_N42 /= np.maximum(np.hypot(*np.moveaxis(ahead_N42, -1, 0)), EXACT_PX)[:, :, None]
    return np.concatenate([inwards_N42, -(inwards_N42 * corners_N42).sum(-1, keepdims=True)], axis=-1)


def _window(corners_42: np.ndarray, shape: tuple[int, int]) -> tuple[slice, slice]:
    """The map's rows and columns whose centres may lie in a quadrilateral, or in the least core of a small one."""
    (x0, y0), (x1, y1) = corners_42.min(0).tolist(), corners_42.max(0).tolist()
    return _reach(y0, y1, shape[0]), _reach(x0, x1, shape[1])


def _reach(low_px: float, high_px: float, n: int) -> slice:
    begin = min(max(0, int(low_px / STRIDE_PX) - 1), n)
    return slice(begin, max(begin, min(int(high_px / STRIDE_PX) + 2, n)))


def _distances(sides_43: np.ndarray, window: tuple[slice, slice]) -> np.ndarray:
    """Distances of the centres of a window's map pixels from four sides, (4, h, w), in pixels of the prepared page."""
    y_H, x_W = (STRIDE_PX * (np.arange(part.start, part.stop) + 0.5) for part in window)
    across_4, down_4, begin_4 = sides_43.T
    return (down_4[:, None] * y_H + begin_4[:, None])[:, :, None] + (across_4[:, None] * x_W)[:, None, :]
