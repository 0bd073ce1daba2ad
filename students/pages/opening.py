"""Opening a page reader: one file that holds both networks, or a locator and a recogniser."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

import students
from students.errors import CheckpointError
from students.model_file import expect_student, exported_files, is_onnx, kind_of
from students.pages.locate import LocatorReader, open_locator
from students.pages.model_file import expect_locator, read_pages_file
from students.pages.reader import PageReader
from students.reader import Reader
from students.shipped import PAGE_READERS, Named, find_model, shipped_students

Source = str | PathLike[str]


def open_page_reader(locator: Source, recogniser: Source | None) -> PageReader:
    """Open a page reader: of one file, or of the folder of an exported one, if `recogniser` is None.

    Errors are those of `students.load_page`.
    """
    if recogniser is None and (exported := exported_files(locator)) is not None:
        return PageReader(locator_at(exported[0]), students.load(exported[1]))
    path = find_model(str(locator), Named("page reader", shipped_students().files, ", ".join(PAGE_READERS)))
    if recogniser is not None:
        return PageReader(locator_at(path), students.load(recogniser))
    match kind_of(path):
        case "pages":
            return PageReader(*_both(path))
        case "locator":
            raise CheckpointError(
                f"{path}: finds the lines of pages and reads none; name what reads them as well: "
                "load_page(locator, recogniser), or --recogniser"
            )
        case kind:
            raise CheckpointError(
                f"{path}: holds a {kind}, which reads lines and finds none; name what finds them before it: "
                "load_page(locator, recogniser), or --pages LOCATOR --recogniser"
            )


def locator_at(path: Path) -> LocatorReader:
    """Open the locator of its own file, or that of a file of both networks."""
    if not is_onnx(path) and kind_of(path) == "pages":
        return _both(path)[0]
    return open_locator(path)


def _both(path: Path) -> tuple[LocatorReader, Reader]:
    """The two networks of one file, which need torch."""
    from students.config import STUDENTS
    from students.pages.network import LOCATORS
    from students.pages.torch_locator import assemble_locator
    from students.torch_reader import assemble

    description, locator, recogniser = read_pages_file(path)
    expect_locator(description.locator, path)
    expect_student(description.recogniser, path)
    return (
        assemble_locator(path, description.locator, locator, LOCATORS.validate_python),
        assemble(path, description.recogniser, recogniser, lambda a: STUDENTS.validate_python(a).build),
    )
