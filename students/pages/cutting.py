"""A line cut out of its page: training, import and reading cut by this code, so that a recogniser sees the same."""

from __future__ import annotations

import math

import cv2
import numpy as np

LEVEL_PX = 1.0  # four corners so near those of an upright box are one: cut as it stands, without loss of sharpness
RECTANGLE_42 = np.array([(0, 0), (1, 0), (1, 1), (0, 1)])
TURNED = ((0, 1, 2, 3), (3, 0, 1, 2), (2, 3, 0, 1), (1, 2, 3, 0))  # corners by quarter turns: numpy.roll, but faster
BORDER_PX = 2  # how far from a place cubic interpolation looks
WHITE = 255


def cut(page_HWC: np.ndarray, outline_P2: np.ndarray, margin_px: int = 0) -> np.ndarray:
    """Return a line of a page, uint8 (H, W) or (H, W, 3), and a margin around it, with its text upright.

    Points count pixels of the page, from the text's top left, clockwise: four corners, or those of a line that bends,
    half of them along its top. Nearly upright boxes are cut as they stand or by quarter turns; others are warped, and
    what lies beyond the page is paper, the median of the line.
    """
    if len(outline_P2) > 4:
        return _straightened(page_HWC, outline_P2, margin_px)
    corners_42 = outline_P2
    quarters = quarters_along(corners_42[1] - corners_42[0])
    (left, top), (right, bottom) = corners_42.min(0), corners_42.max(0)
    box_42 = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
    if np.abs(corners_42[list(TURNED[quarters])] - box_42).max() <= LEVEL_PX:
        part_HWC, _ = around(page_HWC, corners_42, margin_px)
        if part_HWC.size:
            return np.rot90(part_HWC, quarters).copy()
    return warp(page_HWC, corners_42, margin_px, _paper_beyond(page_HWC, corners_42, margin_px))[0]


def quarters_along(direction: np.ndarray) -> int:
    """Return how many quarter turns anticlockwise come nearest to making the direction level."""
    return round(math.atan2(direction[1], direction[0]) / (math.pi / 2)) % 4


def margin_px_of(corners_42: np.ndarray, margin: float) -> int:
    """Return the pixels of a margin that is a share of a line's height, as a page reader cuts it."""
    return round(margin * float(np.hypot(*(corners_42[3] - corners_42[0]))))


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
    sides_4 = np.hypot(*(frame_42[[1, 2, 3, 0]] - frame_42).T)
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


def _straightened(page_HWC: np.ndarray, outline_P2: np.ndarray, margin_px: int) -> np.ndarray:
    """A line that bends as a rectangle as long as its middle and as high as it is on average."""
    half = len(outline_P2) // 2
    top_S2, bottom_S2 = outline_P2[:half], outline_P2[half:][::-1]
    middle_S2 = (top_S2 + bottom_S2) / 2
    along_S = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(middle_S2, axis=0), axis=1))])
    width, height = max(1, round(along_S[-1])), max(1, round(np.linalg.norm(bottom_S2 - top_S2, axis=1).mean()))
    along_W = (np.arange(-margin_px, width + margin_px) + 0.5) * (along_S[-1] / width)
    down_H = (np.arange(-margin_px, height + margin_px) + 0.5) / height
    top_W2, bottom_W2 = _at(along_W, along_S, top_S2), _at(along_W, along_S, bottom_S2)
    x_HW, y_HW = (np.outer(1 - down_H, top_W2[:, i]) + np.outer(down_H, bottom_W2[:, i]) - 0.5 for i in (0, 1))
    return cv2.remap(
        page_HWC,
        x_HW.astype(np.float32),
        y_HW.astype(np.float32),
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=np.atleast_1d(_paper_beyond(page_HWC, outline_P2, margin_px)).tolist(),
    )


def _at(along_W: np.ndarray, along_S: np.ndarray, edge_S2: np.ndarray) -> np.ndarray:
    """The points (W, 2) that are so far along an edge; beyond its ends it goes on as it ends."""
    first_W = np.clip(np.searchsorted(along_S, along_W) - 1, 0, len(along_S) - 2)
    span_W = np.maximum(along_S[first_W + 1] - along_S[first_W], 1e-6)
    share_W1 = ((along_W - along_S[first_W]) / span_W)[:, None]
    points_W2: np.ndarray = edge_S2[first_W] * (1 - share_W1) + edge_S2[first_W + 1] * share_W1
    return points_W2


def _paper_beyond(page_HWC: np.ndarray, corners_42: np.ndarray, margin_px: int) -> np.ndarray:
    """The paper of a line that may reach beyond the page; any value, for speed, for one that is well inside."""
    height, width = page_HWC.shape[:2]
    reach = 2 * margin_px + BORDER_PX
    inside = corners_42.min() >= reach and (corners_42.max(0) <= np.array([width, height]) - reach).all()
    return _white(page_HWC) if inside else paper_of(page_HWC, corners_42)


def _white(image_HWC: np.ndarray) -> np.ndarray:
    return np.full(image_HWC.shape[2:], WHITE, np.uint8)
