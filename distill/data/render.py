"""Draws one line of text as a small grey picture, mildly degraded: a pure function of its arguments.

A line is drawn large, brought to its place and height in one warp, then given ink, paper and faults. Nothing
is cut: the warp is fitted to the drawn ink. `contact_sheet` shows lines with their texts.
"""

import math
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pydantic import BaseModel, ConfigDict, Field, model_validator

from distill.data.augment import (
    Pixels,
    Share,
    add_noise,
    between,
    blur,
    compress,
    rotation_limit_deg,
)
from distill.data.fonts import FontFace
from distill.data.wear import faded, ragged, with_neighbours
from students.errors import DataError

_N_DRAWS = 56
_SIZES_PX = (24, 34, 48, 64)
_MIN_WIDTH_PX = 8

Range = tuple[float, float]


class Look(BaseModel):
    """How rendered lines look: ranges are drawn from evenly, probabilities say how often a fault occurs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    letter_size_px: tuple[int, int] = Field(
        default=(24, 48), description="lowest and highest font size drawn, before scaling"
    )
    height_share: Range = Field(default=(0.55, 0.9), description="height of the letters, share of the picture's")
    tightness: Range = Field(default=(0.0, 0.4), description="0: with room for ascenders; 1: cut to the ink")
    margin: Range = Field(default=(0.05, 0.5), description="margin left and right, share of the height")
    stretch: Range = Field(default=(0.78, 1.08), description="horizontal stretch of the letters")
    spacing_probability: Share = Field(default=0.1, description="probability of widened letter spacing")
    spacing: Range = Field(default=(0.02, 0.15), description="extra letter spacing, share of the font size")
    paper_grey: tuple[int, int] = Field(default=(150, 255), description="grey level of the paper")
    ink_grey: tuple[int, int] = Field(default=(0, 120), description="grey level of the ink")
    min_contrast: int = Field(default=80, ge=1, le=255, description="least difference of paper and ink")
    invert_probability: Share = Field(default=0.08, description="probability of light text on dark ground")
    ink_spread: Range = Field(default=(0.7, 1.35), description="gamma of the edges: below 1 bolder, above 1 thinner")
    rotation_deg: float = Field(default=1.2, ge=0, le=10, description="largest rotation; less for long lines")
    shear: float = Field(default=0.08, ge=0, le=0.5, description="largest slant: sideways shift per height")
    perspective_probability: Share = Field(default=0.15, description="probability of a perspective")
    perspective: float = Field(
        default=0.1, ge=0, le=0.4, description="largest narrowing of one end, share of the height"
    )
    gradient_probability: Share = Field(default=0.3, description="probability of uneven light on the paper")
    gradient: float = Field(default=40.0, ge=0, le=120, description="largest unevenness, in grey levels")
    low_resolution_probability: Share = Field(default=0.15, description="probability of a scan with too few pixels")
    low_resolution: Range = Field(default=(0.5, 0.9), description="its resolution, share of the picture's")
    blur_probability: Share = Field(default=0.3, description="probability of a Gaussian blur")
    blur_sigma_px: Range = Field(default=(0.3, 0.9), description="sigma of the blur")
    noise_probability: Share = Field(default=0.5, description="probability of Gaussian noise")
    noise_sigma: Range = Field(default=(1.0, 12.0), description="sigma of the noise, in grey levels")
    jpeg_probability: Share = Field(default=0.15, description="probability of JPEG compression")
    jpeg_quality: tuple[int, int] = Field(default=(35, 85), description="lowest and highest JPEG quality")
    neighbour_probability: Share = Field(default=0.0, description="probability of strokes of a line above or below")
    neighbour: Range = Field(default=(0.02, 0.15), description="how far they reach in, share of the height")
    fade_probability: Share = Field(default=0.0, description="probability of ink lost in rows, columns or patches")
    fade: Range = Field(default=(0.3, 0.9), description="largest share of the ink that is lost there")
    ragged_probability: Share = Field(default=0.0, description="probability of ragged, steep edges")
    ragged: Range = Field(default=(0.1, 0.5), description="their roughness, share of full coverage")

    @model_validator(mode="after")
    def _sensible(self) -> "Look":
        for name, (least, most) in _BOUNDS.items():
            low, high = getattr(self, name)
            if not least <= low <= high <= most:
                raise ValueError(f"{name} {low}, {high} must be a rising pair within {least} to {most}")
        if self.paper_grey[0] - self.min_contrast < self.ink_grey[0]:
            raise ValueError(
                f"min_contrast {self.min_contrast} cannot be kept between paper_grey {self.paper_grey} "
                f"and ink_grey {self.ink_grey}: lower it, or move the two apart"
            )
        return self


_BOUNDS: dict[str, Range] = {
    "letter_size_px": (_SIZES_PX[0], _SIZES_PX[-1]),
    "height_share": (0.2, 1),
    "tightness": (0, 1),
    "margin": (0, 4),
    "stretch": (0.5, 2),
    "spacing": (0, 1),
    "paper_grey": (0, 255),
    "ink_grey": (0, 255),
    "ink_spread": (0.3, 3),
    "low_resolution": (0.2, 1),
    "blur_sigma_px": (0, 5),
    "noise_sigma": (0, 80),
    "jpeg_quality": (1, 100),
    "neighbour": (0, 0.3),
    "fade": (0, 1),
    "ragged": (0, 1),
}


def render_line(text: str, face: FontFace, look: Look, height_px: int, generator: torch.Generator) -> Pixels:
    """`text` as a grey picture (height_px, W), W as the text needs; dark ink on light paper unless inverted.

    Raises DataError if the text has no ink, or the font file cannot be opened.
    """
    draw = torch.rand(_N_DRAWS, generator=generator).tolist()
    spacing = between(look.spacing, draw[1]) if draw[0] < look.spacing_probability else 0.0
    coverage, box = _draw_letters(text, face, _size(look, draw[2]), spacing, between(look.tightness, draw[3]))
    matrix, width_px = _placement(box, look, height_px, draw[4:14])
    placed = cv2.warpPerspective(coverage, matrix, (width_px, height_px), flags=cv2.INTER_LINEAR)
    worn = _wear(np.asarray(placed, np.uint8), look, draw[40:56])
    picture = _print(worn, look, draw[14:30])
    return _degrade(picture, look, draw[30:40])


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


class _Glyph(NamedTuple):
    """One drawn character: its coverage, where that starts as seen from the pen, and the step of the pen."""

    coverage: Pixels
    left: int
    top: int
    advance: float


class _Box(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float


@lru_cache(maxsize=2048)
def _font(face: FontFace, size_px: int) -> ImageFont.FreeTypeFont:
    try:
        font = ImageFont.truetype(face.path, size_px, layout_engine=ImageFont.Layout.BASIC)
        if face.axes:
            font.set_variation_by_axes([value for _, value in face.axes])
    except OSError as error:
        raise DataError(f"font file {face.path} cannot be opened ({error}): replace or remove it") from error
    return font


@lru_cache(maxsize=1 << 16)
def _glyph(face: FontFace, size_px: int, character: str) -> _Glyph:
    """Drawn once a process: FreeType needs 25 µs for what a copy does in two."""
    font = _font(face, size_px)
    image = Image.new("L", (5 * size_px, 4 * size_px))
    ImageDraw.Draw(image).text((2 * size_px, 2 * size_px), character, fill=255, font=font, anchor="ls")
    left, top, right, bottom = image.getbbox() or (2 * size_px,) * 4
    coverage = np.asarray(image)[top:bottom, left:right].copy()
    return _Glyph(coverage, left - 2 * size_px, top - 2 * size_px, font.getlength(character))


@lru_cache(maxsize=2048)
def _heights(face: FontFace, size_px: int) -> tuple[int, int, int]:
    """Pixels of ascenders and of small letters above the baseline, and of descenders below it."""
    tall, small, deep = (_glyph(face, size_px, character) for character in "dxp")
    return -tall.top, -small.top, deep.top + deep.coverage.shape[0]


def _size(look: Look, share: float) -> int:
    """One of a few sizes within the range, so that the cache of glyphs stays small."""
    low, high = look.letter_size_px
    sizes = [size for size in _SIZES_PX if low <= size <= high] or [low]
    return sizes[int(share * len(sizes))]


def _draw_letters(text: str, face: FontFace, size_px: int, spacing: float, tightness: float) -> tuple[Pixels, _Box]:
    """The coverage of all letters (h, w), just enclosing them, and the box about it that is to be seen."""
    placed: list[tuple[_Glyph, int]] = []
    pen = 0.0
    for character in text:
        glyph = _glyph(face, size_px, character)
        if glyph.coverage.size:
            placed.append((glyph, round(pen) + glyph.left))
        pen += glyph.advance + spacing * size_px
    if not placed:
        raise DataError(f"the text {text!r} leaves no ink in font {face.name}: choose other texts or fonts")
    left, right = min(x for _, x in placed), max(x + glyph.coverage.shape[1] for glyph, x in placed)
    top = min(glyph.top for glyph, _ in placed)
    bottom = max(glyph.top + glyph.coverage.shape[0] for glyph, _ in placed)
    coverage = np.zeros((bottom - top, right - left), np.uint8)
    for glyph, x in placed:
        height, width = glyph.coverage.shape
        part = coverage[glyph.top - top : glyph.top - top + height, x - left : x - left + width]
        np.maximum(part, glyph.coverage, out=part)
    above, small, below = _heights(face, size_px)
    seen_top = between((min(top, -above), min(top, -small)), tightness)
    seen_bottom = between((max(bottom, below), max(bottom, 0)), tightness)
    return coverage, _Box(0, seen_top - top, right - left, seen_bottom - top)


def _placement(box: _Box, look: Look, height_px: int, draw: list[float]) -> tuple[NDArray[np.float64], int]:
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
    source = [(box.left, box.top), (box.right, box.top), (box.right, box.bottom), (box.left, box.bottom)]
    matrix = cv2.getPerspectiveTransform(_edges(source), _edges(target))
    return np.asarray(matrix, np.float64), max(math.ceil(scale * wide + start + end), _MIN_WIDTH_PX)


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


def _print(coverage: Pixels, look: Look, draw: list[float]) -> Pixels:
    """Ink on paper: their grey levels, the spread of the ink and uneven light."""
    paper = between(look.paper_grey, draw[0])
    ink = min(between(look.ink_grey, draw[1]), paper - look.min_contrast)
    if draw[3] < look.invert_probability:
        paper, ink = 255 - paper, 255 - ink
    shares = (np.arange(256) / 255) ** between(look.ink_spread, draw[2])
    picture = cv2.LUT(coverage, (paper + (ink - paper) * shares + 0.5).astype(np.uint8))
    if draw[4] < look.gradient_probability:
        height, width = coverage.shape
        knots = (np.array(draw[5:13], np.float32).reshape(2, 4) - 0.5) * np.float32(look.gradient)
        picture = cv2.add(picture, cv2.resize(knots, (width, height)), dtype=cv2.CV_8U)
    return np.asarray(picture, np.uint8)


def _degrade(picture: Pixels, look: Look, draw: list[float]) -> Pixels:
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
