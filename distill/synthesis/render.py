"""Renders one line of text as a small grey picture, mildly degraded: a pure function of its arguments.

A line is rendered large, brought to its place and height in one warp, then given ink, paper and degradation. Nothing
is cut: the warp is fitted to the ink. Random numbers called `uniform` or `more` are uniform in [0, 1).
"""

import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from distill.data.augment import Pixels, add_noise, between, blur, compress, rotation_limit_deg
from distill.synthesis.appearance import SIZES_PX, Appearance
from distill.synthesis.backgrounds import in_glare, in_shadow, legible_on, photograph, seen_from_behind, textured
from distill.synthesis.camera import defocused, from_afar, motion_blurred
from distill.synthesis.degradation import faded, ragged, ruled, with_neighbours
from distill.synthesis.fonts import FontFace
from distill.synthesis.letters import Box, curved, dotted, outlined, render_letters

_N_UNIFORM = 56
_N_MORE = 48  # sampled after the others, which thereby keep their values from before these degradations existed
_MIN_WIDTH_PX = 8


def render_line(
    text: str,
    face: FontFace,
    appearance: Appearance,
    height_px: int,
    generator: torch.Generator,
    photographs: Sequence[Path] = (),
) -> Pixels:
    """Render `text` as a grey picture (height_px, W), W as the text needs; dark ink on light paper unless inverted.

    `photographs` are the backgrounds that `appearance` may ask for. Raises DataError if the text has no ink, or a file
    cannot be opened.
    """
    uniform = torch.rand(_N_UNIFORM, generator=generator).tolist()
    more = torch.rand(_N_MORE, generator=generator).tolist()
    size_px = letter_size(appearance, uniform[2])
    spacing = between(appearance.spacing, uniform[1]) if uniform[0] < appearance.spacing_probability else 0.0
    coverage, box = render_letters(text, face, size_px, spacing, between(appearance.tightness, uniform[3]))
    coverage, box = _shape(coverage, box, appearance, size_px, more[0:8])
    matrix, width_px = _placement(box, appearance, height_px, uniform[4:14])
    placed = cv2.warpPerspective(coverage, matrix, (width_px, height_px), flags=cv2.INTER_LINEAR)
    degraded = _degrade_ink(np.asarray(placed, np.uint8), appearance, uniform[40:56])
    if more[12] < appearance.rule_probability:
        corners = cv2.perspectiveTransform(_corners(box)[None], matrix)[0]
        gap_px = between(appearance.rule, more[13]) * height_px
        degraded = ruled(degraded, np.asarray(corners, np.float64), gap_px, more[14])
    picture = _print(degraded, appearance, uniform[14:30], more[8:30], photographs)
    lit = _light(picture, appearance, more[19:41])
    return _degrade_picture(lit, appearance, uniform[30:40], more[41:48])


def letter_size(appearance: Appearance, share: float) -> int:
    """Return one of a few sizes within the range, so that the cache of glyphs stays small."""
    low, high = appearance.letter_size_px
    sizes = [size for size in SIZES_PX if low <= size <= high] or [low]
    return sizes[int(share * len(sizes))]


def _shape(
    coverage: Pixels, box: Box, appearance: Appearance, size_px: int, uniform: list[float]
) -> tuple[Pixels, Box]:
    """Letters hollow, made of dots, or along a bent baseline."""
    if uniform[4] < appearance.outline_probability:
        coverage = outlined(coverage, between(appearance.outline, uniform[5]) * size_px)
    if uniform[6] < appearance.dots_probability:
        coverage = dotted(coverage, size_px / between(appearance.dots, uniform[7]))
    if uniform[0] < appearance.curve_probability:
        rise_px = between(appearance.curve, uniform[1]) * size_px
        coverage, box = curved(coverage, box, rise_px if uniform[2] < 0.5 else -rise_px, wave=uniform[3] < 0.3)
    return coverage, box


def _placement(
    box: Box, appearance: Appearance, height_px: int, uniform: list[float]
) -> tuple[NDArray[np.float64], int]:
    """The matrix that brings the box into a picture of the height, and that picture's width."""
    width, height = (box.right - box.left) * between(appearance.stretch, uniform[0]), box.bottom - box.top
    angle = math.radians((2 * uniform[1] - 1) * rotation_limit_deg(width, height, appearance.rotation_deg))
    shear = appearance.shear * (2 * uniform[2] - 1)
    tilt = appearance.perspective * (2 * uniform[4] - 1) if uniform[3] < appearance.perspective_probability else 0.0
    low_left, low_right = max(tilt, 0) * height / 2, max(-tilt, 0) * height / 2
    corners = [(0, low_left), (width, low_right), (width, height - low_right), (0, height - low_left)]
    cos, sin = math.cos(angle), math.sin(angle)
    turned = [(cos * (x - shear * y) - sin * y, sin * (x - shear * y) + cos * y) for x, y in corners]
    left, top = min(x for x, _ in turned), min(y for _, y in turned)
    wide, high = max(x for x, _ in turned) - left, max(y for _, y in turned) - top
    scale = height_px * between(appearance.height_share, uniform[5]) / high
    start = between(appearance.margin, uniform[6]) * height_px
    end = between(appearance.margin, uniform[7]) * height_px
    above = (height_px - scale * high) * between((0.1, 0.9), uniform[8])
    target = [((x - left) * scale + start, (y - top) * scale + above) for x, y in turned]
    matrix = cv2.getPerspectiveTransform(_corners(box), _edges(target))
    return np.asarray(matrix, np.float64), max(math.ceil(scale * wide + start + end), _MIN_WIDTH_PX)


def _corners(box: Box) -> NDArray[np.float32]:
    return _edges([(box.left, box.top), (box.right, box.top), (box.right, box.bottom), (box.left, box.bottom)])


def _edges(corners: list[tuple[float, float]]) -> NDArray[np.float32]:
    """Corners measured from the edge of the first pixel, as OpenCV wants them: from its centre."""
    return np.array(corners, np.float32) - np.float32(0.5)


def _degrade_ink(coverage: Pixels, appearance: Appearance, uniform: list[float]) -> Pixels:
    if uniform[0] < appearance.neighbour_probability:
        coverage = with_neighbours(coverage, between(appearance.neighbour, uniform[1]), uniform[2])
    if uniform[3] < appearance.fade_probability:
        coverage = faded(coverage, between(appearance.fade, uniform[4]), uniform[5:14])
    if uniform[14] < appearance.ragged_probability:
        coverage = ragged(coverage, between(appearance.ragged, uniform[15]), uniform[2])
    return coverage


def _print(
    coverage: Pixels, appearance: Appearance, uniform: list[float], more: list[float], photographs: Sequence[Path]
) -> Pixels:
    """Ink on paper or on a photograph: their grey levels, the spread of the ink and uneven light."""
    paper = between(appearance.paper_grey, uniform[0])
    ink = min(between(appearance.ink_grey, uniform[1]), paper - appearance.min_contrast)
    if uniform[3] < appearance.invert_probability:
        paper, ink = 255 - paper, 255 - ink
    shares = (np.arange(256) / 255) ** between(appearance.ink_spread, uniform[2])
    has_photograph = more[16] < appearance.background_probability
    if has_photograph or more[0] < appearance.drop_shadow_probability or more[7] < appearance.bleed_probability:
        background_HW = np.full(coverage.shape, paper, np.float32)
        if has_photograph:
            path = photographs[int(more[17] * len(photographs))]
            height, width = coverage.shape
            piece_HW = photograph(path, (height, width), more[18:21])
            background_HW, ink = legible_on(piece_HW, appearance.min_contrast, more[21])
        ink_HW = cv2.LUT(coverage, shares.astype(np.float32))
        picture = _layered(background_HW, ink, coverage, ink_HW, appearance, more)
    else:
        picture = cv2.LUT(coverage, (paper + (ink - paper) * shares + 0.5).astype(np.uint8))
    if uniform[4] < appearance.gradient_probability:
        height, width = coverage.shape
        knots = (np.array(uniform[5:13], np.float32).reshape(2, 4) - 0.5) * np.float32(appearance.gradient)
        picture = cv2.add(picture, cv2.resize(knots, (width, height)), dtype=cv2.CV_8U)
    return np.asarray(picture, np.uint8)


def _layered(
    background_HW: NDArray[np.float32],
    ink: float,
    coverage: Pixels,
    ink_HW: NDArray[np.float32],
    appearance: Appearance,
    uniform: list[float],
) -> Pixels:
    """From below: the background, what shines through it, the letters' own shadow, and ink by its shares `ink_HW`."""
    if uniform[7] < appearance.bleed_probability:
        strength = np.float32(between(appearance.bleed, uniform[8]) / 255)
        behind_HW = seen_from_behind(coverage, uniform[9:11])
        background_HW = background_HW + (np.float32(ink) - background_HW) * behind_HW * strength
    if uniform[0] < appearance.drop_shadow_probability:
        reach, angle = between(appearance.drop_shadow, uniform[1]) * len(coverage), 2 * math.pi * uniform[2]
        matrix = np.array([[1, 0, reach * math.cos(angle)], [0, 1, reach * math.sin(angle)]])
        shade_HW = cv2.warpAffine(ink_HW, matrix, coverage.shape[::-1])
        away = 0 if ink >= background_HW.mean() else 255  # a shadow nearer to the ink would swallow the letters
        background_HW = background_HW + (away - background_HW) * shade_HW * np.float32(uniform[3])
    return np.asarray(np.clip(background_HW + (np.float32(ink) - background_HW) * ink_HW + 0.5, 0, 255), np.uint8)


def _light(picture: Pixels, appearance: Appearance, uniform: list[float]) -> Pixels:
    if uniform[0] < appearance.texture_probability:
        picture = textured(picture, between(appearance.texture, uniform[1]), uniform[2:5])
    if uniform[11] < appearance.shadow_probability:
        picture = in_shadow(picture, between(appearance.shadow, uniform[12]), uniform[13:16])
    if uniform[16] < appearance.glare_probability:
        picture = in_glare(picture, between(appearance.glare, uniform[17]), uniform[18:22])
    return picture


def _degrade_picture(picture: Pixels, appearance: Appearance, uniform: list[float], more: list[float]) -> Pixels:
    if more[0] < appearance.tiny_probability:
        picture = from_afar(picture, between(appearance.tiny_px, more[1]))
    if more[2] < appearance.motion_probability:
        picture = motion_blurred(picture, between(appearance.motion_px, more[3]), more[4])
    if more[5] < appearance.defocus_probability:
        picture = defocused(picture, between(appearance.defocus_px, more[6]))
    if uniform[0] < appearance.low_resolution_probability:
        height, width = picture.shape
        share = between(appearance.low_resolution, uniform[1])
        small = cv2.resize(
            picture, (max(int(width * share), 1), max(int(height * share), 1)), interpolation=cv2.INTER_AREA
        )
        picture = np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
    if uniform[2] < appearance.blur_probability:
        picture = blur(picture, between(appearance.blur_sigma_px, uniform[3]))
    if uniform[4] < appearance.noise_probability:
        picture = add_noise(picture, between(appearance.noise_sigma, uniform[5]), uniform[6])
    if uniform[7] < appearance.jpeg_probability:
        picture = compress(picture, between(appearance.jpeg_quality, uniform[8]))
    return picture
