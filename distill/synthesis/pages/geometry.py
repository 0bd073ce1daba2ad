"""Where the points of a sheet come to lie on the picture of it: bent paper, then a camera or a scanner.

The way there and the way back are both exact: bending is two shears, x by a function of y and then y by one of x.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from distill.data.augment import Pixels
from distill.synthesis.pages.lines import SheetLine
from distill.synthesis.pages.source import PageLook

Points = NDArray[np.float64]

_SAMPLES = 9  # points along an edge of a line, so that a bent line lies within its quadrilateral


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
    boxes = np.array([line[1:5] for line in lines], np.float64).reshape(-1, 4)
    share = np.linspace(0, 1, _SAMPLES)
    x = boxes[:, None, 0] + (boxes[:, 2] - boxes[:, 0])[:, None] * share
    top = warp.forward(np.stack([x, np.broadcast_to(boxes[:, None, 1], x.shape)], -1))
    bottom = warp.forward(np.stack([x, np.broadcast_to(boxes[:, None, 3], x.shape)], -1))
    along = top[:, -1] - top[:, 0]
    normal = np.stack([-along[:, 1], along[:, 0]], -1) / np.maximum(np.hypot(*along.T), 1e-9)[:, None]  # downwards
    above = ((top - top[:, :1]) @ normal[:, :, None])[..., 0].min(1)
    low = bottom[:, -1] - bottom[:, 0]
    normal_low = np.stack([-low[:, 1], low[:, 0]], -1) / np.maximum(np.hypot(*low.T), 1e-9)[:, None]
    below = ((bottom - bottom[:, :1]) @ normal_low[:, :, None])[..., 0].max(1)
    up, down = normal * above[:, None], normal_low * below[:, None]
    return np.stack([top[:, 0] + up, top[:, -1] + up, bottom[:, -1] + down, bottom[:, 0] + down], 1)


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
