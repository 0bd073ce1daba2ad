"""From ink to a sheet of paper, and what the sheet lies on: grey pictures, uint8 (H, W)."""

from __future__ import annotations

import random

import cv2
import numpy as np

from distill.data.augment import Pixels, between
from distill.synthesis.backgrounds import seen_from_behind, textured
from distill.synthesis.degradation import faded, ragged
from distill.synthesis.pages.source import PageLook

_OF_PAPER = 0.4  # the first two of five textures, fibre and plaster


def printed(ink_HW: Pixels, look: PageLook, rng: random.Random) -> Pixels:
    """Return ink as a worn print head leaves it: lost in places, ragged at its edges."""
    if rng.random() < look.fade_probability:
        ink_HW = faded(ink_HW, between(look.fade, rng.random()), [rng.random() for _ in range(9)])
    if rng.random() < look.ragged_probability:
        ink_HW = ragged(ink_HW, between(look.ragged, rng.random()), rng.random())
    return ink_HW


def on_scene(ink_HW: Pixels, look: PageLook, rng: random.Random) -> Pixels:
    """Return text on a photograph: clouds of grey, shapes and textures, all away from the ink by `min_contrast`."""
    height, width = ink_HW.shape
    field_HW = np.zeros((height, width), np.float32)
    for cells in (3, 8, 24):
        knots = np.array([rng.random() for _ in range(cells * cells)], np.float32).reshape(cells, cells)
        field_HW += cv2.resize(knots, (width, height), interpolation=cv2.INTER_LINEAR) * np.float32(80 / cells**0.4)
    scene_HW = np.asarray(cv2.add(np.zeros_like(ink_HW), field_HW, dtype=cv2.CV_8U), np.uint8)
    for _ in range(rng.randint(0, 12)):
        corner, size = (
            (rng.randrange(width), rng.randrange(height)),
            (rng.randrange(width // 2), rng.randrange(height // 2)),
        )
        level, thickness = rng.randrange(256), rng.choice((-1, -1, 2, 6))
        if rng.random() < 0.5:
            end = (corner[0] + size[0] // 2, corner[1] + size[1] // 2)
            cv2.rectangle(scene_HW, corner, end, level, thickness, cv2.LINE_AA)
        else:
            cv2.ellipse(scene_HW, corner, (size[0] // 4, size[1] // 4), 0, 0, 360, level, thickness, cv2.LINE_AA)
    scene_HW = textured(scene_HW, rng.uniform(2, 30), [rng.random() for _ in range(3)])
    room = 255 - look.min_contrast
    low, high = sorted(rng.uniform(0, room) for _ in range(2))
    table = (low + (high - low) * np.arange(256) / 255 + 0.5).astype(np.uint8)  # the scene leaves a band to the ink
    ink: float = rng.uniform(high + look.min_contrast, 255)
    if rng.random() < 0.5:
        table, ink = 255 - table, 255 - ink
    share_HW = ink_HW.astype(np.float32) / np.float32(255)
    scene = cv2.LUT(scene_HW, table).astype(np.float32)
    return np.asarray(scene + (np.float32(ink) - scene) * share_HW + np.float32(0.5), np.uint8)


def on_paper(ink_HW: Pixels, look: PageLook, rng: random.Random) -> Pixels:
    """Return a sheet with the ink on it: grey levels of paper and ink, print from behind, grain, folds."""
    paper = between(look.paper_grey, rng.random() ** 0.5)  # white paper is the usual one
    ink = min(between(look.ink_grey, rng.random()), paper - look.min_contrast)
    shares = (np.arange(256) / 255) ** between(look.ink_spread, rng.random())
    sheet_HW = np.asarray(cv2.LUT(ink_HW, (paper + (ink - paper) * shares + 0.5).astype(np.uint8)), np.uint8)
    if rng.random() < look.bleed_probability:
        strength = between(look.bleed, rng.random())
        behind_HW = seen_from_behind(ink_HW, [rng.random(), rng.random()])
        sheet_HW = np.asarray(cv2.addWeighted(sheet_HW, 1, behind_HW, -strength * (paper - ink) / 255, 0), np.uint8)
    if rng.random() < look.texture_probability:
        kind = rng.random() * _OF_PAPER
        sheet_HW = textured(sheet_HW, between(look.texture, rng.random()), [kind, rng.random(), rng.random()])
    if rng.random() < look.fold_probability:
        sheet_HW = folded(sheet_HW, rng)
    if rng.random() < look.edge_probability:
        sheet_HW = _dark_at_edges(sheet_HW, rng)
    if rng.random() < look.bilevel_probability:  # about a level near the paper's, so that faded letters stay
        table = (np.arange(256) - paper + 0.25 * (paper - ink)) * rng.uniform(1.8, 6) + 127.5
        sheet_HW = np.asarray(cv2.LUT(sheet_HW, np.clip(table, 0, 255).astype(np.uint8)), np.uint8)
    return sheet_HW


def _dark_at_edges(sheet_HW: Pixels, rng: random.Random) -> Pixels:
    """Darken a sheet towards some of its edges, where it does not lie flat on the scanner."""
    height, width = sheet_HW.shape
    kept: list[np.ndarray] = []
    for n in (height, width):
        place = np.arange(n, dtype=np.float32) / np.float32(width)
        shade = np.ones(n, np.float32)
        for off in (place, place[::-1]):
            if rng.random() < 0.5:
                shade -= np.float32(rng.uniform(0.05, 0.5)) * np.exp(-off / np.float32(rng.uniform(0.01, 0.1)))
        kept.append(np.maximum(shade, 0))
    shade_HW = kept[0][:, None] * kept[1]
    return np.asarray(sheet_HW * shade_HW, np.uint8)


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
