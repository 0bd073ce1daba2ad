"""labelme: a JSON file an image, with shapes. Its offspring (X-AnyLabeling) write texts as descriptions.

Where any shape has a description, descriptions are the texts; else labels are, but for those that name what a shape is
and not what it says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from distill.data.formats.contents import first_of
from distill.data.formats.json_files import (
    images_of,
    is_number,
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

CLASSES = ("text", "line", "textline", "text_line", "text-line", "text line", "word", "words", "lines", "ocr")
POLYGONS = ("polygon", "rotation", "quadrilateral")


class _Described(NamedTuple):
    """A file, and what it says of its image."""

    file: Path
    content: dict[str, Any]
    shapes: list[dict[str, Any]]


def read_labelme(files: Sequence[Path], notes: Notes) -> list[ReadPage]:
    """Return the pages of labelme's files with their shapes, named page/number; raises `DataError` that names a file.

    What is not taken, and what is read by a rule, is added to `notes`.
    """
    described = [_described(file) for file in files]
    by_description = any(each.get("description") for page in described for each in page.shapes)
    return [_page(page, by_description, notes) for page in _with_images(described)]


def _described(file: Path) -> _Described:
    content = object_at(json_of(file), str(file))
    shapes = list_at(content.get("shapes"), f"{file}: shapes")
    return _Described(file, content, [object_at(shape, f"{file}: shape {i}") for i, shape in enumerate(shapes)])


def _with_images(described: Sequence[_Described]) -> Iterator[tuple[_Described, Path]]:
    seen: dict[Path, Path] = {}
    missing = []
    for page in described:
        name = page.content.get("imagePath")
        if not isinstance(name, str):
            raise DataError(f"{page.file}: its imagePath is {name!r}; name the image")
        try:
            (image,) = images_of([name], page.file)
        except DataError:
            missing.append(f"{page.file} names {name!r}")
            continue
        if (first := seen.setdefault(image, page.file)) != page.file:
            raise DataError(f"{image}: described by {first} and by {page.file}; keep one of them")
        yield page, image
    if missing:
        raise DataError(
            f"{len(missing)} of {len(described)} images cannot be found: {first_of(missing)}; add the images"
        )


def _page(page_and_image: tuple[_Described, Path], by_description: bool, notes: Notes) -> ReadPage:
    described, image = page_and_image
    size = size_at(described.content, ("imageWidth", "imageHeight"), str(described.file))
    page = DescribedPage(image, size, shown=True)
    return ReadPage(page, list(_lines(described, page, by_description, notes)))


def _lines(described: _Described, page: DescribedPage, by_description: bool, notes: Notes) -> Iterator[DescribedLine]:
    for i, shape in enumerate(described.shapes):
        name, kind = f"{page.image.stem}/{i:04d}", shape.get("shape_type") or "polygon"
        if kind != "rectangle" and kind not in POLYGONS:
            notes.add(f"shapes that are a {kind}, not used", name)
            continue
        points, problem = _outline(shape.get("points"), kind)
        text = text_at(shape.get("description" if by_description else "label"), f"{described.file}: shape {i}")
        if not by_description and text is not None and text.strip().lower() in CLASSES:
            text = None
        illegible = is_illegible(text, name, notes)
        yield DescribedLine(
            name,
            None if illegible else text or None,
            page,
            points,
            ordered=kind == "rectangle",
            ignored=illegible or _is_doubted(shape),
            problem=problem,
        )


def _outline(points: object, kind: str) -> tuple[str, str]:
    """The points of a shape; a rectangle has two corners that lie across from each other, or all four."""
    if kind != "rectangle" or not isinstance(points, list) or len(points) != 2:
        return written_points(points)
    numbers = [number for point in points if isinstance(point, list) for number in point]
    if len(numbers) != 4 or not all(map(is_number, numbers)):
        return "", f"its rectangle is not two points: {str(points)[:60]}"
    (x0, x1), (y0, y1) = sorted(numbers[::2]), sorted(numbers[1::2])
    return written_box([x0, y0, x1, y1])


def _is_doubted(shape: dict[str, Any]) -> bool:
    flags = shape.get("flags")
    return shape.get("difficult") is True or (isinstance(flags, dict) and flags.get("difficult") is True)
