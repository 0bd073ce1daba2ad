"""Text in two to four columns under a headline, as in newspapers and papers of science."""

from __future__ import annotations

from distill.synthesis.fonts import FontFace
from distill.synthesis.pages.decorations import something
from distill.synthesis.pages.draft import Area, Draft
from distill.synthesis.pages.layouts.letter import paragraphs


def columns(draft: Draft) -> None:
    """Set a headline and columns of text, some with headings or pictures between."""
    rng, wording = draft.rng, draft.wording
    side = draft.width * rng.uniform(0.04, 0.1)
    area = Area(side, side, draft.width - side, draft.height - side)
    family = rng.choice(draft.families)
    y = area.top
    if draft.chance(0.7):
        headline = draft.style(draft.width / rng.uniform(14, 26), None, draft.chance(0.6))
        middle = draft.chance(0.4)
        for _ in range(rng.randint(1, 2)):
            y += headline.line_px * 1.1
            text = draft.fitted(wording.phrase(10, 40), headline, area.width)
            x = area.middle if middle else area.left
            draft.write(text, headline, x, y, "centre" if middle else "left")
        y += headline.line_px * 0.5
        if draft.chance(0.4):
            draft.rule((area.left, y), (area.right, y), rng.choice((1, 2)))
    count = rng.choice((2, 2, 2, 3, 3, 4))
    style = draft.style(draft.width / rng.uniform(52, 66 if count == 2 else 76), family)
    gutter = style.gap_px * rng.uniform(1.1, 3)
    wide = (area.width - gutter * (count - 1)) / count
    leading, justified, ruled = style.line_px * rng.uniform(1.1, 1.5), draft.chance(0.6), draft.chance(0.25)
    for number in range(count):
        left = area.left + number * (wide + gutter)
        bottom = area.bottom if draft.chance(0.8) else y + (area.bottom - y) * rng.uniform(0.4, 1)
        _column(draft, Area(left, y, left + wide, bottom), family, (style.size_px, leading), justified)
        if ruled and number:
            draft.rule((left - gutter / 2, y + leading / 2), (left - gutter / 2, area.bottom))


def _column(draft: Draft, area: Area, family: list[FontFace], type_px: tuple[int, float], justified: bool) -> None:
    """Text from top to bottom, in parts with headings or pictures between."""
    rng = draft.rng
    style, leading = draft.style(type_px[0] / draft.letter_scale, family), type_px[1]
    heading = draft.style(type_px[0] / draft.letter_scale * rng.uniform(1, 1.3), family, bold=True)
    y = area.top
    while y + 3 * leading < area.bottom:
        if draft.decorated and draft.chance(0.25) and y + area.width < area.bottom:
            high = area.width * rng.uniform(0.4, 0.8)
            something(draft, area._replace(top=y + leading * 0.8, bottom=y + leading * 0.8 + high))
            y += high + leading
        if draft.chance(0.4):
            y += leading * 1.5
            draft.write(draft.fitted(draft.wording.phrase(5, 30), heading, area.width), heading, area.left, y)
        until = min(area.bottom, y + leading * rng.randint(6, 40))
        y = paragraphs(draft, area._replace(top=y, bottom=until), style, leading, justified)
        y += leading * 0.7
