"""PAGE XML and ALTO: the lines of a page, their outlines, baselines and texts.

PAGE since 2010 and ALTO 1 to 4 are distinguished by their root and read by the names of their elements.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from distill.data.formats.alto import alto_baseline, alto_outline, alto_text
from distill.data.formats.contents import counted, first_of
from distill.data.formats.notes import Notes
from distill.data.formats.page_frames import PIXEL, DescribedPage
from distill.data.formats.page_images import PageImages, header_of
from distill.data.formats.page_lines import DescribedLine, ReadPage
from distill.data.formats.page_texts import joined, plain
from distill.data.formats.xml_files import ALTO_ROOT, PAGE_ROOT, describes_a_page, name_of, root_of, xml_files
from students.errors import DataError

Note = Callable[[str], None]
INDEX = re.compile(r"[+-]?\d{1,9}")
PIXELS = ("", PIXEL, f"{PIXEL}s", "px")  # as programs write the unit
TURNS = {PAGE_ROOT: "orientation", ALTO_ROOT: "ROTATION"}  # degrees anticlockwise that the text of a region is turned


class _Described(NamedTuple):
    """What a file says of its page."""

    file: Path
    root: ElementTree.Element
    page: ElementTree.Element
    image_name: str
    size: tuple[float, float] | None
    unit: str

    @property
    def alto(self) -> bool:
        return name_of(self.root) == ALTO_ROOT


def read_page_xml(path: Path, notes: Notes) -> list[ReadPage]:
    """Return the page of an XML file, or of all XML files of a folder and below, but of those neither PAGE nor ALTO.

    What is read by a rule is added to `notes`. Raises `DataError` for pages without an image, or described twice, and
    where no file is PAGE or ALTO.
    """
    images = PageImages()
    pages: list[ReadPage] = []
    described: dict[Path, Path] = {}
    others, missing = [], []
    for file in [path] if path.is_file() else xml_files(path):
        root = root_of(file) if path.is_file() or describes_a_page(file) else None
        if root is None or name_of(root) not in TURNS:
            others.append(_other(file, root))
            continue
        page = _described(file, root)
        image = _image_of(page, images, notes)
        if image is None:
            missing.append(f"{file} names {page.image_name!r}")
        elif (first := described.setdefault(image, file)) != file:
            raise DataError(f"{image}: described by {first} and by {file}; name the folder of one of them")
        else:
            name = file.name if path.is_file() else file.relative_to(path).as_posix()
            of_page = DescribedPage(image, page.size, page.unit)
            pages.append(ReadPage(of_page, list(_lines(page, of_page, name, notes))))
    if missing:
        raise DataError(
            f"{path}: {counted(len(missing), 'image')} cannot be found: "
            f"{first_of(missing)}; put it next to the XML file"
        )
    if not described:
        raise DataError(f"{path}: holds no PAGE XML or ALTO file" + (f"; it has {first_of(others)}" if others else ""))
    for other in others:
        notes.add("XML files neither PAGE nor ALTO, not used", other)
    return pages


def _other(file: Path, root: ElementTree.Element | None) -> str:
    """The name of a file that is no page; raises `DataError` for one that is a page of a version without lines."""
    if root is None:
        return str(file)
    if name_of(root).lower() == PAGE_ROOT.lower():
        raise DataError(f"{file}: <{name_of(root)}> is PAGE from before 2010, which is not read; write it as PAGE 2013")
    return f"{file} (<{name_of(root)}>)"


def _described(file: Path, root: ElementTree.Element) -> _Described:
    pages = root.findall(".//{*}Page")
    if len(pages) > 1:
        raise DataError(f"{file}: holds {len(pages)} pages and names one image; write a file for each")
    page = pages[0] if pages else root
    if name_of(root) == ALTO_ROOT:
        name = root.findtext(".//{*}sourceImageInformation/{*}fileName", "").strip()
        unit = root.findtext(".//{*}MeasurementUnit", PIXEL).strip()
        unit = PIXEL if unit.lower() in PIXELS else unit
        return _Described(file, root, page, name, _size(page, ("WIDTH", "HEIGHT"), file), unit)
    size = _size(page, ("imageWidth", "imageHeight"), file)
    return _Described(file, root, page, page.get("imageFilename", "").strip(), size, PIXEL)


def _size(page: ElementTree.Element, names: tuple[str, str], file: Path) -> tuple[float, float] | None:
    """Width and height of the page that the lines were marked on, where the file has them; 0 says nothing."""
    width, height = page.get(names[0]), page.get(names[1])
    if width is None or height is None:
        return None
    try:
        size = float(width), float(height)
    except ValueError:
        raise DataError(f"{file}: a page of {width!r} x {height!r} is no size in pixels") from None
    return size if any(size) else None


def _image_of(page: _Described, images: PageImages, notes: Notes) -> Path | None:
    """The image that the file names, or where it names none, the one of the file's own name.

    An image of the file's name, or of the named one with another suffix, also stands in for one that is not there, if
    it has the size that the file states.
    """
    if page.image_name and (found := images.named(page.image_name, page.file)):
        return found
    alike = images.of_like_name(page.image_name, page.file)
    if page.image_name:
        alike = [image for image in alike if page.size in _sizes(image)]
        rule = "pages whose image is not there, read from one of like name and equal size"
    else:
        rule = "pages without the name of an image, read from the image of their own name"
    if not alike:
        return None
    notes.add(rule, f"{page.file}: {alike[0].name}")
    if len(alike) > 1:
        notes.add("pages with several images of their name, the first is read", f"{page.file}: {alike[0].name}")
    return alike[0]


def _sizes(image: Path) -> tuple[tuple[int, int], ...]:
    try:
        header = header_of(image)
    except DataError:
        return ()
    return header.stored, header.shown


def _lines(described: _Described, page: DescribedPage, name: str, notes: Notes) -> Iterator[DescribedLine]:
    """The lines of a page, named by page and line."""
    key, stem = "ID" if described.alto else "id", name[: -len(".xml")]
    for number, (line, turned) in enumerate(_text_lines(described.page, TURNS[name_of(described.root)])):
        line_name = f"{stem}/{line.get(key) or f'{number:04d}'}"
        note = partial(notes.add, name=line_name)
        if described.alto:
            text, points, baseline = alto_text(line, note), alto_outline(line), alto_baseline(line)
        else:
            text, points, baseline = _page_text(line, note), _points(line, "Coords"), _points(line, "Baseline")
        yield DescribedLine(line_name, text or None, page, points, baseline, turned=turned)
    for region in described.page.iterfind(".//{*}TextRegion"):
        if _text_of_region_alone(region):
            notes.add("regions with a text that none of their lines has, not used", f"{stem}/{region.get('id', '')}")


def _text_lines(page: ElementTree.Element, turns: str) -> Iterator[tuple[ElementTree.Element, float | None]]:
    """The lines of a page in the order of the file, each with the turn that the element next around it states."""
    waiting = [(page, _degrees(page, turns, None))]
    while waiting:
        element, turned = waiting.pop()
        if name_of(element) == "TextLine":
            yield element, turned
        else:
            waiting += [(inner, _degrees(inner, turns, turned)) for inner in reversed(element)]


def _degrees(element: ElementTree.Element, attribute: str, around: float | None) -> float | None:
    try:
        return float(element.get(attribute, ""))
    except ValueError:
        return around


def _points(line: ElementTree.Element, element: str) -> str:
    """The points of an element of a PAGE line: an attribute, or as in 2010 a child each."""
    found = line.find(f"{{*}}{element}")
    if found is None:
        return ""
    points = found.get("points", "")
    return points or " ".join(f"{point.get('x')},{point.get('y')}" for point in found.iterfind("{*}Point"))


def _page_text(line: ElementTree.Element, note: Note) -> str:
    """The text of the line, or else those of its words, or of their glyphs."""
    return _unicode(line, note) or joined(
        _unicode(word, note) or "".join(_unicode(glyph, note) for glyph in word.iterfind("{*}Glyph"))
        for word in line.iterfind("{*}Word")
    )


def _text_of_region_alone(region: ElementTree.Element) -> bool:
    """Whether a region has a text, and lines, none of which has one."""
    texts = region.iterfind("{*}TextEquiv/{*}Unicode")
    lines = region.findall("{*}TextLine")
    of_lines = (text for line in lines for text in line.iterfind(".//{*}Unicode"))
    return bool(lines) and any(text.text for text in texts) and not any(text.text for text in of_lines)


def _unicode(element: ElementTree.Element, note: Note) -> str:
    """Of several readings the one of the lowest index; those that state none come last."""
    readings = element.findall("{*}TextEquiv")
    if not readings:
        return ""
    indices = [reading.get("index", "").strip() for reading in readings]
    order = [(INDEX.fullmatch(index) is None, int(index) if INDEX.fullmatch(index) else 0) for index in indices]
    best = readings[order.index(min(order))].find("{*}Unicode")
    return "" if best is None else plain("".join(best.itertext()), note)
