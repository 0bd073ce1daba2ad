"""`pages.json`: a list of pages with their lines.
    [{"file": "a.jpg", "width": 596, "height": 1200,
      "lines": [{"box": [x0, y0, x1, y1], "text": "..."}, {"polygon": [[x, y], ...], "text": null, "ignored": true}]}]

A polygon of four points, in pixels of the image as shown, begins at the text's top left and goes round clockwise.
`width`, `height` and `text` may be left out; `lines` null: nobody marked them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from distill.data.formats.json_files import (
    images_of,
    json_of,
    list_at,
    object_at,
    size_at,
    text_at,
    written_box,
    written_points,
)
from distill.data.formats.notes import Notes
from distill.data.formats.page_frames import DescribedPage
from distill.data.formats.page_lines import DescribedLine, ReadPage
from distill.data.formats.placeholders import is_illegible
from students.errors import DataError

OUTLINES = ("box", "polygon", "points")


def read_pages_json(path: Path, notes: Notes) -> list[ReadPage]:
    """Return the pages of a `pages.json`, their lines named page/number; raises `DataError` that names the place.

    A line whose text is ### cannot be read: it is unlabelled, and added to `notes`.
    """
    content = json_of(path)
    listed = list_at(content.get("pages", []) if isinstance(content, dict) else content, str(path))
    if not listed:
        raise DataError(f"{path}: lists no page; add the pages of the folder, or take the file away")
    pages = [object_at(page, f"{path}: page {number}") for number, page in enumerate(listed, 1)]
    images = images_of([_file(page, f"{path}: page {number}") for number, page in enumerate(pages, 1)], path)
    return [_page(page, image, path, notes) for page, image in zip(pages, images, strict=True)]


def _file(page: dict[str, Any], where: str) -> str:
    name = page.get("file")
    if not isinstance(name, str):
        raise DataError(f"{where}: its file is {name!r}; name the image of the page")
    return name


def _page(page: dict[str, Any], image: Path, path: Path, notes: Notes) -> ReadPage:
    where = f"{path}: {page['file']}"
    described = DescribedPage(image, size_at(page, ("width", "height"), where), shown=True)
    if page.get("lines") is None:
        return ReadPage(described, None)
    return ReadPage(described, list(_lines(list_at(page["lines"], f"{where}: lines"), described, where, notes)))


def _lines(lines: list[Any], page: DescribedPage, where: str, notes: Notes) -> Iterator[DescribedLine]:
    for i, each in enumerate(lines):
        line = object_at(each, f"{where}: line {i}")
        outlines = [key for key in OUTLINES if line.get(key) is not None]
        if len(outlines) != 1:
            raise DataError(f"{where}: line {i}: needs one of {', '.join(OUTLINES)}; it has {', '.join(line)}")
        outline = line[outlines[0]]
        points, problem = written_box(outline) if outlines[0] == "box" else written_points(outline)
        text = text_at(line.get("text"), f"{where}: line {i}")
        name = f"{page.image.stem}/{i:04d}"
        illegible = is_illegible(text, name, notes)
        yield DescribedLine(
            name,
            None if illegible else text,
            page,
            points,
            ordered=True,
            ignored=illegible or line.get("ignored") is True,
            problem=problem,
        )
