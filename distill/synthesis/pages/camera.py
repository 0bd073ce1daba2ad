"""Light on a page, and what a camera or a scanner makes of it: grey pictures, uint8 (H, W)."""

from __future__ import annotations

import random

import cv2
import numpy as np

from distill.data.augment import Pixels, add_noise, between, blur, compress
from distill.synthesis.backgrounds import in_glare, in_shadow
from distill.synthesis.camera import motion_blurred
from distill.synthesis.pages.source import PageLook


def lit(page_HW: Pixels, look: PageLook, rng: random.Random) -> Pixels:
    """Return a page in uneven light, with a shadow across it or a bright spot."""
    height, width = page_HW.shape
    if rng.random() < look.light_probability:
        knots = np.array([rng.uniform(-0.5, 0.5) for _ in range(12)], np.float32).reshape(4, 3)
        field = cv2.resize(knots * np.float32(look.light), (width, height), interpolation=cv2.INTER_CUBIC)
        page_HW = np.asarray(cv2.add(page_HW, field, dtype=cv2.CV_8U), np.uint8)
    if rng.random() < look.shadow_probability:
        page_HW = in_shadow(page_HW, between(look.shadow, rng.random()), [rng.random() for _ in range(3)])
    if rng.random() < look.glare_probability:
        page_HW = in_glare(page_HW, between(look.glare, rng.random()), [rng.random() for _ in range(4)])
    return page_HW


def taken(page_HW: Pixels, look: PageLook, rng: random.Random) -> Pixels:
    """Return a page as a camera or a scanner gives it: blurred, noisy, compressed, rarely inverted."""
    height, width = page_HW.shape
    if rng.random() < look.motion_probability:
        page_HW = motion_blurred(page_HW, between(look.motion_px, rng.random()), rng.random())
    if rng.random() < look.low_resolution_probability:
        share = between(look.low_resolution, rng.random())
        small = cv2.resize(page_HW, (int(width * share), int(height * share)), interpolation=cv2.INTER_AREA)
        page_HW = np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
    if rng.random() < look.blur_probability:
        page_HW = blur(page_HW, between(look.blur_sigma_px, rng.random()))
    if rng.random() < look.noise_probability:
        page_HW = add_noise(page_HW, between(look.noise_sigma, rng.random()), rng.random())
    if rng.random() < look.jpeg_probability:
        page_HW = compress(page_HW, between(look.jpeg_quality, rng.random()))
    if rng.random() < look.invert_probability:
        page_HW = np.asarray(255 - page_HW, np.uint8)
    return page_HW


def in_colours(page_HW: Pixels, rng: random.Random) -> Pixels:
    """Return a page (H, W, 3) whose grey levels have a hue: paper of one, ink of another."""
    levels = np.arange(256) / 255
    dark, light = (np.array([rng.uniform(low, high) for _ in range(3)]) for low, high in ((0, 60), (195, 255)))
    table = dark + (light - dark) * levels[:, None]
    return np.asarray(cv2.LUT(cv2.merge([page_HW] * 3), table.astype(np.uint8)[None]), np.uint8)
