"""Pages with their lines: told from other sources, read, and cut when a line is fetched."""

from __future__ import annotations

from pathlib import Path

from distill.data.formats.coco import read_coco
from distill.data.formats.contents import Contents, first_of
from distill.data.formats.json_files import json_files, json_kind
from distill.data.formats.labelme import read_labelme
from distill.data.formats.notes import Notes
from distill.data.formats.paddle_boxes import box_lists_in, holds_boxes, read_boxes
from distill.data.formats.page_json import read_pages_json
from distill.data.formats.page_lines import ReadPage, contents_of_pages
from distill.data.formats.page_xml import read_page_xml
from distill.data.formats.xml_files import describes_a_page, xml_files
from students.errors import DataError

LISTS = "detection lists of PaddleOCR, COCO and labelme"


def page_file_in(folder: Path) -> str | None:
    """Return the first file in a folder that marks pages: a detection list, JSON, PAGE XML or ALTO; None without."""
    if lists := box_lists_in(folder):
        return lists[0].name
    found = next((path for path in json_files(folder) if json_kind(path)), None)
    found = found or next((path for path in xml_files(folder) if describes_a_page(path)), None)
    return None if found is None else str(found.relative_to(folder))


def open_lines_of_pages(path: Path, margin_px: int) -> Contents:
    """Return the lines of pages, cut with a margin; warns of everything that was clipped, left out or read by a rule.

    Raises `DataError` for a folder with several lists, and for files that do not describe pages.
    """
    notes = Notes()
    contents = contents_of_pages(read_page_files(path, notes), margin_px, notes)
    notes.say(path)
    return contents


def read_page_files(path: Path, notes: Notes) -> list[ReadPage]:
    """Return the pages of a file, or of those in a folder that mark pages, as they describe them.

    Raises `DataError` for a folder with several lists, and for files that do not describe pages. What is read by a rule
    is added to `notes`.
    """
    if path.is_dir():
        return _in_folder(path, notes)
    match json_kind(path):
        case "pages.json":
            return read_pages_json(path, notes)
        case "COCO":
            return read_coco(path, notes)
        case "labelme":
            return read_labelme([path], notes)
    if holds_boxes(path):
        return read_boxes(path, notes)
    if path.suffix.lower() != ".xml" and not describes_a_page(path):
        raise DataError(f"{path}: marks no lines on pages; read are pages.json, PAGE XML, ALTO, {LISTS}")
    return read_page_xml(path, notes)


def _in_folder(folder: Path, notes: Notes) -> list[ReadPage]:
    kinds = {path: kind for path in json_files(folder) if (kind := json_kind(path))}
    lists = [*box_lists_in(folder), *(path for path, kind in kinds.items() if kind != "labelme")]
    of_shapes = [path for path, kind in kinds.items() if kind == "labelme"]
    if len(lists) > 1:
        names = [str(each.relative_to(folder)) for each in lists]
        raise DataError(f"{folder}: holds the lists {first_of(names)}; name the one to use")
    if lists and of_shapes:
        raise DataError(
            f"{folder}: holds the list {lists[0].name} and labelme's {of_shapes[0].name}; name the one to use"
        )
    if not lists and not of_shapes:
        return read_page_xml(folder, notes)
    if page := next((each for each in xml_files(folder) if describes_a_page(each)), None):
        what = "detection list" if lists else "labelme's shapes"
        one = (lists or of_shapes)[0].name
        notes.add(f"{what} read; PAGE XML and ALTO beside it are not, such as {page}", one)
    return read_labelme(of_shapes, notes) if of_shapes else read_page_files(lists[0], notes)
