"""A table: cells in rows and columns, with rules about them, between rows alone, or none."""

from __future__ import annotations

from typing import Literal, NamedTuple

from distill.synthesis.pages.draft import Align, Area, Draft, Style
from distill.synthesis.pages.layouts.letter import paragraphs

Rules = Literal["all", "rows", "head", "none"]


class _Column(NamedTuple):
    left: float
    right: float
    align: Align
    numbers: bool


def table(draft: Draft) -> None:
    """Set a page with a title, one or two tables, and text between them."""
    rng, wording = draft.rng, draft.wording
    side = draft.width * rng.uniform(0.03, 0.08)
    area = Area(side, side, draft.width - side, draft.height - side)
    family = rng.choice(draft.families)
    style = draft.style(draft.width / rng.uniform(45, 75), family)
    y = area.top
    if draft.chance(0.7):
        title = draft.style(draft.width / rng.uniform(22, 38), family, draft.chance(0.6))
        y += title.line_px
        draft.write(draft.fitted(wording.phrase(8, 40), title, area.width), title, area.left, y)
        y += title.line_px * 0.6
    while y + style.line_px * 8 < area.bottom:
        if draft.chance(0.5):
            until = y + style.line_px * rng.uniform(2, 7)
            y = paragraphs(draft, area._replace(top=y, bottom=until), style, style.line_px * 1.35, draft.chance(0.3))
        y += style.line_px * rng.uniform(0.8, 2)
        rows = rng.randint(3, 34)
        y = cells(draft, area._replace(top=y), style, rows, rng.choice(("all", "all", "rows", "head", "none")))
        y += style.line_px


def cells(draft: Draft, area: Area, style: Style, n_rows: int, rules: Rules) -> float:
    """Set a table of so many rows, or as many as there is room for; return where it ends."""
    rng, wording = draft.rng, draft.wording
    columns = _columns(draft, area, style, rules)
    high = style.line_px * rng.uniform(1.25, 2.2)
    head = draft.style(style.size_px / draft.letter_scale, [style.face], bold=draft.chance(0.6))
    dark = rules in ("all", "head") and draft.chance(0.3)
    y, tops = area.top, [area.top]
    for row in range(n_rows):
        if y + high > area.bottom:
            break
        if dark and row == 0:
            draft.bar(Area(area.left, y, area.right, y + high))
        baseline = y + high / 2 + style.line_px * 0.33
        for number, column in enumerate(columns):
            text = wording.label() if row == 0 else _content(draft, column) if draft.chance(0.93) else ""
            of_row = head if row == 0 else style
            x = {"left": column.left, "right": column.right, "centre": (column.left + column.right) / 2}[column.align]
            text = draft.fitted(text, of_row, column.right - column.left)
            draft.write(text, of_row, x, baseline, column.align, number if rules == "all" else None)
        y += high
        tops.append(y)
    _rules(draft, area._replace(bottom=y), tops, [column.left for column in columns], rules)
    return y


def _columns(draft: Draft, area: Area, style: Style, rules: Rules) -> list[_Column]:
    """Columns of several widths; what is between the texts of neighbours splits them."""
    rng = draft.rng
    count = rng.randint(2, max(2, min(7, int(area.width / (style.line_px * 6)))))
    shares = [rng.uniform(0.5, 1.5) * (1.6 if n == 0 else 1.0) for n in range(count)]
    padding = style.line_px * rng.uniform(0.25, 0.8) if rules == "all" else style.gap_px * rng.uniform(0.5, 0.9)
    left, columns = area.left, []
    for number, share in enumerate(shares):
        right = left + area.width * share / sum(shares)
        numbers = number > 0 and draft.chance(0.6)
        align: Align = rng.choice(("right", "right", "centre")) if numbers else rng.choice(("left", "left", "centre"))
        columns.append(_Column(left + padding, right - padding, align, numbers))
        left = right
    return columns


def _content(draft: Draft, column: _Column) -> str:
    wording = draft.wording
    if column.numbers:
        kinds = (wording.amount, wording.amount, lambda: wording.number(1, 5), wording.date)
        return draft.rng.choice(kinds)()
    return draft.rng.choice((wording.piece, wording.label, lambda: wording.phrase(6, 30)))()


def _rules(draft: Draft, area: Area, tops: list[float], lefts: list[float], rules: Rules) -> None:
    thickness = draft.rng.choice((1, 1, 1.5, 2))
    if rules == "none":
        return
    across = tops if rules in ("all", "rows") else [tops[0], tops[min(1, len(tops) - 1)], tops[-1]]
    for y in across:
        draft.rule((area.left, y), (area.right, y), thickness)
    if rules == "all":
        padding = lefts[0] - area.left
        for x in [*(left - padding for left in lefts), area.right]:
            draft.rule((x, area.top), (x, area.bottom), thickness)
