"""A receipt: a narrow sheet with a centred head, items on the left and prices on the right, totals, a foot."""

from __future__ import annotations

from dataclasses import dataclass, replace

from distill.synthesis.fonts import FontFace
from distill.synthesis.pages.decorations import separator, something
from distill.synthesis.pages.draft import Area, Draft, Style


@dataclass
class _Till:
    """A receipt that is being printed: where the next row stands, and in which letters."""

    draft: Draft
    area: Area
    style: Style
    leading: float
    y: float
    below: float = 0.0  # how far letters of the last row reach below its baseline

    def feed(self, style: Style | None = None, rows: float = 1.0) -> float:
        """Move on by rows of a style; return the baseline."""
        high = (style or self.style).line_px
        self.y += max(high * self.leading * rows, (high * 0.8 + self.below) * (rows >= 1))
        self.below = high * 0.25
        return self.y

    @property
    def room(self) -> float:
        """Return how many rows are left."""
        return (self.area.bottom - self.y) / (self.style.line_px * self.leading)

    def centred(self, text: str, style: Style) -> None:
        """Print a text in the middle."""
        text = self.draft.fitted(text, style, self.area.width)
        self.draft.write(text, style, self.area.middle, self.feed(style), "centre")

    def pair(self, left: str, right: str, style: Style) -> None:
        """Print a text on the left and one on the right, with a gap that splits them."""
        baseline = self.feed(style)
        right = self.draft.fitted(right, style, self.area.width / 2)
        rest = self.area.width - self.draft.width_of(right, style) - style.gap_px
        self.draft.write(self.draft.fitted(left, style, rest), style, self.area.left, baseline)
        self.draft.write(right, style, self.area.right, baseline, "right")


def receipt(draft: Draft) -> None:
    """Set a receipt."""
    rng, width = draft.rng, draft.width
    draft.wording.capitals = draft.chance(0.35)
    style = replace(
        draft.style(width / rng.uniform(21, 32), _till_fonts(draft)),
        wide=rng.choice((1.0, 1.0, 0.85, 0.92, 1.1)),
        high=rng.choice((1.0, 1.0, 1.0, 1.15, 1.3)),
        dots=rng.uniform(11, 16) if draft.chance(0.12) else 0.0,
    )
    side = width * rng.uniform(0.02, 0.09)
    area = Area(side, width * rng.uniform(0.03, 0.25), width - side, draft.height - width * 0.03)
    till = _Till(draft, area, style, rng.uniform(0.98, 1.5), area.top)
    for part in (_head, _facts, _items, _totals, _foot):
        part(till)
        if draft.chance(0.65):
            _separate(till)
        till.feed(rows=rng.choice((0.0, 0.3, 0.7, 1.5)))
    if draft.chance(0.75):
        draft.cut(round(till.y + width * rng.uniform(0.02, 0.3)))


def _till_fonts(draft: Draft) -> list[FontFace]:
    """Half of all tills print letters of one width."""
    fixed = [faces for faces in draft.families if "mono" in faces[0].family or "code" in faces[0].family]
    return draft.rng.choice(fixed if fixed and draft.chance(0.5) else draft.families)


def _separate(till: _Till) -> None:
    baseline = till.feed(rows=0.8)
    separator(till.draft, till.area, baseline - till.style.line_px * 0.3, till.style)


def _head(till: _Till) -> None:
    draft, rng = till.draft, till.draft.rng
    if draft.decorated and draft.chance(0.4):
        height = draft.width * rng.uniform(0.12, 0.25)
        middle, half = till.area.middle, draft.width * rng.uniform(0.1, 0.3)
        something(draft, Area(middle - half, till.y, middle + half, till.y + height))
        till.y += height + till.style.line_px * 0.5
    large = rng.choice((1.0, 1.3, 1.7, 2.0))
    name = draft.style(till.style.size_px / draft.letter_scale * large, bold=draft.chance(0.6))
    if draft.chance(0.4):
        name = replace(till.style, wide=till.style.wide * rng.choice((1.0, 1.5, 2.0)), high=till.style.high * large)
    left = draft.chance(0.15)
    for row in range(rng.randint(1, 2)):
        till.centred(draft.wording.phrase(8, 26), name if row == 0 else till.style)
    for _ in range(rng.randint(2, 5)):
        text = draft.wording.phrase(10, 34)
        if left:
            draft.write(draft.fitted(text, till.style, till.area.width), till.style, till.area.left, till.feed())
        else:
            till.centred(text, till.style)
    if draft.chance(0.6):
        till.feed(rows=0.6)
        till.centred(draft.wording.label(), replace(till.style, high=till.style.high * rng.choice((1.0, 1.4, 2.0))))


def _facts(till: _Till) -> None:
    """Numbers of the bill, date, cashier: labels with colons in columns, or at either side."""
    draft, rng, wording = till.draft, till.draft.rng, till.draft.wording
    columns = draft.chance(0.5)
    start = till.area.left + till.area.width * rng.uniform(0.3, 0.4)
    for _ in range(rng.randint(1, 4)):
        value = rng.choice((wording.date, wording.time, lambda: wording.number(3, 9), wording.piece))()
        if columns:
            baseline = till.feed()
            label = draft.fitted(wording.label(), till.style, start - till.area.left - till.style.gap_px)
            draft.write(label, till.style, till.area.left, baseline)
            room = till.area.right - start
            draft.write(draft.fitted(f": {value}", till.style, room), till.style, start, baseline)
        elif draft.chance(0.5):
            till.pair(f"{wording.label()}: {value}", f"{wording.label()}:{wording.number(1, 4)}", till.style)
        elif draft.chance(0.5):
            _beside(till, [f"{wording.label()}: {value}", wording.date(), wording.time()])
        else:
            text = draft.fitted(f"{wording.label()}: {value}", till.style, till.area.width)
            draft.write(text, till.style, till.area.left, till.feed())


def _beside(till: _Till, texts: list[str]) -> None:
    """Print texts one behind the other, with gaps that split them, as far as there is room."""
    draft, x, baseline = till.draft, till.area.left, till.feed()
    gap = till.style.gap_px * draft.rng.uniform(1, 2.5)
    for text in texts:
        if x + draft.width_of(text, till.style) > till.area.right:
            return
        run = draft.write(text, till.style, x, baseline)
        x = (run.right if run else x) + gap


def _items(till: _Till) -> None:
    """Items in one row with their prices, or in a row above numbers in columns."""
    draft, rng, wording = till.draft, till.draft.rng, till.draft.wording
    count = rng.choice((0, 1, 1, 2, 2, 3))  # of columns before the last
    first, last = till.area.left + till.area.width * rng.uniform(0.25, 0.55), till.area.right
    edges = [first + (last - first) * (n + rng.uniform(-0.15, 0.15)) / (count or 1) for n in range(count)] + [last]
    two_rows = draft.chance(0.4)
    if draft.chance(0.6):
        _across(till, [wording.label()] + [wording.label() for _ in edges], edges, till.style)
        if draft.chance(0.6):
            _separate(till)
    n_items = rng.randint(1, max(1, int((till.room - rng.uniform(6, 16)) / (2 if two_rows else 1))))
    spread = rng.choice((1.0, 1.0, 1.0, 1.4))
    for _ in range(min(n_items, 24)):
        till.feed(rows=spread - 1)
        name = wording.phrase(5, 24)
        numbers = [wording.amount(3) for _ in edges]
        if len(edges) > 1 and draft.chance(0.8):
            numbers[0] = rng.choice(("1", "2", "3", "1.0", "10", "2 x"))
        if draft.chance(0.1):
            numbers[-1] += rng.choice((" S", " A", "*", " Z"))
        if two_rows:
            draft.write(draft.fitted(name, till.style, till.area.width), till.style, till.area.left, till.feed())
            name = rng.choice((wording.number(4, 13), wording.number(1, 3), ""))
        _across(till, [name, *numbers], edges, till.style)


def _across(till: _Till, texts: list[str], edges: list[float], style: Style) -> None:
    """Print a text on the left, and the others so that they end at edges; gaps split them."""
    draft, baseline, gap = till.draft, till.feed(style), style.gap_px
    limits = [till.area.left + till.area.width * 0.2, *edges]
    for text, edge, before in zip(texts[1:], edges, limits, strict=False):
        draft.write(draft.fitted(text, style, edge - before - gap), style, edge, baseline, "right")
    limit = edges[0] - draft.width_of(draft.fitted(texts[1], style, edges[0] - limits[0] - gap), style) - gap
    draft.write(draft.fitted(texts[0], style, limit - till.area.left), style, till.area.left, baseline)


def _totals(till: _Till) -> None:
    rng, wording = till.draft.rng, till.draft.wording
    inset = till.area._replace(left=till.area.left + till.area.width * rng.choice((0.0, 0.0, 0.2, 0.4)))
    narrow = replace(till, area=inset)
    large = rng.randrange(4)
    for row in range(rng.randint(2, 6)):
        style = till.style
        if row == large:
            style = replace(
                style, high=style.high * rng.choice((1.0, 1.4, 2.0)), wide=style.wide * rng.choice((1, 1.2))
            )
        till.y = narrow.y
        label = wording.label() + rng.choice(("", ":", " :", f" {wording.number(1, 2)}%"))
        narrow.pair(label, rng.choice(("", "", "$", "RM ")) + wording.amount(4), style)
    till.y = narrow.y


def _foot(till: _Till) -> None:
    draft, rng = till.draft, till.draft.rng
    for _ in range(rng.randint(1, 6)):
        if till.room < 1:
            return
        till.centred(draft.wording.phrase(8, 36), till.style)
    if draft.decorated and till.room > 4:
        top = till.y + till.style.line_px
        half = till.area.width * rng.uniform(0.15, 0.4)
        middle = till.area.middle
        till.y = min(till.area.bottom, top + half)
        something(draft, Area(middle - half, top, middle + half, till.y))
