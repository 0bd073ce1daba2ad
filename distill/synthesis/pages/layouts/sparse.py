"""A few lines on a photograph: signs, labels, posters."""

from __future__ import annotations

from dataclasses import replace

from distill.synthesis.pages.decorations import logo
from distill.synthesis.pages.draft import Area, Draft


def sparse(draft: Draft) -> None:
    """Set one to a few groups of lines of any size in front of a scene; some stand on a board."""
    rng = draft.rng
    draft.scene = draft.chance(0.8)
    taken: list[Area] = []
    for _ in range(rng.randint(1, 4)):
        wide, high = draft.width * rng.uniform(0.25, 0.9), draft.height * rng.uniform(0.08, 0.5)
        left, top = rng.uniform(4, draft.width - wide - 4), rng.uniform(4, draft.height - high - 4)
        area = Area(left, top, left + wide, top + high)
        if any(_overlap(area, other) for other in taken):
            continue
        _sign(draft, area)
        taken.append(area)
    if draft.decorated and draft.chance(0.3):
        size = draft.width * rng.uniform(0.05, 0.2)
        left, top = rng.uniform(0, draft.width - size), rng.uniform(0, draft.height - size)
        if not draft.ink_HW[int(top) : int(top + size), int(left) : int(left + size)].any():
            logo(draft, Area(left, top, left + size, top + size))


def _sign(draft: Draft, area: Area) -> None:
    """Lines of one to three sizes from the top of an area, maybe on a dark board or framed."""
    rng = draft.rng
    style = draft.style(max(12.0, draft.width * rng.choice((0.02, 0.03, 0.045, 0.07, 0.11))), bold=draft.chance(0.5))
    style = replace(style, spacing=rng.choice((0.0, 0.0, 0.05, 0.15)), wide=rng.choice((1.0, 1.0, 0.8, 1.2)))
    board = draft.chance(0.4)
    inner = area.within(style.line_px * 0.5)
    if board and draft.chance(0.5):
        draft.bar(area)
    elif board:
        draft.box(area, rng.uniform(1, 4))
    centred = draft.chance(0.6)
    capitals, draft.wording.capitals = draft.wording.capitals, draft.chance(0.5)
    y = inner.top
    for _ in range(rng.randint(1, 5)):
        y += style.line_px * rng.uniform(1.0, 1.4)
        if y > inner.bottom:
            break
        text = draft.fitted(draft.wording.phrase(3, 26), style, inner.width)
        x = inner.middle if centred else inner.left
        draft.write(text, style, x, y, "centre" if centred else "left")
        if draft.chance(0.3):
            style = replace(style, size_px=max(10, round(style.size_px * rng.uniform(0.5, 0.9))))
    draft.wording.capitals = capitals


def _overlap(first: Area, second: Area) -> bool:
    across = first.left < second.right and second.left < first.right
    return across and first.top < second.bottom and second.top < first.bottom
