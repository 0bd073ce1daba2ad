"""Running text: a letter with its head, addresses and signature, and a plain page of a book."""

from __future__ import annotations

from distill.synthesis.fonts import FontFace
from distill.synthesis.pages.decorations import scribble, something
from distill.synthesis.pages.draft import Area, Draft, Style


def letter(draft: Draft) -> None:
    """Set a letter: a head, an address, date and subject, paragraphs, a signature."""
    rng, wording = draft.rng, draft.wording
    side = draft.width * rng.uniform(0.07, 0.13)
    area = Area(side, side * rng.uniform(0.5, 1), draft.width - side, draft.height - side)
    family = rng.choice(draft.families)
    style = draft.style(draft.width / rng.uniform(48, 66), family)
    leading = style.line_px * rng.uniform(1.15, 1.7)
    y = _letter_head(draft, area, family)
    if draft.chance(0.6):
        for _ in range(rng.randint(2, 4)):
            y += leading
            draft.write(draft.fitted(wording.phrase(8, 30), style, area.width / 2), style, area.left, y)
    y += leading * rng.uniform(1.2, 3)
    if draft.chance(0.7):
        draft.write(wording.date(), style, area.right, y, "right")
    if draft.chance(0.7):
        subject = draft.style(style.size_px / draft.letter_scale, family, bold=True)
        y += leading * rng.uniform(1.2, 2)
        draft.write(draft.fitted(wording.phrase(12, 50), subject, area.width * 0.8), subject, area.left, y)
    bottom = area.bottom - leading * 5
    body = area._replace(top=y + leading, bottom=min(bottom, y + (bottom - y) * rng.uniform(0.4, 1.1)))
    y = paragraphs(draft, body, style, leading, draft.chance(0.4))
    y += leading * rng.uniform(1, 2)
    draft.write(draft.fitted(wording.phrase(6, 24), style, area.width / 2), style, area.left, y)
    if draft.decorated and y + leading * 3 < draft.height:
        scribble(draft, Area(area.left, y + leading * 0.4, area.left + area.width * 0.3, y + leading * 2.6))
    draft.write(draft.fitted(wording.phrase(6, 24), style, area.width / 2), style, area.left, y + leading * 3)


def plain(draft: Draft) -> None:
    """Set a page of a book: paragraphs, maybe a running head, a page number, a heading of a chapter."""
    rng, wording = draft.rng, draft.wording
    side = draft.width * rng.uniform(0.06, 0.15)
    area = Area(side, side * rng.uniform(0.6, 1.4), draft.width - side, draft.height - side)
    family = rng.choice(draft.families)
    style = draft.style(draft.width / rng.uniform(30, 58), family)
    leading = style.line_px * rng.uniform(1.1, 1.8)
    y = area.top
    if draft.chance(0.4):
        draft.write(wording.number(1, 3), style, area.right, y, "right")
        draft.write(draft.fitted(wording.phrase(8, 30), style, area.width / 2), style, area.left, y)
        y += leading
    if draft.chance(0.4):
        heading = draft.style(style.size_px / draft.letter_scale * rng.uniform(1.2, 2.4), family, draft.chance(0.5))
        y += heading.line_px * rng.uniform(1.2, 3)
        text = draft.fitted(wording.phrase(5, 28), heading, area.width)
        draft.write(text, heading, area.middle, y, "centre")
        y += leading
    body = area._replace(top=y, bottom=area.bottom - leading * 2)
    y = paragraphs(draft, body, style, leading, draft.chance(0.7))
    if draft.chance(0.5):
        draft.write(wording.number(1, 3), style, area.middle, area.bottom, "centre")


def paragraphs(draft: Draft, area: Area, style: Style, leading: float, justified: bool) -> float:
    """Fill an area with paragraphs; return the baseline of the last row."""
    rng = draft.rng
    indent = draft.chance(0.5) * style.line_px * rng.uniform(1, 2)
    between = leading * rng.choice((0.0, 0.4, 1.0))
    y = area.top
    while y + leading < area.bottom:
        rows = draft.wrapped(draft.wording.words(rng.randint(12, 110)), style, area.width - indent)
        for number, row in enumerate(rows):
            y += leading
            if y > area.bottom:
                return y - leading
            left = area.left + (indent if number == 0 else 0)
            if justified and number < len(rows) - 1:
                draft.write_spread(row, style, left, area.right, y)
            else:
                draft.write(" ".join(row), style, left, y)
        y += between
    return y - between


def _letter_head(draft: Draft, area: Area, family: list[FontFace]) -> float:
    """A name, a row of contact data, maybe a logo and a rule; return the baseline of the last row."""
    rng, wording = draft.rng, draft.wording
    y = area.top
    at_right = draft.chance(0.4)
    if draft.decorated and draft.chance(0.6):
        size = draft.width * rng.uniform(0.08, 0.16)
        left = area.left if at_right else area.right - size
        something(draft, Area(left, y, left + size, y + size))
    name = draft.style(draft.width / rng.uniform(22, 36), None if draft.chance(0.5) else family, draft.chance(0.5))
    small = draft.style(draft.width / rng.uniform(60, 80), family)
    x = area.right if at_right else area.left
    y += name.line_px
    draft.write(
        draft.fitted(wording.phrase(6, 26), name, area.width * 0.7), name, x, y, "right" if at_right else "left"
    )
    y += name.line_px * 0.2
    for _ in range(rng.randint(1, 4)):
        y += small.line_px * 1.35
        text = draft.fitted(wording.phrase(10, 40), small, area.width * 0.7)
        draft.write(text, small, x, y, "right" if at_right else "left")
    y += small.line_px
    if draft.chance(0.5):
        draft.rule((area.left, y), (area.right, y), rng.choice((1, 1, 2, 3)))
        y += small.line_px
    return y
