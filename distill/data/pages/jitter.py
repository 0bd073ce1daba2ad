"""Boxes of marked lines moved as a locator errs, so that a recogniser learns from lines as it will be given them."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import torch
from pydantic import AfterValidator, Field

from distill.schema import Section
from distill.seeds import generator_of

LARGEST_TURN = 0.05  # radians: short lines would be turned further than any locator errs
LEAST_LENGTH = 0.5  # of a line's length is left between its ends


def _rising(moves: tuple[float, float]) -> tuple[float, float]:
    low, high = moves
    if not -0.4 <= low <= high <= 2:
        raise ValueError(f"{low:g}, {high:g}: give the least and the largest move, from -0.4 (inwards) to 2 (outwards)")
    return moves


Moves = Annotated[tuple[float, float], AfterValidator(_rising)]


class Jitter(Section):
    """How the boxes of marked lines are moved: every side by a share of the line's height, outwards where above 0.

    The defaults hold about nine tenths of the moves of a locator's teacher on receipts that it had not seen.
    """

    versions: int = Field(1, ge=1, le=1000, description="so many lines are cut of every marked one, each moved anew")
    top: Moves = Field((-0.1, 0.15), description="least and largest move of the upper edge")
    bottom: Moves = Field((-0.1, 0.2), description="of the lower edge")
    left: Moves = Field((-0.15, 0.2), description="of the end at the left of the text")
    right: Moves = Field((-0.15, 0.2), description="of the end at the right")
    rise: float = Field(
        0.1, ge=0, le=1, description="largest turn: so much of the height an end rises or sinks against the middle"
    )
    margin: float | None = Field(
        None,
        ge=0,
        le=1,
        description="so much of its height is cut around it; null: as the locator does, or 0",
    )
    seed: int = Field(0, ge=0, description="of the moves")


def moved(corners_42: np.ndarray, jitter: Jitter, *names: str | int) -> np.ndarray:
    """Return the corners (4, 2) of a line, moved: a function of the jitter's seed and of `names`.

    Corners count pixels of the page and go clockwise from the text's top left; sides stay apart.
    """
    uniform = torch.rand(5, generator=generator_of("jitter", jitter.seed, *names), dtype=torch.float64).tolist()
    sides = (jitter.top, jitter.bottom, jitter.left, jitter.right)
    top, bottom, left, right = (low + (high - low) * u for (low, high), u in zip(sides, uniform[:4], strict=True))
    top_left, top_right, bottom_right, bottom_left = corners_42
    along, down = top_right - top_left + bottom_right - bottom_left, bottom_left - top_left + bottom_right - top_right
    length, height = float(np.hypot(*along)) / 2, float(np.hypot(*down)) / 2
    if length == 0 or height == 0:
        return corners_42
    inwards = max(-left, 0) + max(-right, 0)
    kept = min(1.0, (1 - LEAST_LENGTH) * length / (inwards * height)) if inwards else 1.0
    left, right = (move * kept if move < 0 else move for move in (left, right))
    along, down = along / np.hypot(*along) * height, down / np.hypot(*down) * height
    shifts_42 = np.stack([-left * along - top * down, right * along - top * down])
    shifts_42 = np.concatenate([shifts_42, [right * along + bottom * down, -left * along + bottom * down]])
    turn = np.clip((2 * uniform[4] - 1) * jitter.rise * height / (length / 2), -LARGEST_TURN, LARGEST_TURN)
    return _turned(corners_42 + shifts_42, float(turn))


def _turned(corners_42: np.ndarray, radians: float) -> np.ndarray:
    cosine, sine = np.cos(radians), np.sin(radians)
    middle_2 = corners_42.mean(0)
    turned_42: np.ndarray = (corners_42 - middle_2) @ np.array([[cosine, sine], [-sine, cosine]]) + middle_2
    return turned_42
