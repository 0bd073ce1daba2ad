"""A region of a page cut out as the image of a line: as it stands, by quarter turns, or warped onto its frame."""

from __future__ import annotations

import cv2
import numpy as np

from distill.data.formats.page_regions import Region
from students.pages.cutting import around, mask_of, median_of, paper_of, warp


def cut_region(page_HWC: np.ndarray, region: Region, margin_px: int) -> np.ndarray:
    """Return a region of a page, uint8 (H, W) or (H, W, 3), and a margin, with its text upright."""
    if region.frame_42 is None:
        return np.ascontiguousarray(np.rot90(cut_line(page_HWC, region.polygon_P2, margin_px), region.quarters))
    paper = paper_of(page_HWC, region.polygon_P2)
    line_HWC, matrix_33 = warp(page_HWC, region.frame_42, margin_px, paper)
    outline_P2 = cv2.perspectiveTransform((region.polygon_P2[None] - 0.5).astype(np.float32), matrix_33)[0] + 0.5
    return _on_paper(line_HWC, mask_of(outline_P2, line_HWC), paper, margin_px)


def cut_line(page_HWC: np.ndarray, polygon_P2: np.ndarray, margin_px: int) -> np.ndarray:
    """Return the part of a page, uint8 (H, W) or (H, W, 3), inside a polygon (P, 2) on it, and a margin.

    The margin ends at the page's edge.
    """
    line_HWC, start = around(page_HWC, polygon_P2, margin_px)
    mask_HW = mask_of(polygon_P2 - start, line_HWC)
    return _on_paper(line_HWC.copy(), mask_HW, median_of(line_HWC, mask_HW), margin_px)


def _on_paper(line_HWC: np.ndarray, mask_HW: np.ndarray, paper: np.ndarray, margin_px: int) -> np.ndarray:
    """Lay paper, in place, over what is further outside the mask than the margin."""
    if margin_px:
        mask_HW = cv2.dilate(mask_HW, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * margin_px + 1,) * 2))
    line_HWC[mask_HW == 0] = paper
    return line_HWC
