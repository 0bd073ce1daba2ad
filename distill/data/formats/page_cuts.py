"""A region of a page cut out as the image of a line: as it stands, by quarter turns, or warped onto its frame."""

from __future__ import annotations

import math

import cv2
import numpy as np

from distill.data.formats.page_regions import Region


def cut_region(page_HWC: np.ndarray, region: Region, margin_px: int) -> np.ndarray:
    """Return a region of a page, uint8 (H, W) or (H, W, 3), and a margin, with its text upright."""
    if region.frame_42 is None:
        return np.ascontiguousarray(np.rot90(cut_line(page_HWC, region.polygon_P2, margin_px), region.quarters))
    return _warped(page_HWC, region.polygon_P2, region.frame_42, margin_px)


def cut_line(page_HWC: np.ndarray, polygon_P2: np.ndarray, margin_px: int) -> np.ndarray:
    """Return the part of a page, uint8 (H, W) or (H, W, 3), inside a polygon (P, 2) on it, and a margin.

    The margin ends at the page's edge.
    """
    line_HWC, (left, top) = _around(page_HWC, polygon_P2, margin_px)
    mask_HW = _mask(polygon_P2 - (left, top), line_HWC)
    return _on_paper(line_HWC.copy(), mask_HW, _paper(line_HWC, mask_HW), margin_px)


def _warped(page_HWC: np.ndarray, polygon_P2: np.ndarray, frame_42: np.ndarray, margin_px: int) -> np.ndarray:
    """The frame as a rectangle as long and high as its longer sides, by cubic interpolation; beyond the page is paper.

    OpenCV counts the centres of pixels, we count their edges: half a pixel between.
    """
    part_HWC, (left, top) = _around(page_HWC, polygon_P2, 0)
    paper = _paper(part_HWC, _mask(polygon_P2 - (left, top), part_HWC))
    sides_4 = np.linalg.norm(np.roll(frame_42, -1, axis=0) - frame_42, axis=1)
    width, height = max(1, round(max(sides_4[0], sides_4[2]))), max(1, round(max(sides_4[1], sides_4[3])))
    corners_42 = np.array([(0, 0), (width, 0), (width, height), (0, height)]) + margin_px - 0.5
    matrix_33 = cv2.getPerspectiveTransform((frame_42 - 0.5).astype(np.float32), corners_42.astype(np.float32))
    line_HWC = cv2.warpPerspective(
        page_HWC,
        matrix_33,
        (width + 2 * margin_px, height + 2 * margin_px),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=np.atleast_1d(paper).tolist(),
    )
    outline_P2 = cv2.perspectiveTransform((polygon_P2[None] - 0.5).astype(np.float32), matrix_33)[0] + 0.5
    return _on_paper(line_HWC, _mask(outline_P2, line_HWC), paper, margin_px)


def _around(page_HWC: np.ndarray, polygon_P2: np.ndarray, margin_px: int) -> tuple[np.ndarray, tuple[int, int]]:
    """The part of a page around a polygon, a view of it, and where it begins."""
    height, width = page_HWC.shape[:2]
    (left, top), (right, bottom) = polygon_P2.min(0), polygon_P2.max(0)
    left, top = max(math.floor(left) - margin_px, 0), max(math.floor(top) - margin_px, 0)
    right, bottom = min(math.ceil(right) + margin_px, width), min(math.ceil(bottom) + margin_px, height)
    return page_HWC[top:bottom, left:right], (left, top)


def _mask(polygon_P2: np.ndarray, line_HWC: np.ndarray) -> np.ndarray:
    """What lies inside a polygon on an image, (H, W) uint8."""
    mask_HW = np.zeros(line_HWC.shape[:2], np.uint8)
    return cv2.fillPoly(mask_HW, [np.round(polygon_P2).astype(np.int32)], 1)


def _paper(line_HWC: np.ndarray, mask_HW: np.ndarray) -> np.ndarray:
    paper: np.ndarray = np.median(line_HWC[mask_HW > 0], axis=0).astype(np.uint8)
    return paper


def _on_paper(line_HWC: np.ndarray, mask_HW: np.ndarray, paper: np.ndarray, margin_px: int) -> np.ndarray:
    """Lay paper, in place, over what is further outside the mask than the margin."""
    if margin_px:
        mask_HW = cv2.dilate(mask_HW, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * margin_px + 1,) * 2))
    line_HWC[mask_HW == 0] = paper
    return line_HWC
