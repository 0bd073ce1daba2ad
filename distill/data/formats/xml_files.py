"""XML files of a folder, which of them describe a page, and their root.

A document type, which may pull in other files, is refused.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree
from xml.parsers import expat

from distill.data.formats.contents import bytes_of
from distill.data.formats.listing import files_of
from students.errors import DataError

SNIFFED_BYTES = 4096
PAGE_ROOT, ALTO_ROOT = "PcGts", "alto"


def xml_files(folder: Path) -> list[Path]:
    """Return the XML files of a folder and below, sorted, without hidden ones."""
    return [folder / name for name in files_of(folder).names if name.lower().endswith(".xml")]


def describes_a_page(path: Path) -> bool:
    """Return whether a file begins as PAGE XML or ALTO does, in any encoding that XML may have."""
    with path.open("rb") as file:
        head = file.read(SNIFFED_BYTES).replace(b"\0", b"").lower()
    return any(root.lower().encode() in head for root in (PAGE_ROOT, ALTO_ROOT))


def root_of(path: Path) -> ElementTree.Element:
    """Return the root of an XML file; raises `DataError` for a file that is none, and for a document type."""
    data = bytes_of(path)
    guard = expat.ParserCreate()

    def refuse(*_: object) -> None:
        raise DataError(f"{path}: has a document type (DOCTYPE), which may pull in other files; take it out")

    guard.StartDoctypeDeclHandler = refuse
    try:
        guard.Parse(data, True)
        return ElementTree.fromstring(data)
    except (expat.ExpatError, ElementTree.ParseError, LookupError, ValueError) as error:
        raise DataError(f"{path}: not well-formed XML: {error}") from error


def name_of(element: ElementTree.Element) -> str:
    """Return the name of an element without its namespace."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
