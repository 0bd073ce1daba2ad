"""A form: headings, labels, boxes and rules to write on, what was filled in, squares to tick."""

from __future__ import annotations

from collections.abc import Callable

from distill.synthesis.pages.draft import Area, Draft, Style

_Kind = Callable[[Draft, Area, Style, Style], None]  # sets a field in an area: its label and what is filled in


def form(draft: Draft) -> None:
    """Set a form of several sections."""
    rng, wording = draft.rng, draft.wording
    side = draft.width * rng.uniform(0.04, 0.09)
    area = Area(side, side, draft.width - side, draft.height - side)
    family = rng.choice(draft.families)
    label = draft.style(draft.width / rng.uniform(45, 72), family)
    filled = draft.style(draft.width / rng.uniform(38, 58))
    title = draft.style(draft.width / rng.uniform(20, 32), family, bold=True)
    y = area.top + title.line_px
    centred = draft.chance(0.5)
    x = area.middle if centred else area.left
    text = draft.fitted(wording.phrase(8, 34), title, area.width)
    draft.write(text, title, x, y, "centre" if centred else "left")
    y += title.line_px
    row_px = filled.line_px * rng.uniform(1.9, 2.8)
    kind = rng.choice((_boxed, _boxed, _ruled, _combed))
    while y + row_px * 3 < area.bottom:
        if draft.chance(0.6):
            y = _heading(draft, area._replace(top=y), label)
        for _ in range(rng.randint(2, 7)):
            if y + row_px > area.bottom:
                break
            if draft.chance(0.15):
                _ticks(draft, area._replace(top=y, bottom=y + row_px), label)
            else:
                _row(draft, area._replace(top=y, bottom=y + row_px), label, filled, kind)
            y += row_px
        y += row_px * rng.uniform(0.2, 0.8)


def _heading(draft: Draft, area: Area, label: Style) -> float:
    """A heading of a section, maybe on a dark bar; return where it ends."""
    style = draft.style(label.size_px / draft.letter_scale * draft.rng.uniform(1, 1.3), [label.face], bold=True)
    high = style.line_px * 1.6
    if draft.chance(0.35):
        draft.bar(area._replace(bottom=area.top + high))
    text = draft.fitted(draft.wording.phrase(5, 30), style, area.width - style.line_px)
    draft.write(text, style, area.left + style.line_px * 0.4, area.top + high * 0.72)
    return area.top + high * 1.1


def _row(draft: Draft, area: Area, label: Style, filled: Style, kind: _Kind) -> None:
    """One to three fields beside each other."""
    rng = draft.rng
    count = rng.choice((1, 1, 2, 2, 3))
    shares = [rng.uniform(0.6, 1.4) for _ in range(count)]
    left, gap = area.left, filled.gap_px * rng.uniform(1, 1.5)
    for share in shares:
        wide = (area.width - gap * (count - 1)) * share / sum(shares)
        kind(draft, area._replace(left=left, right=left + wide), label, filled)
        left += wide + gap


def _value(draft: Draft) -> str:
    wording = draft.wording
    kinds = (wording.date, lambda: wording.number(2, 10), wording.amount, lambda: wording.phrase(4, 28), wording.piece)
    return draft.rng.choice(kinds)()


def _boxed(draft: Draft, area: Area, label: Style, filled: Style) -> None:
    """A box with a small label at its top and the value below."""
    small = draft.style(label.size_px / draft.letter_scale * 0.8, [label.face])
    draft.box(area._replace(bottom=area.bottom - 1))
    inner = area.width - filled.line_px * 0.6
    x = area.left + filled.line_px * 0.3
    draft.write(draft.fitted(draft.wording.label(), small, inner), small, x, area.top + small.line_px * 0.95)
    if draft.chance(0.85):
        text = draft.fitted(_value(draft), filled, inner)
        draft.write(text, filled, x + filled.line_px * 0.2, area.bottom - filled.line_px * 0.4)


def _ruled(draft: Draft, area: Area, label: Style, filled: Style) -> None:
    """A label, and a rule or dots beside it with the value on it."""
    baseline = area.bottom - filled.line_px * 0.4
    text = draft.fitted(draft.wording.label() + draft.rng.choice(("", ":", " :")), label, area.width * 0.5)
    run = draft.write(text, label, area.left, baseline)
    start = (run.right if run else area.left) + filled.line_px * draft.rng.uniform(0.3, 0.8)
    draft.rule((start, baseline + 3), (area.right, baseline + 3), 1, draft.rng.choice((0, 0, 1.5)))
    if draft.chance(0.85) and start + filled.line_px * 3 < area.right:
        x = start + filled.gap_px * draft.rng.uniform(0.9, 2)
        draft.write(draft.fitted(_value(draft), filled, area.right - x), filled, x, baseline)


def _combed(draft: Draft, area: Area, label: Style, filled: Style) -> None:
    """A label, and a box of its own beside it with the value in it."""
    wide = area.width * draft.rng.uniform(0.3, 0.45)
    baseline = area.bottom - (area.height - filled.line_px * 0.7) / 2
    draft.write(draft.fitted(draft.wording.label(), label, wide - label.line_px), label, area.left, baseline, cell=0)
    field = Area(area.left + wide, area.top + 2, area.right, area.bottom - 3)
    draft.box(field)
    if draft.chance(0.85):
        x = field.left + filled.line_px * draft.rng.uniform(0.3, 0.9)
        draft.write(draft.fitted(_value(draft), filled, field.right - x - 3), filled, x, baseline, cell=1)


def _ticks(draft: Draft, area: Area, label: Style) -> None:
    """Squares with a text behind each, some ticked."""
    size, x = label.line_px * 0.8, area.left
    baseline = area.bottom - label.line_px * 0.6
    while x + size * 8 < area.right:
        square = Area(x, baseline - size, x + size, baseline)
        draft.box(square)
        if draft.chance(0.4):
            draft.rule((square.left + 2, square.top + 2), (square.right - 2, square.bottom - 2), 2)
            draft.rule((square.right - 2, square.top + 2), (square.left + 2, square.bottom - 2), 2)
        text = draft.fitted(draft.wording.label(), label, area.right - x - size * 2)
        run = draft.write(text, label, x + size * 1.6, baseline)
        x = (run.right if run else x + size) + label.line_px * 2
