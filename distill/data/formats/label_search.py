"""What else in a folder may hold labels: files that name its images, and texts next to them.

Files that are label files by their names are taken as such (`KNOWN`). Others are looked into: what names the images of
the folder together with texts is a label file, whatever its name; readme.txt is none.
"""

from __future__ import annotations

import fnmatch
import logging
import posixpath
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from distill.data.formats.contents import (
    NAMED_AT_MOST,
    OtherEncoding,
    bytes_of,
    counted,
    encoding_of,
    first_of,
    is_picture,
)
from distill.data.formats.label_files import SUFFIXES, read_label_file
from distill.data.formats.label_tables import PICTURE_THEN, ROW_END
from distill.data.formats.listing import Files
from distill.data.formats.marking import marks_pages
from distill.data.formats.pairs import GROUND_TRUTH, TEXT, is_about, is_text, paired
from distill.data.formats.parts import SPLIT_OF
from students.errors import DataError

log = logging.getLogger(__name__)

LABEL_FILES = ("labels.tsv", "labels.csv", "labels.json", "metadata.jsonl", "metadata.csv")
PADDLE_LISTS = ("rec_gt*.txt", "Label.txt")
PAIRS = f"*{GROUND_TRUTH}"
ONE_EACH = re.compile(
    r"\.(json|xml|label|lab|lbl|text|gt|csv|tsv|ya?ml|hocr)", re.IGNORECASE
)  # files of one image each
ABOUT_SUFFIXES = (".txt", ".md", ".rst", ".html", ".pdf")
SPREADSHEETS = (".xlsx", ".xls", ".ods")
HEAD_BYTES = 2**16
LOOKED_AT = 200  # rows of a file, texts next to images, or files
BOX_ROW = re.compile(r"\d+( -?\d+(\.\d+)?(e-?\d+)?){4,}\s*|(-?\d+,){8}.*", re.IGNORECASE)  # YOLO's, and ICDAR's
ALL_TEXTS = f"*{TEXT}"
BOXES = "it lists boxes on pages; give it as the path of a source of its own"
QUOTED = re.compile(r'"([^"\n]{1,500})"')


class Candidate(NamedTuple):
    """What may hold labels: a file or `*.txt`, and why it is not used unasked.

    `broken`: it surely holds labels; not `usable`: to name it as the labels would not help.
    """

    name: str
    problem: str = ""
    broken: bool = False
    usable: bool = True


def known_labels(files: Files) -> list[str]:
    """Return what is a label file by its name, whatever the case; `*.gt.txt` stands for texts next to the images."""
    at_top = [name for name in files.names if "/" not in name and name.lower().endswith(SUFFIXES)]
    patterns = (*LABEL_FILES, *PADDLE_LISTS)
    named = [name for known in patterns for name in at_top if fnmatch.fnmatchcase(name.casefold(), known.casefold())]
    listed = [name for name in named if not _marks_pages(files, name)]
    pairs = next((name for name in files.names if is_text(name, GROUND_TRUTH)), None)
    return listed + ([PAIRS] if pairs else [])


def _marks_pages(files: Files, name: str) -> bool:
    return isinstance(files.place, Path) and not files.elsewhere and marks_pages(files.place / name)


def search(files: Files, without: Sequence[str] = ()) -> list[Candidate]:
    """Look for labels of the images in all other files; those of names in `without` are left out."""
    if not files.images:
        return []
    pairs = paired(files, TEXT)
    texts = set(pairs.texts.values())
    found = [_texts(files, list(texts))] if texts else []
    apart = [name for name in files.names if _may_list(name) and name not in texts and name not in without]
    stems = {posixpath.splitext(image)[0] for image in files.images}
    beside = Counter(posixpath.splitext(name)[1] for name in apart if posixpath.splitext(name)[0] in stems)
    found += [
        Candidate(f"*{suffix}", f"{counted(n, 'file')} next to images")
        for suffix, n in beside.items()
        if ONE_EACH.fullmatch(suffix)
    ]
    lists = [name for name in apart if posixpath.splitext(name)[0] not in stems]
    found += [each for name in lists[:LOOKED_AT] if (each := _candidate(files, name))]
    lonely = set(pairs.lonely).difference(without, (each.name for each in found))
    if not texts and 0.8 <= len(lonely) / len(files.images) <= 1.25:  # as where `gt_1.txt` labels `1.png`
        why = f"{counted(len(lonely), 'text bears', 'texts bear')} the name of no image, as {min(lonely)}"
        found.append(Candidate(ALL_TEXTS, why, usable=False))
    if len(lists) > LOOKED_AT:
        found.append(Candidate(lists[LOOKED_AT], f"one of {len(lists)} files, too many to look into"))
    return found


def lists_images(files: Files, name: str) -> bool:
    """Return whether a file names images of the place together with texts that do more than sort them."""
    try:
        rows, _ = read_label_file(files, name)
    except DataError:
        return False
    texts = [row.text for row in rows if row.text]
    named = any(files.index.find(row.name) in files.images for row in rows[:LOOKED_AT])
    return named and bool(texts) and not _are_marks(texts)


def warn_of_unused(files: Files, candidates: Sequence[Candidate]) -> None:
    """Say which files hold labels that are not used, and how they would be."""
    for each in candidates[:NAMED_AT_MOST]:
        why = f" ({each.problem})" if each.problem else ""
        can_be = each.name == ALL_TEXTS or (each.name.lower().endswith(SUFFIXES) and not each.name.startswith("*"))
        its_path = "" if each.name.startswith("*") or files.elsewhere else f", or the path {files.where(each.name)}"
        how = f"; give labels: {each.name}{its_path}" if can_be and each.usable else ""
        log.warning("%s: holds %s, which is not used%s%s", files.place, each.name, why, how)


def warn_of_lists_above(files: Files) -> None:
    """Say where a list in the folder above names images of this one by their path from there."""
    assert isinstance(files.place, Path)
    above, images, found = files.place.resolve().parent, set(files.images), set[str]()

    def names_image(cell: str) -> bool:
        name = files.index.find(cell) if "/" in cell.replace("\\", "/") else None
        if name in images:
            found.add(name)
        return name in images

    lists = [path for path in above.iterdir() if _may_list(path.name) and path.is_file()] if images else []
    for path in sorted(lists)[:LOOKED_AT]:
        if _names_images(path.name, bytes_of(path, HEAD_BYTES), names_image) and found:
            log.warning(
                "%s: unlabelled, but %s names its images; give path: %s, labels: %s",
                files.place,
                path,
                above,
                path.name,
            )
            return


def _may_list(name: str) -> bool:
    lower = name.lower()
    return not (
        is_picture(lower) or lower.endswith(GROUND_TRUTH) or (lower.endswith(ABOUT_SUFFIXES) and is_about(name))
    )


def _texts(files: Files, texts: Sequence[str]) -> Candidate:
    """What texts next to images hold: one line of text each, or something else."""
    held = [_loosely(files.read(name, HEAD_BYTES)).strip() for name in texts[:LOOKED_AT]]
    held = [text for text in held if text]
    if held and all(BOX_ROW.fullmatch(row) for text in held for row in text.splitlines()):
        return Candidate(ALL_TEXTS, "they hold boxes")
    if 2 * sum("\n" in text for text in held) > len(held):
        return Candidate(ALL_TEXTS, "they hold several lines of text each, and an image is one line")
    return Candidate(ALL_TEXTS)


def _candidate(files: Files, name: str) -> Candidate | None:
    """A file that names images of the folder and texts, and whether it is clear enough to be read unasked."""
    base = posixpath.dirname(name)
    if name.lower().endswith(SPREADSHEETS):
        return Candidate(name, "a spreadsheet; save it as CSV")
    try:
        if not _names_images(name, files.read(name, HEAD_BYTES), lambda cell: files.index.find(cell, base) is not None):
            return None
        rows, sure = read_label_file(files, name)
    except DataError as error:
        return Candidate(name, str(error), broken=isinstance(error, OtherEncoding))
    texts = [row.text for row in rows if row.text]
    named = {files.index.find(row.name, base) for row in rows}.intersection(files.images)
    if not texts:
        return None
    if any(text.startswith(("[{", "[]")) for text in texts):
        return Candidate(name, BOXES, usable=False)
    if not sure:
        return Candidate(name, "no heading says which column holds the text")
    if not is_picture(rows[0].name):
        return Candidate(name, "its names have no suffix")
    if _are_marks(texts):
        return Candidate(name, f"its texts are marks: {first_of(sorted(set(texts)))}")
    if 2 * len(named) < len(files.images):
        return Candidate(name, f"it names {len(named)} of {len(files.images)} images")
    return Candidate(name)


def _are_marks(texts: Sequence[str]) -> bool:
    """Whether texts sort the images rather than label them: parts of a set, 0 and 1, or a few words for all."""
    words = {text.casefold() for text in texts}
    return words <= SPLIT_OF.keys() or words <= {"0", "1"} or len(words) <= min(3, len(texts) // 4)


def _names_images(name: str, head: bytes, names_image: Callable[[str], bool]) -> bool:
    """Whether most rows of the beginning of a file name an image and something else."""
    text = _loosely(head)
    if name.lower().endswith(".json"):
        return any(names_image(cell) or is_picture(cell) for cell in QUOTED.findall(text)[:LOOKED_AT])
    rows = ROW_END.split(text)[: -1 if len(head) == HEAD_BYTES else None]
    cells = [_cells(row) for row in rows if row.strip() and not row.startswith("#")][:LOOKED_AT]
    hits = sum(len(row) > 1 and any(names_image(c) or is_picture(c) for c in row) for row in cells)
    return 2 * hits >= max(len(cells) - 1, 1)


def _cells(row: str) -> list[str]:
    """What may be cells of a row, whatever separates them."""
    if row.lstrip().startswith(("{", "<", '"')):
        return QUOTED.findall(row)
    cells = [cell.strip(' "\r') for cell in re.split(r"[\t,;|]|: ", row)]
    spaced = PICTURE_THEN.match(row)
    first, _, rest = row.partition(" ")  # as IAM has it, names without a suffix
    return [cell for cell in cells if cell] + ([spaced[1], spaced[3]] if spaced else [first, rest] if rest else [])


def _loosely(head: bytes) -> str:
    """The beginning of a text in any encoding, its characters beyond ASCII garbled where it is not UTF-8 or UTF-16."""
    if b"\0" in head[:LOOKED_AT] and encoding_of(head) == "utf-8-sig":
        return head.decode("utf-16-le" if head[1:2] == b"\0" else "utf-16-be", errors="replace")
    return head.decode(encoding_of(head), errors="replace")
