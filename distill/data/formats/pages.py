"""Pages with their lines: told from other sources, read, and cut when a line is fetched."""

from __future__ import annotations

from pathlib import Path

from distill.data.formats.contents import Contents, first_of
from distill.data.formats.notes import Notes
from distill.data.formats.paddle_boxes import box_lists_in, holds_boxes, read_boxes
from distill.data.formats.page_lines import PageLine, contents_of_pages
from distill.data.formats.page_xml import read_pages
from distill.data.formats.xml_files import describes_a_page, xml_files
from students.errors import DataError


def page_file_in(folder: Path) -> str | None:
    """Return the first file in a folder that describes pages: a detection list, or PAGE XML or ALTO; None without."""
    if lists := box_lists_in(folder):
        return lists[0].name
    page = next((path for path in xml_files(folder) if describes_a_page(path)), None)
    return None if page is None else str(page.relative_to(folder))


def open_pages(path: Path, margin_px: int) -> Contents:
    """Return the lines of pages, cut with a margin; warns of everything that was clipped, left out or read by a rule.

    Raises `DataError` for a folder with several detection lists, and for files that do not describe pages.
    """
    notes = Notes()
    contents = contents_of_pages(_lines(path, notes), margin_px, notes)
    notes.say(path)
    return contents


def _lines(path: Path, notes: Notes) -> list[PageLine]:
    lists = box_lists_in(path) if path.is_dir() else [path] if holds_boxes(path) else []
    if len(lists) > 1:
        names = [each.name for each in lists]
        raise DataError(f"{path}: holds the lists {first_of(names)}; name the one to use")
    if not lists:
        return read_pages(path, notes)
    if path.is_dir() and (page := next((each for each in xml_files(path) if describes_a_page(each)), None)):
        notes.add(f"detection list read; PAGE XML and ALTO beside it are not, such as {page}", lists[0].name)
    return read_boxes(lists[0], notes)
