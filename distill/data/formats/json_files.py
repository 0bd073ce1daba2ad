"""JSON files that mark the lines of pages: which of them does, by how it begins, and what they hold."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from distill.data.formats.contents import bytes_of, first_of, text_of
from distill.data.formats.listing import files_of
from distill.data.formats.page_images import PageImages
from students.errors import DataError

SNIFFED_BYTES = 2**16
PAGES_JSON = "pages.json"
LARGEST = 1e9  # no page has so many pixels a side
JsonKind = Literal["pages.json", "COCO", "labelme"]
SIGNS: tuple[tuple[JsonKind, re.Pattern[bytes]], ...] = (
    ("labelme", re.compile(rb'\s*\{.*"shapes"\s*:\s*\[', re.DOTALL)),
    ("COCO", re.compile(rb'\s*\{.*"(images|imgs|annotations|anns)"\s*:\s*[\[{]', re.DOTALL)),
    ("pages.json", re.compile(rb'\s*(\{\s*"pages"\s*:\s*\[|\[\s*\{.*"lines"\s*:\s*(\[|null))', re.DOTALL)),
)


def json_kind(path: Path) -> JsonKind | None:
    """Return which format a JSON file marks pages in; None where it marks none."""
    if path.suffix.lower() != ".json" or not path.is_file():
        return None
    head = bytes_of(path, SNIFFED_BYTES)
    head = head[3:] if head.startswith(b"\xef\xbb\xbf") else head
    signed = next((kind for kind, sign in SIGNS if sign.match(head)), None)
    return "pages.json" if signed is None and path.name == PAGES_JSON and _holds_nothing(path) else signed


def _holds_nothing(path: Path) -> bool:
    """Whether a JSON file is cut short or empty: then its name alone says what it was to be."""
    try:
        return not json_of(path)
    except DataError:
        return True


def json_files(folder: Path) -> list[Path]:
    """Return the JSON files of a folder and below, sorted, without hidden ones."""
    return [folder / name for name in files_of(folder).names if name.lower().endswith(".json")]


def json_of(path: Path) -> Any:
    """Return what a JSON file holds; raises `DataError` for what is none."""
    try:
        return json.loads(text_of(bytes_of(path), path))
    except ValueError as error:  # an integer of thousands of digits is one too
        raise DataError(f"{path}: not JSON: {error}") from error
    except RecursionError as error:
        raise DataError(f"{path}: nested too deep") from error


def object_at(value: object, where: str) -> dict[str, Any]:
    """Return an object; raises `DataError` for other values."""
    if not isinstance(value, dict):
        raise DataError(f"{where}: {str(value)[:60]!r} is no JSON object")
    return value


def list_at(value: object, where: str) -> list[Any]:
    """Return a list, also of the values of an object by their numbers; raises `DataError` for other values."""
    if isinstance(value, dict):
        return list(value.values())
    if not isinstance(value, list):
        raise DataError(f"{where}: {str(value)[:60]!r} is no JSON list")
    return value


def text_at(value: object, where: str) -> str | None:
    """Return a text or None; raises `DataError` for other values."""
    if value is not None and not isinstance(value, str):
        raise DataError(f"{where}: the text is {value!r}; put it in quotes")
    return value


def size_at(page: dict[str, Any], keys: tuple[str, str], where: str) -> tuple[float, float] | None:
    """Return the width and height that an object states under these keys; None where it states none.

    Raises `DataError` for what is no size in pixels.
    """
    width, height = (page.get(key) for key in keys)
    if width is None or height is None:
        return None
    if not (is_number(width) and is_number(height) and width > 0 and height > 0):
        raise DataError(f"{where}: a page of {width!r} x {height!r} is no size in pixels")
    return float(width), float(height)


def is_number(value: object) -> bool:
    """Return whether a JSON value is a number that can count pixels: true, NaN and Infinity are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= LARGEST


def written_points(points: object) -> tuple[str, str]:
    """Return points, [[x, y], ...] or [x, y, x, y, ...], as they are written in XML; or nothing, and why."""
    flat: list[Any] = []
    if isinstance(points, list):
        flat = [number for point in points for number in (point if isinstance(point, list) else [point])]
    if not flat or not all(map(is_number, flat)):
        return "", f"its polygon is no row of points: {str(points)[:60]}"
    if len(flat) % 2:
        return "", f"its polygon has {len(flat) / 2:g} points: {str(points)[:60]}"
    return " ".join(f"{x},{y}" for x, y in zip(flat[::2], flat[1::2], strict=True)), ""


def written_box(box: object) -> tuple[str, str]:
    """Return the corners of a box [x0, y0, x1, y1] as XML writes them, from the top left on; or nothing, and why.

    One that ends before it begins may be x, y, width and height, and is none.
    """
    if not isinstance(box, list) or len(box) != 4 or not all(map(is_number, box)):
        return "", f"its box is not four numbers: {str(box)[:60]}; write x0, y0, x1, y1"
    x0, y0, x1, y1 = box
    if x1 < x0 or y1 < y0:
        return "", f"its box {box} ends before it begins; write x0, y0, x1, y1"
    if x1 == x0 or y1 == y0:
        return "", f"its box {box} has no {'width' if x1 == x0 else 'height'}"
    return f"{x0},{y0} {x1},{y0} {x1},{y1} {x0},{y1}", ""


def images_of(names: Sequence[str], described_by: Path) -> list[Path]:
    """Return the images that a file names, in order.

    Raises one `DataError` for those that are not there, and one for an image that is named twice.
    """
    images = PageImages()
    found = [images.named(name, described_by) for name in names]
    if missing := [name for name, image in zip(names, found, strict=True) if image is None]:
        raise DataError(
            f"{described_by}: {len(missing)} of {len(names)} images cannot be "
            f"found: {first_of(missing)}; add the images "
            "or take their pages out"
        )
    seen: set[Path] = set()
    for image in filter(None, found):
        if image in seen:
            raise DataError(f"{described_by}: names {image.name} twice; keep one of the pages")
        seen.add(image)
    return [image for image in found if image is not None]
