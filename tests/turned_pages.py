"""Pages with one line in any direction, drawn without the code that cuts it, and points on its outline."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from tests.page_files import PAPER

LENGTH, HIGH, SIDE = 100, 24, 200
Points = list[tuple[float, float]]


def written() -> np.ndarray:
    """What stands in for a line of text: no two parts of it are alike, nor its mirror image."""
    rough = np.random.default_rng(3).integers(0, 255, (4, 14), np.uint8)
    return np.asarray(Image.fromarray(rough).resize((LENGTH, HIGH), Image.Resampling.BICUBIC))


def placed(degrees: float, centre: tuple[float, float] = (100, 100), side: int = SIDE) -> tuple[np.ndarray, Points]:
    """A page with the line turned clockwise around a centre, and its corners from the text's top left, clockwise."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    x, y = centre
    inverse = (cos, sin, LENGTH / 2 - cos * x - sin * y, -sin, cos, HIGH / 2 + sin * x - cos * y)
    page = Image.fromarray(written()).transform(
        (side, side), Image.Transform.AFFINE, inverse, Image.Resampling.BICUBIC, fillcolor=PAPER
    )
    across = [(-LENGTH / 2, -HIGH / 2), (LENGTH / 2, -HIGH / 2), (LENGTH / 2, HIGH / 2), (-LENGTH / 2, HIGH / 2)]
    return np.asarray(page), [(x + cos * a - sin * b, y + sin * a + cos * b) for a, b in across]


def between(corners: Points, first: int, second: int, share: float) -> tuple[float, float]:
    (x, y), (to_x, to_y) = corners[first], corners[second]
    return x + share * (to_x - x), y + share * (to_y - y)


def on_baseline(corners: Points) -> Points:
    """From below the first letter to below the last, with a quarter of the height below it."""
    return [between(corners, 3, 0, 0.25), between(corners, 2, 1, 0.25)]


def ring(corners: Points) -> Points:
    """The outline with two more points on each long side, as programs trace it."""
    top = [between(corners, 0, 1, share) for share in (0, 0.3, 0.7, 1)]
    return top + [between(corners, 2, 3, share) for share in (0, 0.3, 0.7, 1)]


def listed(points: Points) -> str:
    return " ".join(f"{x:.2f},{y:.2f}" for x, y in points)


def likeness(line_HW: np.ndarray) -> float:
    """Correlation with the line as it was written."""
    shape = (LENGTH, HIGH)
    resized = Image.fromarray(line_HW).resize(shape, Image.Resampling.BILINEAR)
    return float(np.corrcoef(np.asarray(resized, float).ravel(), written().astype(float).ravel())[0, 1])
