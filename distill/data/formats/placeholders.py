"""What PaddleOCR's programs write in the place of a text: such lines are unlabelled."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from distill.data.formats.label_files import Row
from distill.data.formats.notes import Notes

ILLEGIBLE = "###"
NOT_TO_READ = (ILLEGIBLE, "*")  # as PaddleOCR's training takes them
NOT_READ_YET = ("TEMPORARY", "待识别")  # as PPOCRLabel writes until a text is typed
LISTS, CROPS = ("rec_gt*.txt", "label.txt"), "crop_img/"  # of PaddleOCR and PPOCRLabel, and where that puts its crops


def meaning_of(text: str) -> str:
    """Return what a placeholder says of its line; empty for a text that is none."""
    stripped = text.strip()
    if is_not_to_read(text):
        return f"marked by {stripped}"
    return f"with PPOCRLabel's {stripped}, no text typed yet" if stripped in NOT_READ_YET else ""


def is_not_to_read(text: str) -> bool:
    """Return whether PaddleOCR's training leaves out a line with this text."""
    return text.strip() in NOT_TO_READ


def is_illegible(text: str | None, line: str, notes: Notes, marks: Sequence[str] = (ILLEGIBLE,)) -> bool:
    """Return whether a text says, as many formats do, that its line cannot be read; such a line is added to `notes`."""
    mark = "" if text is None else text.strip()
    if mark in marks:
        notes.add(f"lines marked by {mark}, taken as unlabelled", line)
    return mark in marks


def read_texts(file: str, where: str, rows: Sequence[Row]) -> list[str | None]:
    """Return the texts of the rows of a label file; those of PaddleOCR's lists that are placeholders become None.

    They are counted in a warning. In other files they may be texts, and stay.
    """
    of_paddle = any(PurePosixPath(file.lower()).match(name) for name in LISTS)
    notes, texts = Notes(), list[str | None]()
    for row in rows:
        meaning = meaning_of(row.text or "") if of_paddle or row.name.startswith(CROPS) else ""
        texts.append(None if meaning else row.text)
        if meaning:
            notes.add(f"lines {meaning}, taken as unlabelled", row.name)
    notes.say(where)
    return texts
