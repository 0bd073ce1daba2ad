"""COCO: images, and annotations with a box or a polygon; with COCO-Text's keys the texts, too.

Boxes are x, y, width and height. Where a file has several categories, those named as lines or words are taken.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

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
from distill.data.formats.placeholders import ILLEGIBLE, is_illegible
from students.errors import DataError

TEXTS = ("utf8_string", "text", "transcription", "caption")  # keys of an annotation, or of its attributes
LINES = ("line", "lines", "textline", "text_line", "text-line", "text line", "word", "words")
UNREAD = (ILLEGIBLE, ".")  # the latter as TextOCR has it, beside COCO-Text's key


def read_coco(path: Path, notes: Notes) -> list[ReadPage]:
    """Return the images of a COCO file with their annotations, named page/number; raises `DataError`.

    What is not taken, and what is read by a rule, is added to `notes`.
    """
    content = object_at(json_of(path), str(path))
    images = _objects(content, ("images", "imgs"), path)
    annotations = _objects(content, ("annotations", "anns"), path)
    categories = _objects(content, ("categories",), path) if "categories" in content else []
    of_image: defaultdict[Any, list[dict[str, Any]]] = defaultdict(list)
    for annotation in _of_lines(annotations, categories, path, notes):
        of_image[str(annotation.get("image_id"))].append(annotation)
    ids = [str(image.get("id")) for image in images]
    if strangers := sorted(of_image.keys() - set(ids)):
        raise DataError(f"{path}: annotations of images that it does not list: {first_of(strangers)}")
    if doubled := [image_id for image_id, n in Counter(ids).items() if n > 1]:
        raise DataError(f"{path}: several images have the id {first_of(doubled)}; give each its own")
    files = images_of([_name(image, path) for image in images], path)
    pages = []
    for image, image_id, file in zip(images, ids, files, strict=True):
        page = DescribedPage(file, size_at(image, ("width", "height"), f"{path}: {file.name}"), shown=True)
        pages.append(ReadPage(page, list(_lines(of_image[image_id], page, path, notes))))
    return pages


def _objects(content: dict[str, Any], keys: Sequence[str], path: Path) -> list[dict[str, Any]]:
    key = next((each for each in keys if each in content), keys[0])
    return [object_at(each, f"{path}: {key}") for each in list_at(content.get(key), f"{path}: {key}")]


def _name(image: dict[str, Any], path: Path) -> str:
    name = image.get("file_name")
    if not isinstance(name, str):
        raise DataError(f"{path}: image {image.get('id')!r}: its file_name is {name!r}")
    return name


def _of_lines(
    annotations: list[dict[str, Any]], categories: list[dict[str, Any]], path: Path, notes: Notes
) -> Iterator[dict[str, Any]]:
    """The annotations that are lines or words."""
    names = {str(each.get("id")): str(each.get("name")) for each in categories}
    used = sorted({names.get(str(a.get("category_id")), str(a.get("category_id"))) for a in annotations})
    lines = [name for name in used if name.lower() in LINES]
    if len(used) > 1 and len(lines) != 1:
        raise DataError(
            f"{path}: holds annotations of the categories {first_of(used)}; leave one of them in the file, or name the "
            "lines `line`"
        )
    for annotation in annotations:
        name = names.get(str(annotation.get("category_id")), str(annotation.get("category_id")))
        if len(used) > 1 and name not in lines:
            notes.add(f"annotations of the category {name}, not used", str(annotation.get("id")))
        else:
            yield annotation


def _lines(annotations: list[dict[str, Any]], page: DescribedPage, path: Path, notes: Notes) -> Iterator[DescribedLine]:
    for i, annotation in enumerate(annotations):
        name = f"{page.image.stem}/{i:04d}"
        points, problem = _outline(annotation, name, notes)
        text = _text(annotation, f"{path}: annotation {annotation.get('id')!r}")
        illegible = is_illegible(text, name, notes, UNREAD if "utf8_string" in annotation else (ILLEGIBLE,))
        ignored = illegible or annotation.get("legibility") == "illegible" or annotation.get("iscrowd") in (1, True)
        yield DescribedLine(name, None if illegible else text or None, page, points, ignored=ignored, problem=problem)


def _outline(annotation: dict[str, Any], name: str, notes: Notes) -> tuple[str, str]:
    """The points of an annotation's only polygon, or else of its box; or nothing, and why."""
    outline = annotation.get("segmentation") or annotation.get("points") or annotation.get("polygon")
    if isinstance(outline, dict):
        notes.add("annotations with a mask, taken by their box", name)
    elif isinstance(outline, list):
        polygons = [part for part in outline if isinstance(part, list) and len(part) > 2]
        if len(polygons) < 2:
            return written_points(polygons[0] if polygons else outline)
        notes.add("annotations of several polygons, taken by their box", name)
    box = annotation.get("bbox")
    if not isinstance(box, list) or len(box) != 4 or not all(map(is_number, box)):
        return "", f"its bbox is not four numbers: {str(box)[:60]}; write x, y, width, height"
    left, top, width, height = box
    return written_box([left, top, left + width, top + height])


def _text(annotation: dict[str, Any], where: str) -> str | None:
    attributes = annotation.get("attributes")
    for owner in (annotation, attributes if isinstance(attributes, dict) else {}):
        if key := next((each for each in TEXTS if each in owner), None):
            return text_at(owner[key], where)
    return None
