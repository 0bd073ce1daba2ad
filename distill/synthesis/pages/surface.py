"""From ink to a sheet of paper, and what the sheet lies on: grey pictures, uint8 (H, W)."""

from __future__ import annotations

import random

import cv2
import numpy as np

from distill.data.augment import Pixels, between
from distill.synthesis.backgrounds import seen_from_behind, textured
from distill.synthesis.degradation import faded, ragged
from distill.synthesis.pages.source import PageLook


def printed(ink_HW: Pixels, look: PageLook, rng: random.Random) -> Pixels:
    """Return ink as a worn print head leaves it: lost in places, ragged at its edges."""
    if rng.random() < look.fade_probability:
        ink_HW = faded(ink_HW, between(look.fade, rng.random()), [rng.random() for _ in range(9)])
    if rng.random() < look.ragged_probability:
        ink_HW = ragged(ink_HW, between(look.ragged, rng.random()), rng.random())
    return ink_HW


def on_paper(ink_HW: Pixels, look: PageLook, rng: random.Random) -> Pixels:
    """Return a sheet with the ink on it: grey levels of paper and ink, print from behind, grain, folds."""
    paper = between(look.paper_grey, rng.random())
    ink = min(between(look.ink_grey, rng.random()), paper - look.min_contrast)
    shares = (np.arange(256) / 255) ** between(look.ink_spread, rng.random())
    sheet_HW = np.asarray(cv2.LUT(ink_HW, (paper + (ink - paper) * shares + 0.5).astype(np.uint8)), np.uint8)
    if rng.random() < look.bleed_probability:
        strength = between(look.bleed, rng.random())
        behind_HW = seen_from_behind(ink_HW, [rng.random(), rng.random()])
        sheet_HW = np.asarray(cv2.addWeighted(sheet_HW, 1, behind_HW, -strength * (paper - ink) / 255, 0), np.uint8)
    if rng.random() < look.texture_probability:
        sheet_HW = textured(sheet_HW, between(look.texture, rng.random()), [rng.random() for _ in range(3)])
    if rng.random() < look.fold_probability:
        sheet_HW = folded(sheet_HW, rng)
    return sheet_HW


def folded(sheet_HW: Pixels, rng: random.Random) -> Pixels:
    """Return a sheet with folds: across it, a step of light and a thin line; and creases in any direction."""
    height, width = sheet_HW.shape
    shade_HW = np.zeros((height, width), np.float32)
    for _ in range(rng.randint(1, 3)):
        upright = rng.random() < 0.4
        along, across = (height, width) if upright else (width, height)
        place, slope = rng.uniform(0.1, 0.9) * across, rng.uniform(-0.04, 0.04)
        middle = place + slope * np.arange(along, dtype=np.float32)
        off = np.arange(across, dtype=np.float32)[:, None] - middle
        reach = rng.uniform(0.03, 0.15) * across
        band = np.float32(rng.uniform(-14, 14)) * np.sign(off) * np.exp(-np.abs(off) / np.float32(reach))
        band += np.float32(rng.uniform(-35, 25)) * np.exp(-((off / np.float32(rng.uniform(0.6, 1.6))) ** 2))
        shade_HW += band.T if upright else band
    for _ in range(rng.choice((0, 0, 1, 4))):
        ends = [(rng.randrange(width), rng.randrange(height)) for _ in range(2)]
        cv2.line(shade_HW, ends[0], ends[1], [rng.uniform(-30, 20)], 1)
    return np.asarray(cv2.add(sheet_HW, shade_HW, dtype=cv2.CV_8U), np.uint8)


def desk(shape: tuple[int, int], rng: random.Random) -> Pixels:
    """Return what a sheet lies on: the black or white of a scanner, or wood, cloth, stone."""
    grey = rng.choice((0, 20, 255, 240, rng.randrange(256), rng.randrange(256)))
    plain_HW = np.full(shape, grey, np.uint8)
    if rng.random() < 0.6:
        return textured(plain_HW, rng.uniform(2, 25), [rng.random() for _ in range(3)])
    return plain_HW
