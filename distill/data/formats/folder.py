"""A folder of images with their texts in a label file or next to each image, or of images alone."""

from __future__ import annotations

import logging
from pathlib import Path, PurePosixPath

from distill.data.formats.contents import (
    Contents,
    FilesFetch,
    bytes_of,
    first_of,
    images_below,
    is_file,
    label_of,
)
from distill.data.formats.label_files import Row, read_label_file
from distill.data.formats.paddle_boxes import holds_boxes
from students.errors import DataError

log = logging.getLogger(__name__)

LABEL_FILES = ("labels.tsv", "labels.csv", "labels.json", "metadata.jsonl", "metadata.csv")
PADDLE_LISTS = ("rec_gt*.txt", "Label.txt")
PAIR_SUFFIX = ".gt.txt"


def label_files_in(folder: Path) -> list[str]:
    """Return the label files that a folder holds; `*.gt.txt` stands for texts next to the images."""
    listed = [name for name in LABEL_FILES if (folder / name).is_file() and not holds_boxes(folder / name)]
    paddle = [p.name for pattern in PADDLE_LISTS for p in sorted(folder.glob(pattern)) if not holds_boxes(p)]
    pairs = next(folder.rglob(f"*{PAIR_SUFFIX}"), None)
    return listed + paddle + ([f"*{PAIR_SUFFIX}"] if pairs else [])


def open_folder(folder: Path, labels: str | None) -> Contents:
    """Open the lines of a folder; `labels` names the label file where there is a choice."""
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    found = [labels] if labels is not None else label_files_in(folder)
    if len(found) > 1:
        raise DataError(f"{folder}: holds {' and '.join(found)}; name the one to use (labels: {found[0]})")
    if not found:
        return _unlabelled(folder)
    if found[0] == f"*{PAIR_SUFFIX}":
        return _pairs(folder)
    return _listed(folder, read_label_file(folder / found[0]), folder / found[0])


def _unlabelled(folder: Path) -> Contents:
    names = images_below(folder)
    if not names:
        raise DataError(
            f"{folder}: holds neither images nor one of {', '.join((*LABEL_FILES, *PADDLE_LISTS, '*' + PAIR_SUFFIX))}"
        )
    return Contents(names, [None] * len(names), FilesFetch(folder, tuple(names)))


def _listed(folder: Path, rows: list[Row], label_file: Path) -> Contents:
    if not rows:
        raise DataError(f"{label_file}: has no rows")
    names = [row.name for row in rows]
    if not is_file(folder / names[0]) and is_file(folder / "images" / names[0]):
        folder = folder / "images"  # as docTR lays its sets out
    missing = [name for name in names if not is_file(folder / name)]
    if missing:
        raise DataError(
            f"{label_file}: {len(missing)} of {len(names)} images do not exist, the first: {first_of(missing)}; "
            "add them or take their rows out"
        )
    if unnamed := len(set(images_below(folder)) - set(names)):
        log.warning("%s: names %d images; %d others in the folder are not used", label_file, len(names), unnamed)
    return Contents(names, [row.text for row in rows], FilesFetch(folder, tuple(names)))


def _pairs(folder: Path) -> Contents:
    names = images_below(folder)
    stems = {str(PurePosixPath(name).with_suffix("")): name for name in names}
    texts: dict[str, str] = {}
    lonely = []
    for path in sorted(folder.rglob(f"*{PAIR_SUFFIX}")):
        stem = path.relative_to(folder).as_posix().removesuffix(PAIR_SUFFIX)
        if stem in stems:
            texts[stem] = label_of(bytes_of(path), path)
        else:
            lonely.append(stem + PAIR_SUFFIX)
    if lonely:
        raise DataError(f"{folder}: {len(lonely)} texts have no image of their name: {first_of(lonely)}")
    if len(stems) < len(names):
        double = [name for name in names if name not in stems.values()]
        raise DataError(f"{folder}: several images of one name, the text belongs to one: {first_of(double)}")
    pairs = [(name, texts.get(stem)) for stem, name in stems.items()]
    return Contents([name for name, _ in pairs], [text for _, text in pairs], FilesFetch(folder, tuple(names)))
