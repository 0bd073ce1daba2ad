"""The blocks of a report as one HTML page with its pictures inside: it needs nothing from elsewhere, and no script.

All text that comes from data is escaped.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape
from pathlib import Path

from PIL import Image

from distill.evaluation.document import (
    Block,
    Code,
    Heading,
    Items,
    Paragraph,
    Picture,
    Samples,
    Strong,
    Table,
    Text,
    visible,
)
from distill.evaluation.style import STYLE

PAGE_NAME = "report.html"
MOST_BYTES = 128 * 1024  # of one picture as its file is
MOST_PX = (1200, 1200)
JPEG_QUALITY = 85
MORE_STYLE = """
ol { padding-left: 1.3rem; } li { margin: .5rem 0; } .verdict { font-size: 1.1rem; }
figcaption dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem .6rem; margin: 0; }
dt { opacity: .7; } dd { margin: 0; } .wrong { color: var(--bad); } p > img { max-width: 100%; height: auto; }
.scroll { margin: .8rem 0; } td.n { white-space: nowrap; }
@media (max-width: 30rem) { body { margin: 1rem auto; } .lines { grid-template-columns: 1fr; }
  th, td { padding: .25rem .4rem; } }
"""


def as_page(title: str, blocks: Sequence[Block], folder: Path) -> str:
    """Return the blocks as HTML; the pictures are read from `folder`."""
    body = "\n".join(_block(block, folder) for block in blocks)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{STYLE}{MORE_STYLE}</style>\n{body}\n</html>\n"
    )


def _block(block: Block, folder: Path) -> str:
    match block:
        case Heading(text, level):
            return f"<h{level}>{escape(text)}</h{level}>"
        case Paragraph(text):
            return f"<p>{_inline(text, folder)}</p>"
        case Items(items):
            return "<ol>" + "".join(f"<li>{_inline(item, folder)}</li>" for item in items) + "</ol>"
        case Table(heads, rows, words):
            body = "".join(_row(row, "td", words, folder) for row in rows)
            return f'<div class="scroll"><table>{_row(heads, "th", words, folder)}{body}</table></div>'
        case Samples(names, samples):
            figures = (_figure(names, picture, texts, folder) for picture, texts in samples)
            return f'<div class="lines">{"".join(figures)}</div>'


def _row(cells: Sequence[Text], tag: str, words: int, folder: Path) -> str:
    kinds = ("", ' class="n"')
    made = (f"<{tag}{kinds[i >= words]}>{_inline(cell, folder)}</{tag}>" for i, cell in enumerate(cells))
    return f"<tr>{''.join(made)}</tr>"


def _figure(names: Sequence[str], picture: Picture, texts: Sequence[Text], folder: Path) -> str:
    rows = (f"<dt>{escape(n)}</dt><dd>{_inline(text, folder)}</dd>" for n, text in zip(names, texts, strict=True))
    return f"<figure>{_inline(picture, folder)}<figcaption><dl>{''.join(rows)}</dl></figcaption></figure>"


def _inline(text: Text, folder: Path) -> str:
    match text:
        case Code():
            kind = ' class="wrong"' if text.wrong else ""
            return f'{"≠ " * text.wrong}<code dir="auto"{kind}>{escape(visible(text.text))}</code>'
        case Strong():
            return f"<b>{escape(text.text)}</b>"
        case Picture():
            return f'<img alt="{escape(text.about)}" title="{escape(text.about)}" src="{_data(folder / text.path)}">'
        case str():
            return escape(text)
        case _:
            return "".join(_inline(part, folder) for part in text)


def _data(path: Path) -> str:
    """A picture as an address that holds it: its file, or a smaller JPEG of a large one."""
    data, kind = path.read_bytes(), path.suffix.lower().strip(".").replace("jpg", "jpeg")
    with Image.open(io.BytesIO(data)) as picture:
        if len(data) > MOST_BYTES or picture.width > MOST_PX[0] or picture.height > MOST_PX[1]:
            small, buffer = picture.convert("RGB"), io.BytesIO()
            small.thumbnail(MOST_PX)
            small.save(buffer, "JPEG", quality=JPEG_QUALITY)
            data, kind = buffer.getvalue(), "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
