"""What a check leaves in the run folder: `check.json`, `check.html` with its pictures inside, `suspicious.png`.

The page needs nothing from elsewhere and runs no script. All text that comes from data is escaped.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Protocol

from PIL import Image

from distill.data.formats.contents import counted
from distill.data.lines import Lines, joined
from distill.data.prepared import ScaledLines
from distill.durable import write_text
from distill.evaluation.doctor.diagnosis import Diagnosis
from distill.evaluation.doctor.doubts import Doubt
from distill.evaluation.doctor.findings import Finding
from distill.evaluation.doctor.naming import named
from distill.evaluation.style import STYLE
from distill.recipe.sections import Recipe
from distill.signed_json import write_json
from distill.synthesis.contact import contact_sheet
from students.image import decode_image
from students.model_file import write_whole

SHOWN_LINES = 8  # of a finding
SHOWN_CLASSES = 400
PICTURE_PX = (480, 64)  # largest width and height on the page
PICTURES_BYTES = 6 * 2**20  # of all pictures on the page
SHEET_COLUMNS = 3
SOURCE_COLUMNS = {  # field of a profile: its heading and format
    "lines": ("lines", ",d"),
    "labelled": ("labelled", ",d"),
    "characters": ("characters", ".1f"),
    "seen_labels": ("labels seen in train", ".0%"),
    "height_px": ("height px", ".0f"),
    "aspect_per_character": ("width / height / character", ".2f"),
    "contrast": ("contrast", ".0f"),
    "read_exactly": ("read exactly by the teacher", ".1%"),
}


class AnyAlbum(Protocol):
    """Pictures of what findings are on: `Album` has lines, `PageAlbum` places on pages."""

    def pictures(self, finding: Finding, row: int) -> str:
        """Return those of a row of a finding as HTML; nothing where it has none, or no room is left."""
        ...


class Room:
    """Pictures as HTML, until the page is as large as it may become; `left_out` counts the rest."""

    def __init__(self, limit_bytes: int = PICTURES_BYTES) -> None:
        self.left_bytes, self.left_out = limit_bytes, 0

    def html(self, picture: Image.Image) -> str:
        """Return a picture as HTML; nothing where there is no room for it."""
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=80)
        data = buffer.getvalue()
        if len(data) > self.left_bytes:
            self.left_out += 1
            return ""
        self.left_bytes -= len(data)
        return f'<img alt="" src="data:image/jpeg;base64,{base64.b64encode(data).decode()}">'


class Album:
    """Pictures of lines for the page."""

    def __init__(self, lines: Lines, limit_bytes: int = PICTURES_BYTES) -> None:
        self.lines, self.row = lines, {key: i for i, key in enumerate(lines.keys)}
        self.room = Room(limit_bytes)

    def html(self, key: str) -> str:
        """Return the picture of a line that is in use as HTML; nothing for another."""
        if key not in self.row:
            return ""
        picture = Image.fromarray(decode_image(self.lines[self.row[key]].image, key))
        picture.thumbnail(PICTURE_PX)
        return self.room.html(picture)

    def pictures(self, finding: Finding, row: int) -> str:
        """Return the picture of a row of a finding, and the one beside it."""
        return self.html(finding.keys[row]) + (self.html(finding.beside[row]) if finding.beside else "")


def write_check(folder: Path, recipe: Recipe, found: Diagnosis) -> list[Path]:
    """Write what was found and return the files."""
    album = Album(joined(list(found.parts.values())))
    written = write_page(folder, found, page(recipe, found, album))
    sheet = folder / "suspicious.png"
    sheet.unlink(missing_ok=True)
    if found.suspicious:
        buffer = io.BytesIO()
        suspicious_sheet(recipe, found.suspicious, album).save(buffer, "PNG")
        write_whole(sheet, buffer.getvalue())
        written.append(sheet)
    return written


def write_page(folder: Path, found: Diagnosis, html: str) -> list[Path]:
    """Write the page and `check.json`, and return both."""
    written = [folder / "check.html", folder / "check.json"]
    write_text(written[0], html)
    write_json(written[1], found.as_dict())
    return written


def page(recipe: Recipe, found: Diagnosis, album: Album) -> str:
    """Return the whole page as HTML."""
    return lines_page(recipe.name, recipe.about, found, album)


def write_lines_check(folder: Path, name: str, found: Diagnosis) -> list[Path]:
    """Write what was found in lines without a recipe and return the files."""
    album = Album(joined(list(found.parts.values())))
    return write_page(folder, found, lines_page(name, "lines without a recipe", found, album))


def lines_page(name: str, about: str, found: Diagnosis, album: Album) -> str:
    """Return the page on lines under its name and what it is about."""
    more = [
        _parts(found),
        *findings_in_html(found, album),
        _suspicious(found.suspicious, album),
        _sources(found),
        _classes(found),
    ]
    return whole_page(name, about, found, more, album.room)


def findings_in_html(found: Diagnosis, pictures: AnyAlbum) -> list[str]:
    """Return a heading and every finding as HTML."""
    return ["<h2>Findings</h2>", *(_finding(finding, pictures) for finding in found.findings)]


def whole_page(name: str, about: str, found: Diagnosis, blocks: Sequence[str], room: Room) -> str:
    """Return a page of these blocks under its heading, with what was left out for want of room."""
    n_problems, n_notes = len(found.of("problem")), len(found.of("note"))
    body = [
        f"<h1>{escape(name)}</h1><p>{escape(about)}</p>",
        f"<p><b>{counted(n_problems, 'problem')}, {counted(n_notes, 'note')}.</b> A problem stops the training or "
        "falsifies its results; a note is worth a look.</p>",
        *blocks,
    ]
    if room.left_out:
        body.append(f"<p>{counted(room.left_out, 'picture')} left out: the page holds {PICTURES_BYTES >> 20} MiB.</p>")
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(name)}: check</title><style>{STYLE}</style>" + "\n".join(body) + "</html>\n"
    )


def suspicious_sheet(recipe: Recipe, doubts: Sequence[Doubt], album: Album) -> Image.Image:
    """Return the doubted labels as one picture, each line over its label and the reading."""
    scaled = ScaledLines(album.lines, recipe.image, 0)
    images = [scaled[album.row[doubt.key]].squeeze() for doubt in doubts]
    return contact_sheet(images, [f"{d.label}  |  read: {d.reading}" for d in doubts], SHEET_COLUMNS)


def _parts(found: Diagnosis) -> str:
    rows = [
        (part, f"{len(lines):,}", f"{sum(text is not None for text in lines.texts):,}")
        for part, lines in found.parts.items()
    ]
    return table(("part", "lines", "labelled"), rows) if rows else ""


def _finding(finding: Finding, album: AnyAlbum) -> str:
    shown = range(min(SHOWN_LINES, len(finding.keys)))
    figures = [_figure(album.pictures(finding, i), _rows((finding.remarks or finding.keys)[i])) for i in shown]
    rest = len(finding.keys) - len(shown)
    return (
        f'<details class="{finding.severity}"{" open" * (finding.severity == "problem")}><summary><b>{finding.severity}'
        f"</b> {escape(finding.part)} · {escape(finding.kind)}: {_rows(finding.message)}</summary>"
        + (f"<p>{_rows(finding.advice)}{'' if finding.advice.endswith('?') else '.'}</p>" if finding.advice else "")
        + (f'<div class="lines">{"".join(figures)}</div>' if figures else "")
        + (f"<p>{rest:,} more in check.json.</p>" if rest else "")
        + "</details>"
    )


def _rows(text: str) -> str:
    """Text as HTML that keeps its line breaks."""
    return "<br>".join(map(escape, text.splitlines()))


def _suspicious(doubts: Sequence[Doubt], album: Album) -> str:
    if not doubts:
        return ""
    figures = [
        _figure(
            album.html(doubt.key),
            f'label <code dir="auto">{escape(doubt.label)}</code><br>'
            f'read <code dir="auto">{escape(doubt.reading)}</code><br>'
            f"{escape(doubt.part)}, {escape(doubt.key)}: {doubt.nats:.1f} nats a character",
        )
        for doubt in doubts
    ]
    about = "How much likelier the teacher finds its own reading than the label, the greatest doubt first."
    return f'<h2>Suspicious labels</h2><p>{about}</p><div class="lines">{"".join(figures)}</div>'


def _sources(found: Diagnosis) -> str:
    if not found.sources:
        return ""
    rows = [
        [s.part, s.source, *(_number(getattr(s, name), form) for name, (_, form) in SOURCE_COLUMNS.items())]
        for s in found.sources
    ]
    heads = ["part", "source", *(head for head, _ in SOURCE_COLUMNS.values())]
    return "<h2>Real sources</h2><p>Medians of pictures, means of labels.</p>" + table(heads, rows, words=2)


def _classes(found: Diagnosis) -> str:
    """Lines that hold each character: a number a part, and a bar for train."""
    if not found.classes:
        return ""
    rarest = sorted(found.classes.items(), key=lambda item: (item[1]["train"], item[0]))[:SHOWN_CLASSES]
    most = max(counts["train"] for counts in found.classes.values()) or 1
    rows = [
        f"<div><code>{escape(named(character))}</code>"
        + "".join(f'<span class="n">{counts[part]:,}</span>' for part in ("train", "validation", "test"))
        + f'<i style="width:{100 * counts["train"] / most:.1f}%"></i></div>'
        for character, counts in rarest
    ]
    about = "Lines of train, validation and test that hold each, the rarest in train first."
    if len(rarest) < len(found.classes):
        about += f" {len(found.classes) - len(rarest):,} more frequent ones in check.json."
    return f'<h2>Characters</h2><p>{about}</p><div class="classes">{"".join(rows)}</div>'


def _figure(pictures: str, caption: str) -> str:
    return f"<figure>{pictures}<figcaption>{caption}</figcaption></figure>"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], words: int = 1) -> str:
    """Return a table as HTML; the first columns hold `words`, the others numbers."""

    def row(cells: Sequence[str], tag: str) -> str:
        kinds = ["", ' class="n"']
        return "<tr>" + "".join(f"<{tag}{kinds[i >= words]}>{escape(c)}</{tag}>" for i, c in enumerate(cells)) + "</tr>"

    return f'<div class="scroll"><table>{row(heads, "th")}{"".join(row(cells, "td") for cells in rows)}</table></div>'


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)
