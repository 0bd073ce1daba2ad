"""Where pages go once they are read: to a stream, to a file a page, or to a PDF a document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Protocol, TextIO

import numpy as np
from PIL import Image
from typing_extensions import override

from distill.data.pages.opening import stored_points
from distill.delivery.page_forms import page_record, page_rows
from distill.delivery.page_input import TO_INSTALL, PageFile, PdfPages, PicturePage, name_of_page
from distill.delivery.page_output.alto import alto_of
from distill.delivery.page_output.hocr import hocr_of
from distill.delivery.page_output.markup import WrittenPage, unheld
from distill.delivery.page_output.page_xml import page_xml_of
from distill.delivery.page_output.places import from_folder, numbered
from students.errors import DataError
from students.image import UPRIGHT
from students.model_file import write_whole
from students.pages.page import Page, Point

if TYPE_CHECKING:
    from distill.delivery.page_output.pdf import SearchablePdf

PAGE_BREAK = "\f"  # between the texts of pages, as Tesseract writes it
XML_FORMS: Mapping[str, Callable[[WrittenPage], bytes]] = {"hocr": hocr_of, "alto": alto_of, "page": page_xml_of}
SUFFIXES = {"hocr": ".hocr", "alto": ".xml", "page": ".xml", "pdf": ".pdf"}
Places = Mapping[Path, Path]
AsJson = Callable[[object, TextIO], str]


class Sink(Protocol):
    """Takes pages in order, file by file, and counts what a person has to know."""

    notes: dict[str, list[str]]

    def wants(self, file: PageFile, number: int) -> bool:
        """Return whether a page is to be read; not where its file is there already."""
        ...

    def add(self, file: PageFile, number: int, pixels_HWC: np.ndarray, page: Page) -> None:
        """Take a page that was read."""
        ...

    def end(self, file: PageFile, stopped: bool = False) -> None:
        """Write what is due once the pages of a file are read, or reading was stopped."""
        ...


class StreamSink(Sink):
    """Text, rows, or objects, one page after the other."""

    def __init__(self, target: TextIO, form: str, as_json: AsJson) -> None:
        self.notes: dict[str, list[str]] = {}
        self._target, self._form, self._as_json = target, form, as_json
        self._first = True

    @override
    def wants(self, file: PageFile, number: int) -> bool:
        """Return True: every page is wanted."""
        return True

    @override
    def add(self, file: PageFile, number: int, pixels_HWC: np.ndarray, page: Page) -> None:
        """Write a page."""
        match self._form:
            case "txt":
                print(("" if self._first else PAGE_BREAK) + page.text, file=self._target)
            case "json":
                print(self._as_json(page_record(file.path, page, number), self._target), file=self._target)
            case _:
                for row in page_rows(file.path, page, number if file.document else None):
                    print(row, file=self._target)
        self._first = False

    def end(self, file: PageFile, stopped: bool = False) -> None:
        """Do nothing: every page is written when it is read."""


class FileSink(Sink):
    """hOCR, ALTO or PAGE XML: a file a page, beside it for the latter two the picture of a page of a document."""

    def __init__(self, form: str, places: Places | BinaryIO) -> None:
        self.notes: dict[str, list[str]] = {}
        self._form, self._places = form, places

    def wants(self, file: PageFile, number: int) -> bool:
        """Return whether the page has no file yet."""
        return not _is_there(self._place(file, number), self.notes)

    def add(self, file: PageFile, number: int, pixels_HWC: np.ndarray, page: Page) -> None:
        """Write the file of a page."""
        if n_unheld := unheld(page):
            note = "pages with characters that no XML file can hold, written as U+FFFD"
            self.notes.setdefault(note, []).append(f"{name_of_page(file, number)} ({n_unheld})")
        place = self._place(file, number)
        picture = file.path
        if place is not None and file.document and self._form != "hocr":
            picture = place.with_suffix(".png")
            if picture.exists():
                raise DataError(f"{picture}: is there already, and the page's picture would replace it; move it away")
            _write_picture(picture, pixels_HWC)
        name = picture.as_posix() if place is None else from_folder(picture, place.parent)
        data = XML_FORMS[self._form](_written(file, number, page, name))
        if place is None:
            assert not isinstance(self._places, Mapping)
            self._places.write(data)
        else:
            write_whole(place, data)

    def end(self, file: PageFile, stopped: bool = False) -> None:
        """Do nothing: every page is written when it is read."""

    def _place(self, file: PageFile, number: int) -> Path | None:
        if not isinstance(self._places, Mapping):
            return None
        place = self._places[file.path]
        return numbered(place, number) if file.document else place


class _Begun(NamedTuple):
    """A PDF that pages are added to, and how many were."""

    pdf: SearchablePdf
    taken: int = 0


class PdfSink(Sink):
    """A searchable PDF a file; pages of the next file may be asked for before the last one has ended."""

    def __init__(self, places: Places | BinaryIO) -> None:
        if missing := [name for name in ("pikepdf", "fontTools") if find_spec(name) is None]:
            raise DataError(f"--to pdf needs {' and '.join(missing)}; {TO_INSTALL}")
        self.notes: dict[str, list[str]] = {}
        self._places = places
        self._begun: dict[Path, _Begun] = {}

    def wants(self, file: PageFile, number: int) -> bool:
        """Return whether the file has no PDF yet, and the page no text of its own."""
        place = self._place(file)
        if place is not None and place.exists():
            if number == 1:
                _is_there(place, self.notes)
            return False
        if isinstance(file, PdfPages) and file.has_text(number):
            note = "pages that have a text to search already, left as they are"
            self.notes.setdefault(note, []).append(name_of_page(file, number))
            self._begin(file)
            return False
        return True

    def add(self, file: PageFile, number: int, pixels_HWC: np.ndarray, page: Page) -> None:
        """Add a page to the PDF of its file."""
        pdf, taken = self._begin(file)
        if isinstance(file, PdfPages):
            pdf.add_text(number, page)
        else:
            pdf.add_picture(page, pixels_HWC, file.path if isinstance(file, PicturePage) else None)
        self._begun[file.path] = _Begun(pdf, taken + 1)

    def end(self, file: PageFile, stopped: bool = False) -> None:
        """Write the PDF, if a page came; under another name where reading was stopped."""
        if (begun := self._begun.pop(file.path, None)) is None:
            return
        pdf, taken = begun
        try:
            if not taken and (stopped or not isinstance(file, PdfPages)):
                return
            place = self._place(file)
            if place is None:
                assert not isinstance(self._places, Mapping)
                if not stopped:
                    self._places.write(pdf.written())
            elif stopped:
                place = place.with_name(f"{place.stem}-stopped.pdf")
                write_whole(place, pdf.written())
                self.notes["PDFs in which the first pages alone have a text, since reading was stopped"] = [str(place)]
            else:
                write_whole(place, pdf.written())
        finally:
            pdf.close()

    def _begin(self, file: PageFile) -> _Begun:
        from distill.delivery.page_output.pdf import SearchablePdf

        if file.path not in self._begun:
            self._begun[file.path] = _Begun(SearchablePdf(file.path if isinstance(file, PdfPages) else None))
        return self._begun[file.path]

    def _place(self, file: PageFile) -> Path | None:
        return self._places[file.path] if isinstance(self._places, Mapping) else None


def _is_there(place: Path | None, notes: dict[str, list[str]]) -> bool:
    if place is None or not place.exists():
        return False
    note = "files are there already and stay; what they hold is not read again: remove them to have them written anew"
    notes.setdefault(note, []).append(str(place))
    return True


def _written(file: PageFile, number: int, page: Page, picture: str) -> WrittenPage:
    changed = file.path.stat().st_mtime
    orientation = file.orientation() if isinstance(file, PicturePage) else UPRIGHT
    if orientation == UPRIGHT:
        return WrittenPage(page, picture, number, changed)
    stored_px = (page.height, page.width) if orientation >= 5 else (page.width, page.height)

    def moved(points: object) -> list[Point]:
        found_P2 = stored_points(np.array(points, float), orientation, stored_px)
        return [(x, y) for x, y in found_P2.tolist()]

    return WrittenPage(page, picture, number, changed, stored_px, moved)


def _write_picture(path: Path, pixels_HWC: np.ndarray) -> None:
    target = BytesIO()
    Image.fromarray(pixels_HWC).save(target, "PNG")
    write_whole(path, target.getvalue())
