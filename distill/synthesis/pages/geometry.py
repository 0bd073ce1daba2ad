"""Where the points of a sheet come to lie on the picture of it: bent paper, then a camera or a scanner.

The way there and the way back are both exact: bending is two shears, x by a function of y and then y by one of x.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from distill.data.augment import Pixels
from distill.synthesis.pages.lines import SheetLine
from distill.synthesis.pages.source import PageLook

Points = NDArray[np.float64]

_SAMPLES = 9  # points along an edge of a line, so that a bent line lies within its quadrilateral
_MAX_SAG = 0.35  # of a line's height


@dataclass(frozen=True)
class Bend:
    """A wave: `rise_px * sin(turns * 2 pi * t / length + phase)`."""

    rise_px: float
    turns: float
    phase: float
    length_px: float

    def at(self, t: Points) -> Points:
        """Return the shift at the places `t`."""
        angle = 2 * math.pi * self.turns * t / self.length_px + self.phase
        return np.asarray(self.rise_px * np.sin(angle))


@dataclass(frozen=True)
class Warp:
    """From points of a sheet to points of its picture, in pixels measured from pixels' edges."""

    matrix: Points  # (3, 3), after the bending
    aside: Bend | None = None  # shifts x by a function of y
    upward: Bend | None = None  # then y by a function of x

    def forward(self, points: Points) -> Points:
        """Return where points (..., 2) of the sheet come to lie."""
        x, y = points[..., 0], points[..., 1]
        if self.aside is not None and self.upward is not None:
            x = x + self.aside.at(y)
            y = y + self.upward.at(x)
        return _projected(self.matrix, x, y)

    def moved(self, x: float, y: float) -> Warp:
        """Return this warp with its picture moved."""
        shift = np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], np.float64)
        return Warp(shift @ self.matrix, self.aside, self.upward)

    def picture(self, sheet_HW: Pixels, onto_HW: Pixels) -> Pixels:
        """Return the sheet, (H, W) or (H, W, 3), laid onto a background of the picture's size."""
        height, width = onto_HW.shape[:2]
        half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]], np.float64)  # OpenCV counts from pixels' centres
        if self.aside is None or self.upward is None:
            matrix = np.linalg.inv(half) @ self.matrix @ half
            return np.asarray(
                cv2.warpPerspective(
                    sheet_HW, matrix, (width, height), onto_HW.copy(), cv2.INTER_LINEAR, cv2.BORDER_TRANSPARENT
                ),
                np.uint8,
            )
        back = np.linalg.inv(self.matrix).astype(np.float32)
        x, y = (np.arange(n, dtype=np.float32) + np.float32(0.5) for n in (width, height))
        w_HW = back[2, 0] * x + (back[2, 1] * y + back[2, 2])[:, None]
        x_HW = (back[0, 0] * x + (back[0, 1] * y + back[0, 2])[:, None]) / w_HW
        y_HW = (back[1, 0] * x + (back[1, 1] * y + back[1, 2])[:, None]) / w_HW
        y_HW -= self.upward.at(x_HW).astype(np.float32)
        x_HW -= self.aside.at(y_HW).astype(np.float32)
        return np.asarray(
            cv2.remap(sheet_HW, x_HW - 0.5, y_HW - 0.5, cv2.INTER_LINEAR, onto_HW.copy(), cv2.BORDER_TRANSPARENT),
            np.uint8,
        )


def sample_warp(look: PageLook, shape: tuple[int, int], rng: random.Random) -> Warp:
    """Sample how a sheet of a shape (height, width) bends and is seen. The picture is not yet moved into a frame."""
    height, width = shape
    source = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    target = source.astype(np.float64)
    if rng.random() < look.perspective_probability:
        shares = np.array([rng.uniform(-1, 1) for _ in range(8)]).reshape(4, 2) * look.perspective
        target = target + shares * (width, height)
    if rng.random() < look.skew_probability:
        angle = math.radians(rng.uniform(-1, 1) * look.skew_deg)
        turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
        target = (target - (width / 2, height / 2)) @ turn + (width / 2, height / 2)
    matrix = np.asarray(cv2.getPerspectiveTransform(source, target.astype(np.float32)), np.float64)
    if rng.random() >= look.curl_probability:
        return Warp(matrix)
    reach = look.curl * max(shape)
    aside = Bend(rng.uniform(-1, 1) * reach, rng.uniform(0.2, 1), rng.uniform(0, 2 * math.pi), height)
    upward = Bend(rng.uniform(-1, 1) * reach, rng.uniform(0.2, 0.9), rng.uniform(0, 2 * math.pi), width)
    return Warp(matrix, aside, upward)


def quadrilaterals(lines: list[SheetLine], warp: Warp) -> Points:
    """Return the corners (N, 4, 2) about lines as they are seen, from the text's top left, clockwise.

    They are the box's own corners; where the paper bends, its long edges move outwards until the line lies within.
    """
    top, bottom = (warp.forward(edge) for edge in _long_edges(lines))
    upper, _ = _pushed(top, -1)
    lower, _ = _pushed(bottom, 1)
    return np.stack([upper[:, 0], upper[:, 1], lower[:, 1], lower[:, 0]], 1)


def flattened(lines: list[SheetLine], warp: Warp) -> Warp:
    """Return the warp with less of a bend, where lines would bend by more than `_MAX_SAG` of their heights.

    Four corners cannot say where a line is that bends more.
    """
    if warp.aside is None or warp.upward is None or not lines:
        return warp
    heights = np.array([line.bottom - line.top for line in lines])
    sags = [_pushed(warp.forward(edge), sign)[1] for edge, sign in zip(_long_edges(lines), (-1, 1), strict=True)]
    worst = float((sum(sags) / heights).max())
    share = min(1.0, _MAX_SAG / max(worst, 1e-9))
    aside, upward = (replace(bend, rise_px=bend.rise_px * share) for bend in (warp.aside, warp.upward))
    return Warp(warp.matrix, aside, upward)


def _long_edges(lines: list[SheetLine]) -> tuple[Points, Points]:
    """Points (N, samples, 2) along the upper and the lower edge of boxes, from left to right."""
    left, top, right, bottom = np.array([line[1:5] for line in lines], np.float64).reshape(-1, 4).T
    x = left[:, None] + (right - left)[:, None] * np.linspace(0, 1, _SAMPLES)
    upper, lower = (np.stack([x, np.broadcast_to(y[:, None], x.shape)], -1) for y in (top, bottom))
    return upper, lower


def _pushed(edges: Points, sign: int) -> tuple[Points, Points]:
    """The ends (N, 2, 2) of bent edges, pushed up (-1) or down (1) until the edge is within, and by how much (N,)."""
    ends = edges[:, [0, -1]]
    along = ends[:, 1] - ends[:, 0]
    outward = sign * np.stack([-along[:, 1], along[:, 0]], -1) / np.maximum(np.hypot(*along.T), 1e-9)[:, None]
    sag = np.maximum(0, ((edges - edges[:, :1]) @ outward[:, :, None])[..., 0].max(1))
    return ends + (outward * sag[:, None])[:, None], sag


def outline(shape: tuple[int, int], warp: Warp) -> Points:
    """Return points (N, 2) along the edge of a sheet of a shape (height, width), as they are seen."""
    height, width = shape
    t = np.linspace(0, 1, 33)[:, None]
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float64)
    edges = [corners[i] + (corners[(i + 1) % 4] - corners[i]) * t for i in range(4)]
    return warp.forward(np.concatenate(edges))


def _projected(matrix: Points, x: Points, y: Points) -> Points:
    seen = np.stack([x, y, np.ones_like(x)], -1) @ matrix.T
    return np.asarray(seen[..., :2] / seen[..., 2:])
