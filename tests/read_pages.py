"""Pages as a reader gives them, made by tests: lines whose texts and places are known."""

from __future__ import annotations

from students.pages.page import Page, PageLine, Point
from students.reading import Character

WIDTH, HEIGHT = 400, 300


def read_line(text: str, *polygon: Point, confidence: float = 0.9, right: bool = False) -> PageLine:
    """A line whose characters are equally wide; with `right` the first of them stands on the right."""
    xs, ys = zip(*polygon, strict=True)
    places = [(i / len(text), (i + 1) / len(text)) for i in range(len(text))]
    characters = tuple(Character(c, 0.5 + 0.01 * (i % 50), i, i + 1) for i, c in enumerate(text))
    extents = tuple(places[::-1] if right else places)
    return PageLine(polygon, (min(xs), min(ys), max(xs), max(ys)), text, confidence, 0.8, characters, extents)


def box(x0: float, y0: float, x1: float, y1: float) -> tuple[Point, ...]:
    return (x0, y0), (x1, y0), (x1, y1), (x0, y1)


def read_page() -> Page:
    """Markup, Hebrew with a number, a tilted line with letters beyond 16 bits, one of one word, one that runs down."""
    tilted = ((20.0, 100.0), (320.0, 120.0), (318.4, 144.0), (18.4, 124.0))
    down = ((380.0, 20.0), (380.0, 180.0), (356.0, 180.0), (356.0, 20.0))
    lines = (
        read_line('TOTAL <12.50> & "x"', *box(20, 20, 220, 44)),
        read_line("שלום עולם", *box(20, 60, 200, 84), right=True),
        read_line("tilted é 𝒳 ok", *tilted),
        read_line("one", *box(20, 180, 80, 204)),
        read_line("down ward", *down, confidence=0.5),
    )
    return Page(WIDTH, HEIGHT, lines)
