"""Lines and readings as tables that a notebook shows: pictures inside, every text escaped, no script.

Numpy and Pillow only, as for reading itself.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from PIL import Image

from students.image import ImageInput, decode_image

if TYPE_CHECKING:
    from students.reading import Reading

SHOWN = 60  # rows of a table at most; the others are counted
HEIGHT_PX, WIDTH_PX = 48, 640  # of a picture at most
UNSURE, DOUBTFUL = 0.9, 0.5  # characters below these are marked


class Readings(list["Reading"]):
    """Readings of several lines, in their order: a list that a notebook shows as a table."""

    def _repr_html_(self) -> str:
        rows = ([str(i), marked(reading), f"{reading.confidence:.3f}"] for i, reading in enumerate(self[:SHOWN]))
        return table(["", "text", "confidence"], rows, len(self))


@dataclass(frozen=True)
class ShownLines:
    """Pictures of lines with their texts, and which of how many they are. A notebook shows a table.

    `heads` name the texts. `pictures` are addresses that hold a small copy of each; `cells` are HTML.
    """

    heads: Sequence[str]
    pictures: Sequence[str]
    cells: Sequence[Sequence[str]]
    n_lines: int

    def _repr_html_(self) -> str:
        rows = (
            [f'<img alt="" src="{picture}">', *cells] for picture, cells in zip(self.pictures, self.cells, strict=True)
        )
        return table(["line", *self.heads], rows, self.n_lines)


def shown_readings(images: Sequence[ImageInput], readings: Sequence[Reading]) -> ShownLines:
    """Return pictures and what was read on them."""
    some = list(zip(images, readings, strict=True))[:SHOWN]
    cells = [[marked(reading), f"{reading.confidence:.3f}"] for _, reading in some]
    return ShownLines(["reading", "confidence"], [picture_address(image) for image, _ in some], cells, len(images))


def of_reading(reading: Reading) -> str:
    """Return one reading as HTML: its text, how sure it is, and other texts where the decoder knows some."""
    rows = [[marked(reading), f"{reading.confidence:.3f}"]]
    rows += [[code(text), f"{probability:.3f}"] for text, probability in reading.alternatives]
    return table(["text", "review" if reading.review else "confidence"], rows, len(rows))


def marked(reading: Reading) -> str:
    """Return the text of a reading as HTML, with characters underlined of which it is not sure."""
    parts = []
    for character in reading.characters:
        if character.confidence >= UNSURE:
            parts.append(escape(character.text))
            continue
        line = "solid" if character.confidence < DOUBTFUL else "dotted"
        title = f"{character.confidence:.2f}"
        parts.append(f'<span title="{title}" style="border-bottom:2px {line}">{escape(character.text)}</span>')
    return f'<code dir="auto">{"".join(parts) or escape(reading.text) or "(nothing)"}</code>'


def code(text: str | None) -> str:
    """Return a text as HTML, letter by letter; None is a line without a label."""
    return "(no label)" if text is None else f'<code dir="auto">{escape(text) or "(nothing)"}</code>'


def picture_address(image: ImageInput, key: str = "image") -> str:
    """Return an address that holds a small copy of a picture, as PNG; raises `DataError` as `decode_image` does."""
    picture = Image.fromarray(decode_image(image, key))
    picture.thumbnail((WIDTH_PX, HEIGHT_PX))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], n_rows: int) -> str:
    """Return HTML cells as a table, with a note beneath where `n_rows` are more than are shown."""
    body = list(_rows("td", rows))
    more = f"<p>{len(body):,} of {n_rows:,} lines</p>" if len(body) < n_rows else ""
    return f"<table>{''.join(_rows('th', [heads]))}{''.join(body)}</table>{more}"


def _rows(tag: str, rows: Iterable[Sequence[str]]) -> Iterator[str]:
    for cells in rows:
        yield "<tr>" + "".join(f'<{tag} style="text-align:left">{cell}</{tag}>' for cell in cells) + "</tr>"
