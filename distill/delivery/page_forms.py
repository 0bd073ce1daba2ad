"""Forms in which a page that was read is written: rows of a table, a record of everything that is known of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from distill.tsv import tsv_row
from students.pages.page import Page, PageLine

PLACES = 2  # decimal places of pixels


def page_rows(image: Path, page: Page, number: int | None = None) -> list[str]:
    """Return a row a line: image, number of the line from 1, its box (x0, y0, x1, y1), text, confidence.

    `number` is that of a page of a document, from 1, which is named as RFC 8118 has it: `scan.pdf#page=2`.
    """
    name = str(image) if number is None else f"{image}#page={number}"
    return [
        tsv_row([name, str(number), *(f"{px:.0f}" for px in line.box), line.text, f"{line.confidence:.4f}"])
        for number, line in enumerate(page.lines, 1)
    ]


def page_record(image: Path, page: Page, number: int = 1) -> dict[str, Any]:
    """Return everything that is known of a page, for JSON; points count pixels of the page as shown.

    `number` is that of the page in its file, from 1.
    """
    return {
        "image": str(image),
        "page": number,
        "width": page.width,
        "height": page.height,
        "text": page.text,
        "lines": [_line(line) for line in page.lines],
        **({"upside_down": True} if page.upside_down else {}),
    }


def _line(line: PageLine) -> dict[str, Any]:
    characters = [
        {"text": character.text, "confidence": character.confidence, "polygon": _rounded(line.part(*extent))}
        for character, extent in zip(line.characters, line.extents, strict=True)
    ]
    return {
        "polygon": _rounded(line.polygon),
        "box": [round(px, PLACES) for px in line.box],
        "text": line.text,
        "confidence": line.confidence,
        "found": line.found,
        "review": line.review,
        "characters": characters,
        **({"problem": line.problem} if line.problem else {}),
    }


def _rounded(points: tuple[tuple[float, float], ...]) -> list[list[float]]:
    return [[round(x, PLACES), round(y, PLACES)] for x, y in points]
