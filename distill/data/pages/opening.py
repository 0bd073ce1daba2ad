"""From a source of page files to its pages: where every line lies on the page as it is shown."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from distill.data.formats.contents import bytes_of, is_picture, reason_of
from distill.data.formats.listing import images_below
from distill.data.formats.naming import naming, placed
from distill.data.formats.notes import Notes
from distill.data.formats.page_frames import DescribedPage
from distill.data.formats.page_images import header_of
from distill.data.formats.page_lines import DescribedLine, ReadPage, regions_of
from distill.data.formats.page_regions import ROLLED, Region
from distill.data.formats.pages import page_file_in, read_page_files
from distill.data.lines import Refusal
from distill.data.pages.record import MarkedLine, PageRecord
from distill.data.pages.sources import PageFileSource
from students.errors import DataError
from students.image import UPRIGHT, decode_image

LEFT_OUT = "lines whose place is not to be known, left out"
UNUSED = "images that nothing marks beside those that are marked, not used"
UNMARKED = "pages whose lines nobody marked"
Place = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class PagePicture:
    """Loads the image of a page as it is shown."""

    path: Path

    def __call__(self) -> np.ndarray:
        return decode_image(self.path)


def open_pages(source: PageFileSource, root: Path, refused: list[Refusal] | None = None) -> list[PageRecord]:
    """Open the pages of a source, and decode each of them once.

    Pages and lines that cannot be used are added to `refused` with the reason; these, and what was read by a rule, are
    said in a warning. Raises `DataError` that names the source where it cannot be opened, or has no page.
    """
    notes, unusable = Notes(), list[Refusal]()
    with naming(source):
        pages = records_at(placed(source, root), source, notes, unusable)
    notes.say(root / source.path)
    if refused is not None:
        refused += unusable
    return pages


def records_at(path: Path, source: PageFileSource, notes: Notes, unusable: list[Refusal]) -> list[PageRecord]:
    """Return the pages of a source that lies at a path; what cannot be used, and what is to be said, are added.

    Raises `DataError` where it cannot be opened, or has no page.
    """
    records = [_record(page, source, path, notes, unusable) for page in _read(path, notes)]
    pages = [record for record in records if record is not None]
    if not pages:
        notes.say(path)
        reasons = f"; {unusable[0].reason}" if unusable else ""
        raise DataError(f"{path}: holds no page that can be used{reasons}")
    return pages


def _read(path: Path, notes: Notes) -> list[ReadPage]:
    """The pages of what marks them at a path; where nothing does, all images there, unmarked."""
    if path.is_file() and is_picture(path.name):
        return [ReadPage(DescribedPage(path, None, shown=True), None)]
    if path.is_dir() and page_file_in(path) is None:
        return [ReadPage(DescribedPage(path / name, None, shown=True), None) for name in images_below(path)]
    found = read_page_files(path, notes)
    if path.is_dir():
        marked = {page.image.resolve() for page, _ in found}
        for name in images_below(path):
            if (path / name).resolve() not in marked:
                notes.add(UNUSED, name)
    return found


def _record(
    read: ReadPage, source: PageFileSource, path: Path, notes: Notes, unusable: list[Refusal]
) -> PageRecord | None:
    """A page with its lines; None for one that cannot be used, which is added to `unusable` as lines are."""
    page, lines = read
    key = f"{source.name}/{_name(page.image, path)}"
    try:
        data = bytes_of(page.image)
        height, width = decode_image(data, str(page.image)).shape[:2]
    except DataError as error:
        unusable.append(Refusal(key, reason_of(error, key)))
        notes.add("pages that cannot be used, left out", f"{page.image.name}: {error}")
        return None
    marked: tuple[MarkedLine, ...] | None = None
    if lines is None or source.drop_labels:
        notes.add(UNMARKED, page.image.name)
    else:
        found = _marked(page, lines, (width, height), notes)
        names = [f"{source.name}/{line.name}" for line, _ in found]
        refused = [
            Refusal(name, f"{name}: {reason}")
            for name, (_, reason) in zip(names, found, strict=True)
            if isinstance(reason, str)
        ]
        unusable += refused
        marked = tuple(each for _, each in found if isinstance(each, MarkedLine))
        if refused and not marked:
            unusable.append(Refusal(key, f"{key}: no line of {len(lines)} can be used; {refused[0].reason}"))
            notes.add("pages without a line that can be used, left out", f"{page.image.name}: {refused[0].reason}")
            return None
        if not marked:
            notes.add("pages that are marked to have no line", page.image.name)
    return PageRecord(key, source.name, PagePicture(page.image), marked, hashlib.sha256(data).hexdigest())


def _name(image: Path, path: Path) -> str:
    """The image as it is called in its folder; one that lies elsewhere by its own name."""
    folder = path if path.is_dir() else path.parent
    return image.relative_to(folder).as_posix() if image.is_relative_to(folder) else image.name


def _marked(
    page: DescribedPage, lines: Sequence[DescribedLine], shown_px: tuple[int, int], notes: Notes
) -> list[tuple[DescribedLine, MarkedLine | str]]:
    """Each line with its place on the page as shown, or why it has none."""
    orientation, regions = regions_of(page, lines, notes)
    stored_px = header_of(page.image).stored if orientation != UPRIGHT else shown_px
    marked: list[tuple[DescribedLine, MarkedLine | str]] = []
    for line, region in zip(lines, regions, strict=True):
        if isinstance(region, str):
            notes.add(LEFT_OUT, f"{line.name}: {region}")
            marked.append((line, region))
        else:
            corners_42 = shown_corners(corners_of(region), orientation, stored_px)
            bends = line.ordered and orientation == UPRIGHT and len(region.polygon_P2) > 4
            outline_P2 = region.polygon_P2 if bends else None
            marked.append((line, MarkedLine(corners_42, line.text, line.ignored, line.name, outline_P2)))
    return marked


def corners_of(region: Region) -> np.ndarray:
    """Return the corners (4, 2) of a region from the text's top left on, clockwise: its frame, or the box around it."""
    if region.frame_42 is not None:
        return region.frame_42.astype(float)
    (left, top), (right, bottom) = region.polygon_P2.min(0), region.polygon_P2.max(0)
    box_42 = np.array([(left, top), (right, top), (right, bottom), (left, bottom)], float)
    return box_42[ROLLED[region.quarters]]


def shown_corners(corners_42: np.ndarray, orientation: int, stored_px: tuple[int, int]) -> np.ndarray:
    """Return where corners on an image as it is stored, of this width and height, lie once it is turned by EXIF.

    Where that mirrors the image, the corners change places, so that they go round clockwise.
    """
    corners = _turned(corners_42, orientation, stored_px)
    return corners[[1, 0, 3, 2]] if orientation in (2, 4, 5, 7) else corners


def stored_points(points_P2: np.ndarray, orientation: int, stored_px: tuple[int, int]) -> np.ndarray:
    """Return where points on an image as it is shown lie on the image as it is stored, of this width and height.

    It undoes `shown_corners`, but for the order of the points. Quarter turns undo each other, all else undoes itself.
    """
    shown_px = stored_px[::-1] if orientation in (5, 6, 7, 8) else stored_px
    return _turned(points_P2, {6: 8, 8: 6}.get(orientation, orientation), shown_px)


def _turned(points_P2: np.ndarray, orientation: int, size_px: tuple[int, int]) -> np.ndarray:
    """Where points on an image of this width and height lie once it is turned as the EXIF orientation says."""
    width, height = size_px
    x, y = points_P2.T
    match orientation:
        case 2:
            turned = width - x, y
        case 3:
            turned = width - x, height - y
        case 4:
            turned = x, height - y
        case 5:
            turned = y, x
        case 6:
            turned = height - y, x
        case 7:
            turned = height - y, width - x
        case 8:
            turned = y, width - x
        case _:
            turned = x, y
    return np.stack(turned, axis=1)
