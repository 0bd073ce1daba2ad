"""Draws one line of text as a small grey picture, mildly degraded: a pure function of its arguments.

A line is drawn large, brought to its place and height in one warp, then given ink, paper and faults. Nothing
is cut: the warp is fitted to the drawn ink. `contact_sheet` shows lines with their texts.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from distill.data.augment import Pixels, add_noise, between, blur, compress, rotation_limit_deg
from distill.synthesis.fonts import FontFace
from distill.synthesis.ground import in_glare, in_shadow, legible_on, photograph, seen_from_behind, textured
from distill.synthesis.lens import defocused, from_afar, moved
from distill.synthesis.letters import Box, curved, dotted, draw_letters, outlined
from distill.synthesis.look import SIZES_PX, Look
from distill.synthesis.wear import faded, ragged, ruled, with_neighbours

_N_DRAWS = 56
_N_MORE_DRAWS = 48  # drawn after the others, which thereby keep the values they had before these faults were there
_MIN_WIDTH_PX = 8


def render_line(
    text: str,
    face: FontFace,
    look: Look,
    height_px: int,
    generator: torch.Generator,
    photographs: Sequence[Path] = (),
) -> Pixels:
    """`text` as a grey picture (height_px, W), W as the text needs; dark ink on light paper unless inverted.

    `photographs` are the backgrounds that the look may ask for. Raises DataError if the text has no ink, or a file
    cannot be opened.
    """
    draw = torch.rand(_N_DRAWS, generator=generator).tolist()
    more = torch.rand(_N_MORE_DRAWS, generator=generator).tolist()
    size_px = letter_size(look, draw[2])
    spacing = between(look.spacing, draw[1]) if draw[0] < look.spacing_probability else 0.0
    coverage, box = draw_letters(text, face, size_px, spacing, between(look.tightness, draw[3]))
    coverage, box = _shape(coverage, box, look, size_px, more[0:8])
    matrix, width_px = _placement(box, look, height_px, draw[4:14])
    placed = cv2.warpPerspective(coverage, matrix, (width_px, height_px), flags=cv2.INTER_LINEAR)
    worn = _wear(np.asarray(placed, np.uint8), look, draw[40:56])
    if more[12] < look.rule_probability:
        corners = cv2.perspectiveTransform(_corners(box)[None], matrix)[0]
        worn = ruled(worn, np.asarray(corners, np.float64), between(look.rule, more[13]) * height_px, more[14])
    picture = _print(worn, look, draw[14:30], more[8:30], photographs)
    lit = _light(picture, look, more[19:41])
    return _degrade(lit, look, draw[30:40], more[41:48])


def contact_sheet(images: list[Pixels], texts: list[str], columns: int) -> Image.Image:
    """All pictures on one sheet, row by row, each with its text beneath."""
    if len(images) != len(texts):
        raise ValueError(f"{len(images)} pictures but {len(texts)} texts")
    font = ImageFont.load_default(13)
    widths = [image.shape[1] for image in images] + [math.ceil(font.getlength(text)) for text in texts]
    cell_w = max(widths, default=0) + 24
    cell_h = max([image.shape[0] for image in images], default=0) + 34
    n_rows = -(-len(images) // columns)
    sheet = Image.new("RGB", (columns * cell_w + 12, n_rows * cell_h + 12), (238, 240, 243))
    pen = ImageDraw.Draw(sheet)
    for index, (image, text) in enumerate(zip(images, texts, strict=True)):
        x, y = 12 + index % columns * cell_w, 12 + index // columns * cell_h
        sheet.paste(Image.fromarray(image).convert("RGB"), (x, y))
        pen.text((x, y + image.shape[0] + 4), text, font=font, fill=(70, 78, 92))
    return sheet


def letter_size(look: Look, share: float) -> int:
    """One of a few sizes within the range, so that the cache of glyphs stays small."""
    low, high = look.letter_size_px
    sizes = [size for size in SIZES_PX if low <= size <= high] or [low]
    return sizes[int(share * len(sizes))]


def _shape(coverage: Pixels, box: Box, look: Look, size_px: int, draw: list[float]) -> tuple[Pixels, Box]:
    """Letters hollow, made of dots, or along a bent baseline."""
    if draw[4] < look.outline_probability:
        coverage = outlined(coverage, between(look.outline, draw[5]) * size_px)
    if draw[6] < look.dots_probability:
        coverage = dotted(coverage, size_px / between(look.dots, draw[7]))
    if draw[0] < look.curve_probability:
        rise_px = between(look.curve, draw[1]) * size_px
        coverage, box = curved(coverage, box, rise_px if draw[2] < 0.5 else -rise_px, wave=draw[3] < 0.3)
    return coverage, box


def _placement(box: Box, look: Look, height_px: int, draw: list[float]) -> tuple[NDArray[np.float64], int]:
    """The matrix that brings the box into a picture of the height, and that picture's width."""
    width, height = (box.right - box.left) * between(look.stretch, draw[0]), box.bottom - box.top
    angle = math.radians((2 * draw[1] - 1) * rotation_limit_deg(width, height, look.rotation_deg))
    shear = look.shear * (2 * draw[2] - 1)
    tilt = look.perspective * (2 * draw[4] - 1) if draw[3] < look.perspective_probability else 0.0
    low_left, low_right = max(tilt, 0) * height / 2, max(-tilt, 0) * height / 2
    corners = [(0, low_left), (width, low_right), (width, height - low_right), (0, height - low_left)]
    cos, sin = math.cos(angle), math.sin(angle)
    turned = [(cos * (x - shear * y) - sin * y, sin * (x - shear * y) + cos * y) for x, y in corners]
    left, top = min(x for x, _ in turned), min(y for _, y in turned)
    wide, high = max(x for x, _ in turned) - left, max(y for _, y in turned) - top
    scale = height_px * between(look.height_share, draw[5]) / high
    start = between(look.margin, draw[6]) * height_px
    end = between(look.margin, draw[7]) * height_px
    above = (height_px - scale * high) * between((0.1, 0.9), draw[8])
    target = [((x - left) * scale + start, (y - top) * scale + above) for x, y in turned]
    matrix = cv2.getPerspectiveTransform(_corners(box), _edges(target))
    return np.asarray(matrix, np.float64), max(math.ceil(scale * wide + start + end), _MIN_WIDTH_PX)


def _corners(box: Box) -> NDArray[np.float32]:
    return _edges([(box.left, box.top), (box.right, box.top), (box.right, box.bottom), (box.left, box.bottom)])


def _edges(corners: list[tuple[float, float]]) -> NDArray[np.float32]:
    """Corners measured from the edge of the first pixel, as OpenCV wants them: from its centre."""
    return np.array(corners, np.float32) - np.float32(0.5)


def _wear(coverage: Pixels, look: Look, draw: list[float]) -> Pixels:
    if draw[0] < look.neighbour_probability:
        coverage = with_neighbours(coverage, between(look.neighbour, draw[1]), draw[2])
    if draw[3] < look.fade_probability:
        coverage = faded(coverage, between(look.fade, draw[4]), draw[5:14])
    if draw[14] < look.ragged_probability:
        coverage = ragged(coverage, between(look.ragged, draw[15]), draw[2])
    return coverage


def _print(coverage: Pixels, look: Look, draw: list[float], more: list[float], photographs: Sequence[Path]) -> Pixels:
    """Ink on paper or on a photograph: their grey levels, the spread of the ink and uneven light."""
    paper = between(look.paper_grey, draw[0])
    ink = min(between(look.ink_grey, draw[1]), paper - look.min_contrast)
    if draw[3] < look.invert_probability:
        paper, ink = 255 - paper, 255 - ink
    shares = (np.arange(256) / 255) ** between(look.ink_spread, draw[2])
    has_photograph = more[16] < look.background_probability
    if has_photograph or more[0] < look.drop_shadow_probability or more[7] < look.bleed_probability:
        ground_HW = np.full(coverage.shape, paper, np.float32)
        if has_photograph:
            path = photographs[int(more[17] * len(photographs))]
            height, width = coverage.shape
            piece_HW = photograph(path, (height, width), more[18:21])
            ground_HW, ink = legible_on(piece_HW, look.min_contrast, more[21])
        ink_HW = cv2.LUT(coverage, shares.astype(np.float32))
        picture = _layered(ground_HW, ink, coverage, ink_HW, look, more)
    else:
        picture = cv2.LUT(coverage, (paper + (ink - paper) * shares + 0.5).astype(np.uint8))
    if draw[4] < look.gradient_probability:
        height, width = coverage.shape
        knots = (np.array(draw[5:13], np.float32).reshape(2, 4) - 0.5) * np.float32(look.gradient)
        picture = cv2.add(picture, cv2.resize(knots, (width, height)), dtype=cv2.CV_8U)
    return np.asarray(picture, np.uint8)


def _layered(
    ground_HW: NDArray[np.float32],
    ink: float,
    coverage: Pixels,
    ink_HW: NDArray[np.float32],
    look: Look,
    draw: list[float],
) -> Pixels:
    """From below: the ground, what shines through it, the letters' own shadow, and the ink by its shares `ink_HW`."""
    if draw[7] < look.bleed_probability:
        strength = np.float32(between(look.bleed, draw[8]) / 255)
        ground_HW = ground_HW + (np.float32(ink) - ground_HW) * seen_from_behind(coverage, draw[9:11]) * strength
    if draw[0] < look.drop_shadow_probability:
        reach, angle = between(look.drop_shadow, draw[1]) * len(coverage), 2 * math.pi * draw[2]
        matrix = np.array([[1, 0, reach * math.cos(angle)], [0, 1, reach * math.sin(angle)]])
        shade_HW = cv2.warpAffine(ink_HW, matrix, coverage.shape[::-1])
        away = 0 if ink >= ground_HW.mean() else 255  # a shadow that came nearer to the ink would swallow the letters
        ground_HW = ground_HW + (away - ground_HW) * shade_HW * np.float32(draw[3])
    return np.asarray(np.clip(ground_HW + (np.float32(ink) - ground_HW) * ink_HW + 0.5, 0, 255), np.uint8)


def _light(picture: Pixels, look: Look, draw: list[float]) -> Pixels:
    if draw[0] < look.texture_probability:
        picture = textured(picture, between(look.texture, draw[1]), draw[2:5])
    if draw[11] < look.shadow_probability:
        picture = in_shadow(picture, between(look.shadow, draw[12]), draw[13:16])
    if draw[16] < look.glare_probability:
        picture = in_glare(picture, between(look.glare, draw[17]), draw[18:22])
    return picture


def _degrade(picture: Pixels, look: Look, draw: list[float], more: list[float]) -> Pixels:
    if more[0] < look.tiny_probability:
        picture = from_afar(picture, between(look.tiny_px, more[1]))
    if more[2] < look.motion_probability:
        picture = moved(picture, between(look.motion_px, more[3]), more[4])
    if more[5] < look.defocus_probability:
        picture = defocused(picture, between(look.defocus_px, more[6]))
    if draw[0] < look.low_resolution_probability:
        height, width = picture.shape
        share = between(look.low_resolution, draw[1])
        small = cv2.resize(
            picture, (max(int(width * share), 1), max(int(height * share), 1)), interpolation=cv2.INTER_AREA
        )
        picture = np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
    if draw[2] < look.blur_probability:
        picture = blur(picture, between(look.blur_sigma_px, draw[3]))
    if draw[4] < look.noise_probability:
        picture = add_noise(picture, between(look.noise_sigma, draw[5]), draw[6])
    if draw[7] < look.jpeg_probability:
        picture = compress(picture, between(look.jpeg_quality, draw[8]))
    return picture
