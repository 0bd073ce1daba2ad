"""A word as a picture, and what a reader makes of its forms."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageDraw

INK, PAPER = 30, 225


def word() -> np.ndarray:
    """Dark strokes on light paper, uint8 (24, 80), anti-aliased edges in between."""
    picture = Image.new("L", (80, 24), PAPER)
    draw = ImageDraw.Draw(picture)
    for left in (6, 20, 40, 58):
        draw.rectangle((left, 4, left + 5, 19), INK)
        draw.line((left + 6, 4, left + 6, 19), (INK + PAPER) // 2)
    return np.asarray(picture)


WORD = word()


def encoded(image: Image.Image, form: str = "PNG", **how: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **how)
    return buffer.getvalue()


def grey(levels: np.ndarray) -> np.ndarray:
    """Levels (H, W) of what was decoded."""
    return levels if levels.ndim == 2 else np.asarray(Image.fromarray(levels).convert("L"))
