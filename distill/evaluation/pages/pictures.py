"""Pictures of pages with what was found on them: right, missed and wrong lines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from distill.data.pages.record import MarkedLine
from distill.evaluation.pages.matching import matched_lines

SIDE_PX = 1200  # of a picture, at most
RIGHT, MISSED, WRONG, IGNORED = (0, 130, 60), (0, 60, 230), (220, 0, 0), (140, 140, 140)
LEGEND = "Green: found. Blue: marked, but not found. Red: found, but not marked so. Grey: not counted."


def draw_found(page_HWC: np.ndarray, lines: Sequence[MarkedLine], found: Sequence[np.ndarray]) -> Image.Image:
    """Return a page, uint8 (H, W) or (H, W, 3) RGB, with the outlines of its lines.

    `found`: outlines (P, 2) in pixels of the page as shown. The picture is at most `SIDE_PX` high and wide.
    """
    picture = Image.fromarray(page_HWC).convert("RGB")
    scale = min(1.0, SIDE_PX / max(picture.size))
    picture = picture.resize([max(1, round(scale * side)) for side in picture.size], Image.Resampling.BILINEAR)
    draw = ImageDraw.Draw(picture)
    matched = matched_lines(lines, found)
    counted = [line for line in lines if not line.ignored]
    hit_M, right_F = np.zeros(len(counted), bool), np.zeros(len(found), bool)
    hit_M[matched.marked_K], right_F[matched.found_K] = True, True
    for line in lines:
        if line.ignored:
            _outline(draw, line.corners_42 * scale, IGNORED, 1)
    for outline_P2, right, spare in zip(found, right_F, matched.spare_F, strict=True):
        if not spare:
            _outline(draw, outline_P2 * scale, RIGHT if right else WRONG, 1 if right else 2)
        else:
            _outline(draw, outline_P2 * scale, IGNORED, 1)
    for line, hit in zip(counted, hit_M, strict=True):
        if not hit:
            _outline(draw, line.corners_42 * scale, MISSED, 2)
    return picture


def _outline(draw: ImageDraw.ImageDraw, points_P2: np.ndarray, colour: tuple[int, int, int], width: int) -> None:
    points = [(float(x), float(y)) for x, y in points_P2]
    draw.line([*points, points[0]], fill=colour, width=width)
