"""Layouts that training leaves out, so that a test sees pages of another make: magazines, invoices, tickets."""

from __future__ import annotations

from distill.synthesis.fonts import FontFace
from distill.synthesis.pages.decorations import bar_code, picture, something, square_code
from distill.synthesis.pages.draft import Area, Draft, Style
from distill.synthesis.pages.layouts.letter import paragraphs
from distill.synthesis.pages.layouts.table import Rules, cells


def magazine(draft: Draft) -> None:
    """Set a page of a magazine: a bar at the top, a large headline, a picture across columns, a quotation, captions."""
    rng, wording = draft.rng, draft.wording
    side = draft.width * rng.uniform(0.04, 0.08)
    area = Area(side, side, draft.width - side, draft.height - side)
    body = draft.style(draft.width / rng.uniform(58, 74))
    small = draft.style(body.size_px / draft.letter_scale * 0.85, [body.face])
    bar = Area(area.left, area.top, area.right, area.top + small.line_px * 1.8)
    draft.bar(bar)
    draft.write(wording.phrase(5, 20), small, bar.left + small.line_px, bar.bottom - small.line_px * 0.5)
    draft.write(wording.number(1, 3), small, bar.right - small.line_px, bar.bottom - small.line_px * 0.5, "right")
    headline = draft.style(draft.width / rng.uniform(9, 15), bold=draft.chance(0.7))
    y = bar.bottom
    for _ in range(rng.randint(1, 3)):
        y += headline.line_px * rng.uniform(0.95, 1.2)
        draft.write(draft.fitted(wording.phrase(6, 26), headline, area.width), headline, area.left, y)
    y += headline.line_px * 0.5
    count = rng.choice((2, 3))
    gutter = body.gap_px * rng.uniform(1.1, 2.5)
    wide = (area.width - gutter * (count - 1)) / count
    if draft.chance(0.7):
        frame = Area(area.left, y, area.left + wide * (count - 1) + gutter * (count - 2), y + area.height * 0.25)
        if draft.decorated:
            picture(draft, frame)
        baseline = frame.bottom + small.line_px * 1.2
        draft.write(draft.fitted(wording.phrase(20, 60), small, frame.width), small, frame.left, baseline)
        low = baseline + small.line_px
    else:
        low = y
    quote = draft.style(body.size_px / draft.letter_scale * rng.uniform(1.5, 2), bold=True)
    for number in range(count):
        left = area.left + number * (wide + gutter)
        column = Area(left, y if number == count - 1 else low, left + wide, area.bottom)
        _column(draft, column, body, quote, number == 0)


def _column(draft: Draft, area: Area, body: Style, quote: Style, quoted: bool) -> None:
    leading, justified = body.line_px * draft.rng.uniform(1.15, 1.4), draft.chance(0.5)
    y = area.top
    if quoted:
        y = paragraphs(draft, area._replace(bottom=y + area.height * 0.4), body, leading, justified)
        for row in draft.wrapped(draft.wording.words(draft.rng.randint(5, 12)), quote, area.width):
            y += quote.line_px * 1.3
            if y + leading * 3 < area.bottom:
                draft.write(" ".join(row), quote, area.left, y)
        y += leading
    paragraphs(draft, area._replace(top=y), body, leading, justified)


def invoice(draft: Draft) -> None:
    """Set an invoice: two blocks of addresses, numbers at the right, a table, totals, a foot in three columns."""
    rng, wording = draft.rng, draft.wording
    side = draft.width * rng.uniform(0.05, 0.1)
    area = Area(side, side, draft.width - side, draft.height - side)
    family = rng.choice(draft.families)
    style = draft.style(draft.width / rng.uniform(52, 70), family)
    large = draft.style(draft.width / rng.uniform(18, 26), family, bold=True)
    y = area.top + large.line_px
    if draft.decorated:
        something(draft, Area(area.right - draft.width * 0.18, area.top, area.right, area.top + draft.width * 0.1))
    draft.write(draft.fitted(wording.phrase(6, 22), large, area.width * 0.6), large, area.left, y)
    y = max(y + large.line_px, area.top + draft.width * 0.13)
    blocks = area._replace(top=y)
    low = max(_block(draft, blocks._replace(right=area.middle - style.line_px), style), _facts(draft, blocks, style))
    rows = rng.randint(3, 14)
    rules: Rules = rng.choice(("all", "rows", "head", "head"))
    y = cells(draft, area._replace(top=low + style.line_px * 2, bottom=area.bottom * 0.72), style, rows, rules)
    left = area.left + area.width * rng.uniform(0.5, 0.65)
    for number in range(rng.randint(2, 4)):
        y += style.line_px * 1.6
        heavy = draft.style(style.size_px / draft.letter_scale, family, bold=number > 1)
        draft.write(draft.fitted(wording.label(), heavy, area.width * 0.2), heavy, left, y)
        draft.write(wording.amount(5), heavy, area.right, y, "right")
    _foot(draft, area._replace(top=area.bottom - style.line_px * 6), family)


def _block(draft: Draft, area: Area, style: Style) -> float:
    y = area.top
    for _ in range(draft.rng.randint(3, 5)):
        y += style.line_px * 1.3
        draft.write(draft.fitted(draft.wording.phrase(8, 30), style, area.width), style, area.left, y)
    return y


def _facts(draft: Draft, area: Area, style: Style) -> float:
    wording, y = draft.wording, area.top
    split = area.left + area.width * 0.75
    for _ in range(draft.rng.randint(3, 6)):
        y += style.line_px * 1.3
        label = draft.fitted(wording.label(), style, area.width * 0.25 - style.gap_px)
        draft.write(label, style, area.middle, y)
        value = draft.rng.choice((wording.date(), wording.number(4, 9)))
        draft.write(draft.fitted(value, style, area.right - split), style, split, y)
    return y


def _foot(draft: Draft, area: Area, family: list[FontFace]) -> None:
    small = draft.style(draft.width / 85, family)
    draft.rule((area.left, area.top), (area.right, area.top))
    for column in range(3):
        left, y = area.left + area.width * column / 3, area.top + small.line_px * 0.4
        for _ in range(3):
            y += small.line_px * 1.3
            room = area.width / 3 - small.gap_px
            draft.write(draft.fitted(draft.wording.phrase(10, 34), small, room), small, left, y)


def ticket(draft: Draft) -> None:
    """Set a ticket: a wide sheet with small labels over large values, a code, and a stub to tear off."""
    rng, wording = draft.rng, draft.wording
    side = draft.height * 0.06
    stub = draft.width * rng.uniform(0.68, 0.78)
    area = Area(side, side, stub - side, draft.height - side)
    family = rng.choice(draft.families)
    head = draft.style(draft.height / rng.uniform(9, 13), family, bold=True)
    bar = Area(0, 0, draft.width, head.line_px * 1.7)
    if draft.chance(0.5):
        draft.bar(bar)
    draft.write(draft.fitted(wording.phrase(6, 24), head, area.width), head, area.left, bar.bottom - head.line_px * 0.5)
    right = Area(stub + side, side, draft.width - side, draft.height - side)
    draft.write(draft.fitted(wording.label(), head, right.width), head, right.left, bar.bottom - head.line_px * 0.5)
    draft.rule((stub, bar.bottom), (stub, draft.height), 2, 4)
    code_px = draft.height * 0.28
    if draft.decorated:
        code = Area(area.left, area.bottom - code_px, area.left + code_px, area.bottom)
        draft.rng.choice((bar_code, square_code))(draft, code)
    grid = Area(area.left, bar.bottom + side, area.right, area.bottom - code_px * 1.1)
    _fields(draft, grid, rng.choice((3, 4)), family)
    _fields(draft, Area(right.left, bar.bottom + side, right.right, right.bottom), 1, family)
    note = draft.style(draft.height / 26, family)
    x, y = area.left + code_px * 1.25, area.bottom - code_px + note.line_px
    paragraphs(draft, Area(x, y, area.right, area.bottom), note, note.line_px * 1.3, False)


def _fields(draft: Draft, area: Area, columns: int, family: list[FontFace]) -> None:
    """Small labels with large values below, in a grid."""
    wording = draft.wording
    label = draft.style(draft.height / 26, family)
    value = draft.style(draft.height / draft.rng.uniform(13, 18), family, bold=draft.chance(0.6))
    high, wide = (label.line_px + value.line_px) * 1.25, area.width / columns
    y = area.top
    while y + high < area.bottom:
        for column in range(columns):
            x, room = area.left + column * wide, wide - value.gap_px
            draft.write(draft.fitted(wording.label(), label, room), label, x, y + label.line_px)
            kinds = (wording.date, wording.time, lambda: wording.number(1, 5), lambda: wording.phrase(3, 14))
            text = draft.fitted(draft.rng.choice(kinds)(), value, room)
            draft.write(text, value, x, y + label.line_px * 1.15 + value.line_px)
        y += high
