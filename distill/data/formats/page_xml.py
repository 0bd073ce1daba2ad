"""PAGE XML and ALTO: the lines of a page, their polygons and their texts.

PAGE 2013 to 2019 and ALTO 2 to 4 are distinguished by their root and read by the names of their elements. A document
type, and with it every entity, is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree
from xml.parsers import expat

from distill.data.formats.contents import bytes_of, first_of
from distill.data.formats.page_lines import PageLine, page_image
from students.errors import DataError

ROOTS = ("PcGts", "alto")
SNIFFED_BYTES = 4096


def describes_a_page(path: Path) -> bool:
    """Return whether a file begins as PAGE XML or ALTO does."""
    with path.open("rb") as file:
        head = file.read(SNIFFED_BYTES)
    return any(root.encode() in head for root in ROOTS)


def read_pages(path: Path) -> list[PageLine]:
    """The lines of an XML file, or of all XML files of a folder and below; other XML than PAGE and ALTO is no page."""
    files = [path] if path.is_file() else sorted(path.rglob("*.xml"))
    lines: list[PageLine] = []
    described: dict[Path, Path] = {}
    others, missing = [], []
    for file in files:
        root = _parsed(file)
        if _name(root) not in ROOTS:
            others.append(f"{file} (<{_name(root)}>)")
            continue
        image, found = _page_lines(root, file, file.name if path.is_file() else file.relative_to(path).as_posix())
        if image is None:
            missing.append(f"{file} names {_image_name(root)!r}")
        elif (first := described.setdefault(image, file)) != file:
            raise DataError(f"{image}: described by {first} and by {file}; name the folder of one of them")
        lines += found
    if missing:
        raise DataError(f"{path}: {len(missing)} pages have no image: {first_of(missing)}; put it next to the XML file")
    if not described:
        raise DataError(f"{path}: holds no PAGE XML or ALTO file" + (f"; it has {first_of(others)}" if others else ""))
    return lines


def _parsed(path: Path) -> ElementTree.Element:
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


def _page_lines(root: ElementTree.Element, file: Path, name: str) -> tuple[Path | None, list[PageLine]]:
    """The page's image and its lines, named by page and line."""
    image = page_image(_image_name(root), file)
    if image is None:
        return None, []
    page = _page(root)
    if (n_pages := len(root.findall(".//{*}Page"))) > 1:
        raise DataError(f"{file}: holds {n_pages} pages and names one image; write a file for each")
    alto = _name(root) == "alto"
    unit = root.findtext(".//{*}MeasurementUnit", "pixel").strip()
    if alto and unit != "pixel":
        raise DataError(f"{file}: measures in {unit}; only pixel is read: write it anew in pixels")
    size_px = _size(page, ("WIDTH", "HEIGHT") if alto else ("imageWidth", "imageHeight"), file)
    lines = [
        PageLine(
            f"{name.removesuffix('.xml')}/{line.get('ID' if alto else 'id') or f'{number:04d}'}",
            (_alto_text(line) if alto else _page_text(line)) or None,
            image,
            _alto_polygon(line) if alto else _points(line, "{*}Coords", "points"),
            size_px,
        )
        for number, line in enumerate(page.iterfind(".//{*}TextLine"))
    ]
    return image, lines


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _page(root: ElementTree.Element) -> ElementTree.Element:
    page = root.find(".//{*}Page")
    return root if page is None else page


def _image_name(root: ElementTree.Element) -> str:
    if _name(root) == "alto":
        return root.findtext(".//{*}sourceImageInformation/{*}fileName", "").strip()
    return _page(root).get("imageFilename", "")


def _size(page: ElementTree.Element, names: tuple[str, str], file: Path) -> tuple[float, float] | None:
    """Width and height of the image that the lines were marked on, where the file has them."""
    width, height = page.get(names[0]), page.get(names[1])
    if width is None or height is None:
        return None
    try:
        return float(width), float(height)
    except ValueError:
        raise DataError(f"{file}: a page of {width!r} x {height!r} is no size in pixels") from None


def _points(line: ElementTree.Element, element: str, attribute: str) -> str:
    found = line.find(element)
    return "" if found is None else found.get(attribute, "")


def _alto_polygon(line: ElementTree.Element) -> str:
    """The line's polygon, or else its box."""
    polygon = _points(line, "{*}Shape/{*}Polygon", "POINTS")
    if polygon:
        return polygon
    try:
        left, top, width, height = (float(line.get(key, "")) for key in ("HPOS", "VPOS", "WIDTH", "HEIGHT"))
    except ValueError:
        return ""
    right, bottom = left + width, top + height
    return f"{left},{top} {right},{top} {right},{bottom} {left},{bottom}"


def _alto_text(line: ElementTree.Element) -> str:
    """Strings are words with spaces between; a hyphen belongs to the word before it."""

    def pieces() -> Iterator[str]:
        for element in line:
            if _name(element) == "String":
                yield " " + element.get("CONTENT", "")
            elif _name(element) == "HYP":
                yield element.get("CONTENT", "-")

    return "".join(pieces()).strip()


def _page_text(line: ElementTree.Element) -> str:
    """The text of the line, or else those of its words."""
    own = _unicode(line)
    return own or " ".join(word for element in line.findall("{*}Word") if (word := _unicode(element)))


def _unicode(element: ElementTree.Element) -> str:
    """Of several readings the one of the lowest index."""
    readings = element.findall("{*}TextEquiv")
    if not readings:
        return ""
    best = min(readings, key=lambda reading: int(index) if (index := reading.get("index", "0")).isdecimal() else 0)
    return (best.findtext("{*}Unicode") or "").strip()
