"""Which shipped models read lines like these already: such a teacher teaches, such weights are a good beginning."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from rapidfuzz.distance import Levenshtein

import students
import teachers
from distill.data.labels import LabelForm, fold_label
from distill.proposing.survey import Survey
from distill.proposing.teaching import Beginning
from students.errors import DataError
from students.reader import Reader
from students.shipped import PAGE_READERS, shipped_students
from teachers.shipped import shipped_teachers

TRIED = 120  # lines
ENOUGH = 0.5  # share of their characters that it reads, to begin with its weights
TEACHES = 0.9  # share of whole lines that a teacher reads, to teach as it is


@dataclass(frozen=True)
class Accuracy:
    """The shares of some lines, and of their characters, that a model reads."""

    lines: float
    characters: float


def teacher_readers() -> dict[str, Reader]:
    """Return the shipped teachers, opened, by their names."""
    return {name: teachers.load(name) for name in shipped_teachers()}


def student_readers() -> dict[str, Reader]:
    """Return the shipped students that read lines, opened, by their names."""
    return {name: students.load(name) for name in shipped_students().files if name not in PAGE_READERS}


def readings_of(lines: Survey, form: LabelForm, readers: Mapping[str, Reader]) -> dict[str, Accuracy]:
    """Return the shares of some labelled lines that each of them reads, white space and the form left out."""
    rows = [row for row, text in enumerate(lines.texts) if text]
    rows = [rows[i] for i in np.unique(np.linspace(0, len(rows) - 1, min(TRIED, len(rows))).astype(int)).tolist()]
    pictures, texts = [], []
    for row in rows:
        try:
            pictures.append(lines.contents.fetch(row))
        except DataError:
            continue
        texts.append(lines.texts[row] or "")
    found = {}
    for name, reader in readers.items():
        readings = reader.read_each(list(pictures))
        pairs = [
            (_bare("" if isinstance(reading, DataError) else reading.text, form), _bare(text, form))
            for reading, text in zip(readings, texts, strict=True)
        ]
        found[name] = _accuracy(pairs)
    return found


def _accuracy(pairs: Sequence[tuple[str, str]]) -> Accuracy:
    """The shares of what was read that is as it was wanted."""
    if not pairs:
        return Accuracy(0.0, 0.0)
    edits = sum(Levenshtein.distance(read, wanted) for read, wanted in pairs)
    n = sum(len(wanted) for _, wanted in pairs)
    return Accuracy(sum(read == wanted for read, wanted in pairs) / len(pairs), max(0.0, 1 - edits / max(1, n)))


def best_beginning(shares: Mapping[str, Accuracy], readers: Mapping[str, Reader]) -> Beginning | None:
    """Return the model that reads most, if it reads enough; None where none does."""
    best = max(shares, key=lambda name: (shares[name].lines, shares[name].characters), default=None)
    if best is None or shares[best].characters < ENOUGH:
        return None
    return Beginning(best, readers[best].description, finished=shares[best].lines >= TEACHES)


def told(shares: Mapping[str, Accuracy]) -> str:
    """Return the shares in words."""
    each = (f"{name} {share.lines:.0%} and {share.characters:.0%} of the characters" for name, share in shares.items())
    return ", ".join(each) or "none is installed"


def _bare(text: str, form: LabelForm) -> str:
    return "".join(fold_label(unicodedata.normalize("NFC", text), form).split())
