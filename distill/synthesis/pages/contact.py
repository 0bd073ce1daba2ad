"""Pages on one sheet, with the boxes of their lines, for a person to look at."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw

from distill.data.augment import Pixels
from distill.data.pages.record import MarkedLine

_HEIGHT_PX = 900
_GAP_PX = 12


def sheet(pages: Sequence[tuple[Pixels, Sequence[MarkedLine]]], columns: int = 6) -> Image.Image:
    """Return all pages scaled to one height, row by row; lines are framed, those that are ignored in another colour."""
    pictures = [_framed(page, lines) for page, lines in pages]
    rows = [pictures[i : i + columns] for i in range(0, len(pictures), columns)]
    width = max((sum(each.width + _GAP_PX for each in row) for row in rows), default=0) + _GAP_PX
    whole = Image.new("RGB", (width, len(rows) * (_HEIGHT_PX + _GAP_PX) + _GAP_PX), (238, 240, 243))
    for number, row in enumerate(rows):
        x = _GAP_PX
        for each in row:
            whole.paste(each, (x, _GAP_PX + number * (_HEIGHT_PX + _GAP_PX)))
            x += each.width + _GAP_PX
    return whole


def _framed(page: Pixels, lines: Sequence[MarkedLine]) -> Image.Image:
    scale = _HEIGHT_PX / page.shape[0]
    picture = Image.fromarray(page).convert("RGB").resize((max(1, round(page.shape[1] * scale)), _HEIGHT_PX))
    pen = ImageDraw.Draw(picture)
    for line in lines:
        points = [(float(x) * scale, float(y) * scale) for x, y in line.corners_42]
        pen.polygon(points, outline=(150, 150, 150) if line.ignored else (215, 45, 60))
    return picture
