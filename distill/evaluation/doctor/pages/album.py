"""Pictures of places on pages for the page of a check: what is meant in red, the other boxes of the page in blue."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw

from distill.data.pages.record import PageRecord
from distill.evaluation.doctor.findings import Finding
from distill.evaluation.doctor.page import PICTURES_BYTES, Room
from distill.evaluation.doctor.pages.places import Place
from students.errors import DataError

PICTURE_PX = 420  # largest side
AROUND = 4.0  # heights of what is meant, that are shown about it
LEAST_PX = 160  # of the page, along each side of what is shown
MEANT, OTHERS, IGNORED = (220, 0, 0), (40, 110, 230), (140, 140, 140)
LEGEND = "Red: what is meant. Blue: the other boxes of the page. Grey: ignored ones."


class PageAlbum:
    """Pictures of the places that findings name, by the finding."""

    def __init__(self, places: Mapping[Finding, tuple[Place | None, ...]]) -> None:
        self.places = places
        self.room = Room(PICTURES_BYTES)

    def pictures(self, finding: Finding, row: int) -> str:
        """Return the place of a row of a finding as HTML, with the page beside it; nothing where it has none."""
        places = self.places.get(finding, ())
        place = places[row] if row < len(places) else None
        if place is None:
            return ""
        pages = [picture_of(place)] + ([picture_of(Place(place.other))] if place.other is not None else [])
        return "".join(self.room.html(picture) for picture in pages if picture is not None)


def picture_of(place: Place) -> Image.Image | None:
    """Return the part of a page that a place means, or all of it, with the boxes; None where the page does not open."""
    try:
        page_HWC = place.page.load()
    except DataError:
        return None
    left, top, right, bottom = _shown(place, (page_HWC.shape[1], page_HWC.shape[0]))
    picture = Image.fromarray(page_HWC).convert("RGB").crop((left, top, right, bottom))  # black beyond the page
    scale = PICTURE_PX / max(picture.size)
    if scale < 1:
        size = [max(1, round(side * scale)) for side in picture.size]
        picture = picture.resize((size[0], size[1]), Image.Resampling.BOX)
    draw = ImageDraw.Draw(picture)
    scale = min(scale, 1.0)
    for outline_P2, colour in [*_others(place.page), *((outline_P2, MEANT) for outline_P2 in place.outlines)]:
        points = [(float(x), float(y)) for x, y in (outline_P2 - (left, top)) * scale]
        draw.line([*points, points[0]], fill=colour, width=2 if colour == MEANT else 1)
    return picture


def _others(page: PageRecord) -> Sequence[tuple[np.ndarray, tuple[int, int, int]]]:
    return [(line.corners_42, IGNORED if line.ignored else OTHERS) for line in page.lines or ()]


def _shown(place: Place, size_px: tuple[int, int]) -> tuple[int, int, int, int]:
    """What is shown of a page of this size: left, top, right, bottom, beyond the page where what is meant is."""
    if not place.outlines:
        return 0, 0, *size_px
    points_P2 = np.concatenate(place.outlines)
    low_2, high_2 = points_P2.min(0), points_P2.max(0)
    first_2 = place.outlines[0].max(0) - place.outlines[0].min(0)
    more_2 = np.maximum(AROUND * first_2.min(), (LEAST_PX - (high_2 - low_2)) / 2)
    low_2, high_2 = low_2 - more_2, high_2 + more_2
    inside_low_2, inside_high_2 = np.maximum(low_2, 0), np.minimum(high_2, size_px)
    low_2, high_2 = np.minimum(inside_low_2, points_P2.min(0)), np.maximum(inside_high_2, points_P2.max(0))
    most = 2 * max(size_px)  # a box may lie anywhere
    low_2, high_2 = np.clip(low_2, -most, most), np.clip(high_2, -most, most)
    return math.floor(low_2[0]), math.floor(low_2[1]), math.ceil(high_2[0]) + 1, math.ceil(high_2[1]) + 1
