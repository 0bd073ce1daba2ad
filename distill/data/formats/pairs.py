"""Texts next to their images: `line.png` and `line.gt.txt`, or `line.txt`.

A text belongs to the image of its stem, or of its name and the suffix (`line.png.txt`), or to the one image whose stem
goes on behind a dot, as ocropy writes them (`line.bin.png`). The texts of a folder without images belong to the images
of the one other folder that has their stems. Names are compared in NFC, then without case.
"""

from __future__ import annotations

import logging
import posixpath
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from distill.data.formats.contents import counted, first_of, label_of
from distill.data.formats.listing import ALL, Files
from students.charset import normalise
from students.errors import DataError

log = logging.getLogger(__name__)

GROUND_TRUTH = ".gt.txt"
TEXT = ".txt"
ABOUT = re.compile(r"(?i)(read.?me|licen[cs]e|copying|notice|authors|change(s|log)|citation|requirements)\b.*")


@dataclass(frozen=True)
class Pairs:
    """The text file of each image that has one, and what is left.

    `lonely` texts have no image, `double` images share their stem with others, `versions` are images such as
    `line.bin.png` beside a `line.png` that has the text.
    """

    texts: Mapping[str, str]
    lonely: Sequence[str]
    double: Sequence[str]
    versions: Sequence[str]


def is_about(name: str) -> bool:
    """Return whether a text describes a set and labels nothing: readme.txt, requirements.txt, a licence."""
    return ABOUT.fullmatch(posixpath.basename(name)) is not None


def is_text(name: str, suffix: str) -> bool:
    """Return whether a file is a text of this suffix; `.txt` leaves out `.gt.txt` and what describes the set."""
    lower = name.lower()
    return lower.endswith(suffix) and not (suffix == TEXT and (lower.endswith(GROUND_TRUTH) or is_about(name)))


def paired(files: Files, suffix: str) -> Pairs:
    """Pair images and texts of a suffix by their names; what the texts hold is not read."""
    by_stem, longer = _by_stem(files.images)
    whole = {normalise(image): [image] for image in files.images}
    double = {image for images in by_stem.values() for image in images[1:]}
    caseless: dict[str, list[str]] = defaultdict(list)
    for stem, images in by_stem.items():
        caseless[stem.casefold()] += images
    texts: dict[str, str] = {}
    waiting: dict[str, str] = {}
    versions: list[str] = []
    for name in (name for name in files.names if is_text(name, suffix)):
        stem = normalise(name[: -len(suffix)])
        if exact := by_stem.get(stem) or whole.get(stem) or _alone(caseless.get(stem.casefold())):
            texts[exact[0]] = name
            versions += longer.get(stem, ())
        else:
            waiting[stem] = name
    lonely = []
    for stem, name in waiting.items():
        free = [image for image in longer.get(stem, ()) if image not in texts]
        if free:
            texts[free[0]] = name
            double.update(free[1:])
        else:
            lonely.append(name)
    across = _across_folders(lonely, suffix, files.images)
    texts |= across
    lonely = [name for name in lonely if name not in across.values()]
    return Pairs(texts, lonely, sorted(double), sorted({v for v in versions if v not in texts and v not in double}))


def _alone(images: Sequence[str] | None) -> Sequence[str]:
    """One image that differs from its text in case alone; where several do, none of them is meant."""
    return images if images is not None and len(images) == 1 else ()


def _by_stem(images: Sequence[str]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Images by their stems, and by what is left of a stem without what follows a dot in it."""
    by_stem: dict[str, list[str]] = defaultdict(list)
    longer: dict[str, list[str]] = defaultdict(list)
    for image in images:
        stem = normalise(posixpath.splitext(image)[0])
        by_stem[stem].append(image)
        while "." in posixpath.basename(stem)[1:]:
            stem = stem.rpartition(".")[0]
            longer[stem].append(image)
    return dict(by_stem), dict(longer)


def _across_folders(lonely: Sequence[str], suffix: str, images: Sequence[str]) -> dict[str, str]:
    """The texts of folders without images, by the image of the one other folder that has most of their stems."""
    homes: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for image in images:
        homes[posixpath.dirname(image)][normalise(posixpath.splitext(posixpath.basename(image))[0])].append(image)
    texts: dict[str, dict[str, str]] = defaultdict(dict)
    for name in lonely:
        if (folder := posixpath.dirname(name)) not in homes:
            texts[folder][normalise(posixpath.basename(name)[: -len(suffix)])] = name
    found: dict[str, str] = {}
    for folder, names in texts.items():
        fitting = [home for home, stems in homes.items() if 2 * len(names.keys() & stems.keys()) > len(names)]
        if len(fitting) > 1:
            fitting = [home for home in fitting if _differ_in_one(folder, home)]
        if len(fitting) == 1:
            stems = homes[fitting[0]]
            found |= {stems[stem][0]: name for stem, name in names.items() if len(stems.get(stem, ())) == 1}
    return found


def _differ_in_one(one: str, other: str) -> bool:
    ours, theirs = one.split("/"), other.split("/")
    return len(ours) == len(theirs) and sum(a != b for a, b in zip(ours, theirs, strict=True)) == 1


def read_pairs(files: Files, suffix: str) -> list[str | None]:
    """Return the text of every image, None where it has none; raises `DataError` for what is not paired clearly."""
    if not suffix.endswith(TEXT):
        raise DataError(f"{files.place}: texts next to images end in {GROUND_TRUTH} or {TEXT}, not in {suffix}")
    pairs = paired(files, suffix)
    if pairs.lonely and suffix == TEXT:
        log.warning("%s: not used, without an image of the name: %s: %s", files.place, *_some(pairs.lonely, "text"))
    elif pairs.lonely:
        raise DataError(
            f"{files.place}: {counted(len(pairs.lonely), 'text')} without an "
            f"image of the name: {first_of(pairs.lonely)}"
        )
    if pairs.double:
        raise DataError(f"{files.place}: several images of one name, the text belongs to one: {first_of(pairs.double)}")
    if pairs.versions:
        log.warning(
            "%s: unlabelled, versions of a labelled image: %s: %s", files.place, *_some(pairs.versions, "image")
        )
    return [
        None if (name := pairs.texts.get(image)) is None else label_of(files.read(name, ALL), files.where(name))
        for image in files.images
    ]


def _some(names: Sequence[str], what: str) -> tuple[str, str]:
    return counted(len(names), what), first_of(names)
