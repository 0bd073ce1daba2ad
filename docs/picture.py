"""docs/architecture.svg: how lines become a reader, and which package stands on which.

The packages and their order are those of import-linter's layers in pyproject.toml, what they are for is the first
sentence of each package: `make lint` holds the code against the same list.
"""

from __future__ import annotations

import ast
import re
import textwrap
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[1]
FLOW = (
    ("recipe, data", "a recipe and lines"),
    ("synthesis", "rendered lines beside them"),
    ("training", "a teacher, or a finished one"),
    ("teaching", "its posteriors, and the loss terms"),
    ("training", "the student, and the same one alone"),
    ("evaluation, runs", "what each reads: report and verdict"),
    ("delivery", "a model file that reads as the student does"),
    ("students", "the reader, in programs of yours"),
)
WIDTH = 520
STEP, EDGE, GAP, LEADING, LETTERS = 32, 16, 6, 15, 68
COLOURS = {"distill": "#e8eef9", "teachers": "#f6ecd9", "students": "#e3f2e6"}
_FONT = "font-family='system-ui, sans-serif'"


def layers(name: str) -> list[list[str]]:
    """The layers of an import-linter contract, the topmost first; modules of one layer stand together."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    contract = text[text.index(f'name = "{name}') :]
    found = re.search(r"^layers = (\[.*?\])", contract, re.MULTILINE | re.DOTALL)
    if found is None:
        raise ValueError(f"pyproject.toml: the contract {name!r} lists no layers")
    return [layer.split(" : ") for layer in ast.literal_eval(found[1])]


def purpose_of(package: str) -> str:
    """The first sentence of what a package says of itself."""
    text = ast.get_docstring(ast.parse((ROOT / package.replace(".", "/") / "__init__.py").read_text("utf-8"))) or ""
    return " ".join(text.split("\n\n")[0].split()).partition(": `")[0].rstrip(".:")


def architecture_svg() -> str:
    """The whole picture."""
    shapes: list[str] = []
    y = _flow(shapes, EDGE)
    y = _title(shapes, y + 34, "Who imports whom: each row only rows below it")
    for floor, *_ in layers("floors"):
        rows = _rows(floor) if floor == "distill" else [(floor, purpose_of(floor))]
        head = 30 if floor == "distill" else 6
        height = head + sum(_height(purpose) + GAP for _, purpose in rows) + 2
        shapes.append(_box(EDGE, y, WIDTH - 2 * EDGE, height, COLOURS[floor], "#8a94a6"))
        if floor == "distill":
            shapes.append(_text(EDGE + 12, y + 20, "distill, the suite", 14, bold=True))
        top = y + head
        for name, purpose in rows:
            _row(shapes, top, name, purpose)
            top += _height(purpose) + GAP
        y += height + 10
    start = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {y}' width='{WIDTH}' height='{y}' {_FONT}>"
    return "\n".join([start, f"<rect width='{WIDTH}' height='{y}' fill='#ffffff'/>", *shapes, "</svg>", ""])


def _rows(floor: str) -> list[tuple[str, str]]:
    """Name and purpose of every package of the suite, the topmost first; its modules are told together."""
    ladder = layers("rooms")
    packages = [name for layer in ladder for name in layer if (ROOT / floor / name / "__init__.py").is_file()]
    ways_in = [name for layer in ladder[:3] for name in layer]
    rows = [(", ".join(ways_in), "the command line and the functions of Python")]
    rows += [(name, purpose_of(f"{floor}.{name}")) for name in packages]
    return [*rows, ("single modules", ", ".join(ladder[-1]))]


def _flow(shapes: list[str], y: int) -> int:
    """The way of the lines, a step below the other."""
    y = _title(shapes, y + 14, "From lines to a reader")
    for i, (where, what) in enumerate(FLOW):
        top = y + i * STEP
        shapes.append(_box(EDGE, top, WIDTH - 2 * EDGE, STEP - 8, "#f7f8fa", "#c3c9d4"))
        shapes.append(_text(EDGE + 12, top + 17, f"{i + 1}  {what}", 13.5))
        shapes.append(_text(WIDTH - EDGE - 12, top + 17, where, 12.5, anchor="end", colour="#3b5998"))
        if i:
            middle = EDGE + 18
            shapes.append(f"<path d='M{middle} {top - 8} v5 m-4 -1 l4 4 l4 -4' fill='none' stroke='#6b7587'/>")
    return y + len(FLOW) * STEP


def _row(shapes: list[str], y: int, name: str, purpose: str) -> None:
    shapes.append(_box(EDGE + 8, y, WIDTH - 2 * EDGE - 16, _height(purpose), "#ffffff", "#c3c9d4"))
    shapes.append(_text(EDGE + 18, y + 17, name, 13, bold=True))
    for i, line in enumerate(textwrap.wrap(purpose, LETTERS)):
        shapes.append(_text(EDGE + 18, y + 33 + LEADING * i, line, 12, colour="#3d4654"))


def _height(purpose: str) -> int:
    return 26 + LEADING * len(textwrap.wrap(purpose, LETTERS))


def _title(shapes: list[str], y: int, text: str) -> int:
    shapes.append(_text(EDGE, y, text, 15, bold=True))
    return y + 14


def _box(x: int, y: int, width: int, height: int, fill: str, stroke: str) -> str:
    return f"<rect x='{x}' y='{y}' width='{width}' height='{height}' rx='6' fill='{fill}' stroke='{stroke}'/>"


def _text(
    x: float, y: float, text: str, size: float, bold: bool = False, anchor: str = "start", colour: str = "#1c2330"
) -> str:
    weight = " font-weight='600'" if bold else ""
    return (
        f"<text x='{x}' y='{y}' font-size='{size}' text-anchor='{anchor}' fill='{colour}'{weight}>{escape(text)}</text>"
    )
