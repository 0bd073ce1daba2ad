"""Draws a page: a pure function of its source and its number. Where its lines are is known exactly."""

from __future__ import annotations

import math
import random
from functools import lru_cache
from pathlib import Path

import numpy as np

from distill.data.augment import Pixels
from distill.data.pages.record import MarkedLine
from distill.seeds import generator_of, seed_of
from distill.synthesis.fonts import FontFace, by_family, find_faces
from distill.synthesis.letters import refuse_unshapeable
from distill.synthesis.pages.camera import in_colours, lit, taken
from distill.synthesis.pages.decorations import overlaid
from distill.synthesis.pages.draft import Draft
from distill.synthesis.pages.geometry import Points, Warp, flattened, outline, quadrilaterals, sample_warp
from distill.synthesis.pages.layouts import LAYOUTS, Layout
from distill.synthesis.pages.lines import SheetLine, lines_of
from distill.synthesis.pages.source import DrawnPagesSource, PageLook
from distill.synthesis.pages.surface import desk, on_paper, on_scene, printed
from distill.synthesis.pages.wording import CHARACTERS, Wording
from distill.synthesis.text import possible_characters, texts_of_mix

_FAMILIES = 3  # of a page


def draw_page(source: DrawnPagesSource, number: int, root: Path = Path()) -> tuple[Pixels, tuple[MarkedLine, ...]]:
    """Return page `number` of a source, uint8 (H, W) or (H, W, 3) RGB, and its lines in the order they were set.

    `root` is where the files that the source names are. Raises `DataError` for fonts or texts that cannot be used.
    """
    rng = random.Random(seed_of("drawn page", source.seed, number))
    draft = set_page(source, number, root, rng)
    lines = lines_of(draft.runs)
    warp, shape, corners = framed(draft, lines, source.look, rng)
    set_on = on_scene if draft.scene else on_paper
    sheet_HW = set_on(printed(draft.ink_HW, source.look, rng), source.look, rng)
    page = taken(lit(warp.picture(sheet_HW, desk(shape, rng)), source.look, rng), source.look, rng)
    if rng.random() < source.look.colour_probability:
        page = in_colours(page, rng)
    marked = tuple(MarkedLine(quad, line.text) for quad, line in zip(corners, lines, strict=True))
    return page, marked


def set_page(source: DrawnPagesSource, number: int, root: Path, rng: random.Random) -> Draft:
    """Set the text and the decorations of page `number` on a sheet."""
    layout = LAYOUTS[rng.choice(source.layouts)]
    texts = texts_of_mix(source.text, root)
    families = _families(source, root)
    own = rng.sample(families, min(_FAMILIES, len(families)))
    wording = Wording(source.text, texts, generator_of("texts of a drawn page", source.seed, number), rng)
    look = source.look
    scale, decorated = rng.uniform(*look.letter_scale), rng.random() < look.decoration_probability
    draft = Draft(np.zeros(_shape(layout, look, rng), np.uint8), rng, wording, own, scale, decorated)
    layout.set(draft)
    if decorated:
        overlaid(draft)
    return draft


def _shape(layout: Layout, look: PageLook, rng: random.Random) -> tuple[int, int]:
    """Height and width of the sheet."""
    width = math.sqrt(rng.randint(*look.sheet_pixels) / (ratio := rng.uniform(*layout.heights)))
    return round(width * ratio), round(width)


def faces_of(source: DrawnPagesSource, root: Path) -> list[FontFace]:
    """Return the faces that pages of a source are set in: each has every character that they may have."""
    texts = texts_of_mix(source.text, root)
    characters = "".join(sorted({*possible_characters(source.text, texts), *CHARACTERS}))
    refuse_unshapeable(characters)
    return find_faces(source.fonts, characters, tuple(root / folder for folder in source.font_folders))


@lru_cache(maxsize=8)
def _families(source: DrawnPagesSource, root: Path) -> list[list[FontFace]]:
    return by_family(faces_of(source, root))


def framed(
    draft: Draft, lines: list[SheetLine], look: PageLook, rng: random.Random
) -> tuple[Warp, tuple[int, int], Points]:
    """Return the way to the picture, its height and width, and the corners of the lines on it: none lies outside."""
    shape = draft.height, draft.width
    warp = flattened(lines, sample_warp(look, shape, rng))
    corners = quadrilaterals(lines, warp)
    edge = outline(shape, warp)
    low, high = edge.min(0), edge.max(0)
    if rng.random() < look.surround_probability:
        low, high = (
            low - [rng.uniform(0, 0.08) * n for n in shape[::-1]],
            high + [rng.uniform(0, 0.08) * n for n in shape[::-1]],
        )
    elif len(lines):
        room, near = 0.01 * max(shape), rng.uniform(0.3, 1)
        text_low, text_high = corners.min((0, 1)) - room, corners.max((0, 1)) + room
        low, high = text_low + (low - text_low) * near, text_high + (high - text_high) * near
    if len(lines):
        low, high = np.minimum(low, corners.min((0, 1)) - 1), np.maximum(high, corners.max((0, 1)) + 1)
    width, height = np.ceil(high - low).astype(int).tolist()
    return warp.moved(*(-low)), (height, width), corners - low
