"""docs/frontier.svg: exact lines against lines a second and against bytes, the shipped students beside others.

Every point is a record of docs/results: speeds and sizes of one test come from one run on the same lines. The text
stays text, and the colours follow the viewer's choice of light or dark.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import NamedTuple

from distill.records import Record, read_question

RESULTS = Path(__file__).parent / "results"
READERS = ("PP-OCRv6 tiny", "PP-OCRv6 small", "PP-OCRv4 mobile", "Tesseract")  # as their records begin
WIDTH, PANEL, HEIGHT, LEFT, TOP, APART = 860, 350, 190, 58, 112, 70
LOWEST, HIGHEST, RADIUS, LETTERS = 60, 100, 5, 52
STYLE = """
svg { font-family: system-ui, sans-serif; font-size: 13px }
.paper { fill: #ffffff } text { fill: #1c2330 } .quiet { fill: #57606a } .line { stroke: #d0d7de }
.title { font-weight: 600; font-size: 15px } .ours { fill: #0b6bcb } .theirs { fill: #8a5a00 }
text.ours { font-weight: 600 }
@media (prefers-color-scheme: dark) {
.paper { fill: #0d1117 } text { fill: #e6edf3 } .quiet { fill: #9da7b3 } .line { stroke: #30363d }
.ours { fill: #6cb6ff } .theirs { fill: #e3b341 }
}"""


class Column(NamedTuple):
    """A test set, a column of the picture: its title, our readers, the default first, and its records, newest first.

    `below`: readers whose names stand below their points, where others are near.
    """

    title: str
    ours: tuple[str, ...]
    files: tuple[str, ...]
    below: tuple[str, ...]


class Axis(NamedTuple):
    """A logarithmic axis: what it says, the record that it shows, its ends and its ticks."""

    title: str
    what: str
    ends: tuple[float, float]
    ticks: tuple[float, ...]


TESTS = (
    Column(
        "Receipts: test lines of SROIE",
        ("receipts", "receipts-small"),
        ("56-frontier-receipts.json", "33-receipts-peers.json"),
        below=("receipts-small", "PP-OCRv6 tiny", "Tesseract"),
    ),
    Column(
        "Words on signs: test words of IIIT5K",
        ("scene", "scene with english", "scene-small"),
        ("57-frontier-words.json", "43-scene-peers.json"),
        below=("scene-small", "Tesseract"),
    ),
)
AXES = (
    Axis("lines a second, one thread (more is better)", "lines/s", (8, 2500), (10, 30, 100, 300, 1000)),
    Axis(
        "megabytes of the model file (less is better)",
        "size of the model file",
        (0.18, 45),
        (0.2, 0.5, 1, 2, 5, 10, 20),
    ),
)


def figure(test: Column, reader: str, what: str, results: Path = RESULTS) -> float:
    """Return a recorded figure of one of ours, or of another whose name begins so; raises `ValueError` without one."""
    for file in test.files:
        for record in read_question(results / file).records:
            name = record.columns["reader"]
            if record.what == what and (name == reader or (reader in READERS and name.startswith(reader))):
                return _number(record)
    raise ValueError(f"{', '.join(test.files)}: no record says {what} of {reader}")


def _number(record: Record) -> float:
    if isinstance(record.value, str):
        raise ValueError(f"{record.what} of {record.columns['reader']} is {record.value!r} and no number")
    return record.value


def better(test: Column, results: Path = RESULTS) -> str:
    """Return in words which readers read more of a test than the default student."""
    default = test.ours[0]
    exact = {reader: figure(test, reader, "exact lines", results) for reader in (default, *READERS)}
    own = exact.pop(default)
    more = sorted((name for name, value in exact.items() if value > own), key=lambda name: -exact[name])
    said = [f"{name} +{exact[name] - own:.1f}" for name in more]
    return f"more than {default} read, in points: {', '.join(said)}" if said else "none of the others reads more"


def frontier_svg() -> str:
    """The whole picture."""
    height = TOP + 2 * (HEIGHT + APART) - 8
    head = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height}' width='{WIDTH}' height='{height}'"
    shapes = [
        f"{head} role='img' aria-label='Exact lines against speed and size'>",
        f"<style>{STYLE}</style>",
        f"<rect class='paper' width='{WIDTH}' height='{height}' rx='6'/>",
        _text(LEFT, 26, "Lines read without an error, in %, against speed and against size, on one thread", "title"),
    ]
    for column, test in enumerate(TESTS):
        left = LEFT + column * (PANEL + 62)
        shapes.append(_text(left, 56, test.title, "title"))
        for line, words in enumerate(textwrap.wrap(better(test), LETTERS)):
            shapes.append(_text(left, 75 + 15 * line, words, "quiet", size=12))
        for row, axis in enumerate(AXES):
            shapes += _panel(test, axis, (left, TOP + row * (HEIGHT + APART)))
    return "\n".join([*shapes, "</svg>", ""])


def _panel(test: Column, axis: Axis, corner: tuple[int, int]) -> Iterator[str]:
    """One test against one axis, its upper left corner given."""
    left, top = corner
    for percent in range(LOWEST, HIGHEST + 1, 10):
        y = _y(percent, top)
        yield f"<path class='line' d='M{left} {y:g} h{PANEL}'/>"
        yield _text(left - 8, y + 4, f"{percent}", "quiet", "end", 12)
    for tick in axis.ticks:
        x = _x(tick, axis, left)
        yield f"<path class='line' d='M{x:.1f} {top} v{HEIGHT}'/>"
        yield _text(x, top + HEIGHT + 17, f"{tick:,g}", "quiet", "middle", 12)
    yield _text(left + PANEL / 2, top + HEIGHT + 36, axis.title, "quiet", "middle", 12)
    for reader in (*READERS, *test.ours):
        x = _x(figure(test, reader, axis.what), axis, left)
        y = _y(figure(test, reader, "exact lines"), top)
        yield from _point(test, reader, (x, y), (left, left + PANEL))


def _point(test: Column, reader: str, place: tuple[float, float], edges: tuple[int, int]) -> Iterator[str]:
    """A point with its name above or below, inside the edges; ours are round, those of others square."""
    (x, y), ours = place, reader in test.ours
    kind = "ours" if ours else "theirs"
    side = 2 * RADIUS - 1
    if ours:
        yield f"<circle class='{kind}' cx='{x:.1f}' cy='{y:.1f}' r='{RADIUS + 1}'/>"
    else:
        yield f"<rect class='{kind}' x='{x - side / 2:.1f}' y='{y - side / 2:.1f}' width='{side}' height='{side}'/>"
    half = 4 * len(reader)
    middle = min(max(x, edges[0] + half), edges[1] - half)
    yield _text(middle, y + (20 if reader in test.below else -10), reader, kind, "middle")


def _x(value: float, axis: Axis, left: int) -> float:
    low, high = axis.ends
    if not low <= value <= high:
        raise ValueError(f"{axis.title}: {value:g} lies beyond {low:g} to {high:g}")
    return left + PANEL * math.log(value / low) / math.log(high / low)


def _y(percent: float, top: int) -> float:
    if not LOWEST <= percent <= HIGHEST:
        raise ValueError(f"exact lines: {percent:g} % lies beyond {LOWEST} to {HIGHEST}")
    return top + HEIGHT * (HIGHEST - percent) / (HIGHEST - LOWEST)


def _text(x: float, y: float, words: str, kind: str, anchor: str = "start", size: float | None = None) -> str:
    style = f" style='font-size:{size:g}px'" if size else ""
    return f"<text class='{kind}' x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}'{style}>{escape(words)}</text>"
