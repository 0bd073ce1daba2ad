"""A line cut out of its page: training, import and reading cut by this code, so that a recogniser sees the same."""

from __future__ import annotations

import math

import cv2
import numpy as np

LEVEL_PX = 1.0  # four corners so near those of an upright box are one: cut as it stands, without loss of sharpness
RECTANGLE_42 = np.array([(0, 0), (1, 0), (1, 1), (0, 1)])
BORDER_PX = 2  # how far from a place cubic interpolation looks
WHITE = 255


def cut(page_HWC: np.ndarray, corners_42: np.ndarray, margin_px: int = 0) -> np.ndarray:
    """Return the line between four corners of a page, uint8 (H, W) or (H, W, 3), and a margin, with its text upright.

    Corners count pixels of the page, from the text's top left, clockwise. Nearly upright boxes are cut as they stand
    or by quarter turns; others are warped, and what lies beyond the page is paper, the median of the line.
    """
    quarters = _quarters(corners_42[1] - corners_42[0])
    (left, top), (right, bottom) = corners_42.min(0), corners_42.max(0)
    box_42 = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
    if np.abs(np.roll(corners_42, quarters, axis=0) - box_42).max() <= LEVEL_PX:
        part_HWC, _ = around(page_HWC, corners_42, margin_px)
        if part_HWC.size:
            return np.rot90(part_HWC, quarters).copy()
    return warp(page_HWC, corners_42, margin_px, _paper_beyond(page_HWC, corners_42, margin_px))[0]


def around(page_HWC: np.ndarray, polygon_P2: np.ndarray, margin_px: int) -> tuple[np.ndarray, tuple[int, int]]:
    """Return the part of a page around a polygon and a margin, a view of it, and where it begins (left, top)."""
    height, width = page_HWC.shape[:2]
    (left, top), (right, bottom) = polygon_P2.min(0), polygon_P2.max(0)
    left, top = max(math.floor(left) - margin_px, 0), max(math.floor(top) - margin_px, 0)
    right, bottom = min(math.ceil(right) + margin_px, width), min(math.ceil(bottom) + margin_px, height)
    return page_HWC[top:bottom, left:right], (left, top)


def mask_of(polygon_P2: np.ndarray, image_HWC: np.ndarray) -> np.ndarray:
    """Return what lies inside a polygon on an image, (H, W) uint8: 1 there."""
    mask_HW = np.zeros(image_HWC.shape[:2], np.uint8)
    return cv2.fillPoly(mask_HW, [np.round(polygon_P2).astype(np.int32)], 1)


def paper_of(page_HWC: np.ndarray, polygon_P2: np.ndarray) -> np.ndarray:
    """Return the median colour inside a polygon on a page, uint8, one value a channel."""
    part_HWC, start = around(page_HWC, polygon_P2, 0)
    return median_of(part_HWC, mask_of(polygon_P2 - start, part_HWC))


def median_of(image_HWC: np.ndarray, mask_HW: np.ndarray) -> np.ndarray:
    """Return the median colour where a mask is not 0, uint8, one value a channel; white where it is 0 everywhere."""
    inside = image_HWC[mask_HW > 0]
    paper: np.ndarray = np.median(inside, axis=0).astype(np.uint8) if len(inside) else _white(image_HWC)
    return paper


def warp(
    page_HWC: np.ndarray, frame_42: np.ndarray, margin_px: int, paper: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return a frame and a margin as a rectangle as long and high as the frame's longer sides, and the matrix (3, 3).

    By cubic interpolation; beyond the page is `paper`. The matrix takes centres of the page's pixels to those of the
    rectangle: OpenCV counts the centres of pixels, we count their edges, half a pixel between.
    """
    sides_4 = np.linalg.norm(np.roll(frame_42, -1, axis=0) - frame_42, axis=1)
    width, height = max(1, round(max(sides_4[0], sides_4[2]))), max(1, round(max(sides_4[1], sides_4[3])))
    corners_42 = RECTANGLE_42 * (width, height) + margin_px - 0.5
    matrix_33 = cv2.getPerspectiveTransform((frame_42 - 0.5).astype(np.float32), corners_42.astype(np.float32))
    line_HWC = cv2.warpPerspective(
        page_HWC,
        matrix_33,
        (width + 2 * margin_px, height + 2 * margin_px),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=np.atleast_1d(paper).tolist(),
    )
    return line_HWC, matrix_33


def _paper_beyond(page_HWC: np.ndarray, corners_42: np.ndarray, margin_px: int) -> np.ndarray:
    """The paper of a line that may reach beyond the page; any value, for speed, for one that is well inside."""
    height, width = page_HWC.shape[:2]
    reach = 2 * margin_px + BORDER_PX
    inside = corners_42.min() >= reach and (corners_42.max(0) <= np.array([width, height]) - reach).all()
    return _white(page_HWC) if inside else paper_of(page_HWC, corners_42)


def _white(image_HWC: np.ndarray) -> np.ndarray:
    return np.full(image_HWC.shape[2:], WHITE, np.uint8)


def _quarters(direction: np.ndarray) -> int:
    """How many quarter turns anticlockwise come nearest to making the direction level."""
    return round(math.atan2(direction[1], direction[0]) / (math.pi / 2)) % 4
