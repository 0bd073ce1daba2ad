"""Things on a page that are no text: logos, bar codes, patterns, rules, scribbles, stamps, pictures."""

from __future__ import annotations

import math

import cv2
import numpy as np

from distill.synthesis.pages.draft import Area, Draft, Style


def something(draft: Draft, area: Area) -> None:
    """Fill about an area with a logo, a bar code, a square code or a picture."""
    draft.rng.choice((logo, logo, bar_code, square_code, picture))(draft, area)


def separator(draft: Draft, area: Area, y: float, style: Style) -> None:
    """Draw a rule across an area: straight, dashed, dotted, double, or of signs, which are no line of text either."""
    rng = draft.rng
    kind = rng.randrange(5)
    if not draft.decorated:
        return
    left, right = area.left, area.right
    thickness = max(1.0, style.size_px / rng.uniform(10, 22))
    if kind == 4:
        _row_of_signs(draft, area, y, style)
        return
    dash = {0: 0.0, 1: style.size_px * rng.uniform(0.2, 0.5), 2: thickness, 3: 0.0}[kind]
    draft.rule((left, y), (right, y), thickness, dash)
    if kind == 3:
        draft.rule((left, y + 3 * thickness), (right, y + 3 * thickness), thickness)


def logo(draft: Draft, area: Area) -> None:
    """Draw a few overlapping shapes: discs, rings, bars, triangles."""
    rng = draft.rng
    width, height = max(8, int(area.width)), max(8, int(area.height))
    shapes_HW = np.zeros((height, width), np.uint8)
    for _ in range(rng.randint(1, 4)):
        x0, x1 = sorted(rng.randrange(width) for _ in range(2))
        y0, y1 = sorted(rng.randrange(height) for _ in range(2))
        level, thickness = rng.choice((255, 200, 120, 0)), rng.choice((-1, -1, 2, 4))
        kind = rng.randrange(3)
        if kind == 0:
            centre, half = ((x0 + x1) // 2, (y0 + y1) // 2), ((x1 - x0) // 2 + 2, (y1 - y0) // 2 + 2)
            cv2.ellipse(shapes_HW, centre, half, rng.uniform(0, 40), 0, 360, level, thickness, cv2.LINE_AA)
        elif kind == 1:
            cv2.rectangle(shapes_HW, (x0, y0), (x1, y1), level, thickness)
        else:
            points = np.array([(x0, y1), (x1, y1), (rng.randint(x0, x1), y0)], np.int32)
            cv2.polylines(shapes_HW, [points], True, level, abs(thickness), cv2.LINE_AA)
    _paste(draft, shapes_HW, round(area.left), round(area.top))


def bar_code(draft: Draft, area: Area) -> None:
    """Draw upright bars of several widths."""
    rng = draft.rng
    high = min(area.height, area.width * rng.uniform(0.15, 0.4))
    unit, x = max(1, round(area.width / rng.uniform(80, 120))), round(area.left)
    while x < area.right:
        wide = unit * rng.randint(1, 3)
        draft.bar(Area(x, area.top, min(x + wide, area.right), area.top + high))
        x += wide + unit * rng.randint(1, 3)


def square_code(draft: Draft, area: Area) -> None:
    """Draw a square of black and white cells with three finders."""
    rng = draft.rng
    count = rng.choice((21, 25, 29))
    cell = max(2, int(min(area.width, area.height) / count))
    bits = np.array([rng.getrandbits(1) for _ in range(count * count)], np.uint8).reshape(count, count) * 255
    finder = np.zeros((8, 8), np.uint8)
    finder[:7, :7] = 255
    finder[1:6, 1:6] = 0
    finder[2:5, 2:5] = 255
    bits[:8, :8], bits[:8, -8:], bits[-8:, :8] = finder, finder[:, ::-1], finder[::-1]
    code_HW = np.kron(bits, np.ones((cell, cell), np.uint8))
    left, top = round((area.left + area.right - code_HW.shape[1]) / 2), round(area.top)
    _paste(draft, code_HW, left, top)


def picture(draft: Draft, area: Area) -> None:
    """Draw a picture: clouds of grey with some shapes on them."""
    rng = draft.rng
    height, width = max(2, int(area.height)), max(2, int(area.width))
    grey_HW = np.zeros((height, width), np.float32)
    for cells in (3, 7, 16):
        knots = np.array([rng.random() for _ in range(cells * cells)], np.float32).reshape(cells, cells)
        grey_HW += cv2.resize(knots, (width, height), interpolation=cv2.INTER_CUBIC) * (120 / cells**0.5)
    _paste(draft, np.clip(grey_HW, 0, 255).astype(np.uint8), round(area.left), round(area.top))
    if draft.chance(0.5):
        logo(draft, area)


def scribble(draft: Draft, area: Area) -> None:
    """Draw a pen's strokes, as of a signature."""
    rng = draft.rng
    n = rng.randint(4, 9)
    knots_x = np.cumsum([rng.uniform(0.2, 1) for _ in range(n)])
    knots_x = area.left + (knots_x - knots_x[0]) / (knots_x[-1] - knots_x[0]) * area.width
    t = np.linspace(0, n - 1, 24 * n)
    sway = area.width / n * rng.uniform(0.3, 1.2)
    x = np.interp(t, np.arange(n), knots_x) + sway * np.sin(t * math.pi * rng.uniform(0.8, 1.6))
    middle, half = (area.top + area.bottom) / 2, (area.height) / 2
    heights = np.interp(t, np.arange(n), [rng.uniform(0.2, 1) for _ in range(n)])
    y = middle + half * heights * np.sin(t * math.pi * rng.uniform(1.2, 2.4) + rng.uniform(0, 6))
    points = np.stack([x, y], -1) * 16
    thickness = max(1, round(draft.width / rng.uniform(250, 600)))
    cv2.polylines(draft.ink_HW, [points.astype(np.int32)], False, 230, thickness, cv2.LINE_AA, shift=4)


def overlaid(draft: Draft) -> None:
    """Add what comes onto a page later, across its text: a pen's strokes, ticks, rings, a stamp, specks of dirt."""
    rng = draft.rng
    if draft.chance(0.2):
        for _ in range(rng.randint(1, 3)):
            wide, high = draft.width * rng.uniform(0.05, 0.3), draft.width * rng.uniform(0.03, 0.15)
            left, top = rng.uniform(0, draft.width - wide), rng.uniform(0, max(1.0, draft.height - high))
            rng.choice((scribble, scribble, _tick, _ring))(draft, Area(left, top, left + wide, top + high))
    if draft.chance(0.1):
        size = draft.width * rng.uniform(0.15, 0.35)
        left, top = rng.uniform(0, draft.width - size), rng.uniform(0, max(1.0, draft.height - size))
        _stamp(draft, Area(left, top, left + size, top + size * rng.uniform(0.4, 1)))
    if draft.chance(0.3):
        for _ in range(rng.randint(3, 50)):
            centre = rng.randrange(draft.width), rng.randrange(draft.height)
            cv2.circle(draft.ink_HW, centre, rng.choice((0, 0, 1, 1, 2)), rng.randint(80, 255), -1)


def _tick(draft: Draft, area: Area) -> None:
    low = area.left + area.width * 0.3, area.bottom
    thickness = draft.rng.uniform(1, 3)
    draft.rule((area.left, area.top + area.height * 0.6), low, thickness)
    draft.rule(low, (area.right, area.top), thickness)


def _ring(draft: Draft, area: Area) -> None:
    centre, half = (
        (round(area.middle), round((area.top + area.bottom) / 2)),
        (int(area.width / 2), int(area.height / 2)),
    )
    turn, thickness = draft.rng.uniform(-20, 20), draft.rng.randint(1, 3)
    cv2.ellipse(draft.ink_HW, centre, half, turn, 0, draft.rng.uniform(320, 400), 230, thickness, cv2.LINE_AA)


def _stamp(draft: Draft, area: Area) -> None:
    """Rings or frames with bars in them, pale, at an angle."""
    rng = draft.rng
    centre, level = (area.middle, (area.top + area.bottom) / 2), rng.randint(70, 190)
    stamp_HW = np.zeros_like(draft.ink_HW)
    turn, size = rng.uniform(-35, 35), (area.width, area.height)
    for share in (1.0, 0.86):
        if rng.random() < 0.5:
            half = int(size[0] * share / 2), int(size[1] * share / 2)
            cv2.ellipse(stamp_HW, (int(centre[0]), int(centre[1])), half, turn, 0, 360, level, 2, cv2.LINE_AA)
        else:
            corners = cv2.boxPoints((centre, (size[0] * share, size[1] * share), turn))
            cv2.polylines(stamp_HW, [corners.astype(np.int32)], True, level, 2, cv2.LINE_AA)
    for offset in (-0.15, 0.15):
        bar = cv2.boxPoints((centre, (size[0] * rng.uniform(0.3, 0.6), abs(offset) * size[1] * 0.3), turn))
        shift = np.array([0, offset * size[1]])
        cv2.fillPoly(stamp_HW, [(bar + shift).astype(np.int32)], level, cv2.LINE_AA)
    np.maximum(draft.ink_HW, stamp_HW, out=draft.ink_HW)


def _row_of_signs(draft: Draft, area: Area, y: float, style: Style) -> None:
    sign = draft.rng.choice("-=*_.")
    n_before = len(draft.runs)
    text = draft.fitted(sign * int(area.width / max(1.0, draft.width_of(sign, style))), style, area.width)
    draft.write(text, style, area.left, y)
    del draft.runs[n_before:]


def _paste(draft: Draft, ink_HW: np.ndarray, left: int, top: int) -> None:
    left, top = max(0, left), max(0, top)
    part = draft.ink_HW[top : top + ink_HW.shape[0], left : left + ink_HW.shape[1]]
    np.maximum(part, ink_HW[: part.shape[0], : part.shape[1]], out=part)
