"""Which shipped models read lines like these already: such a teacher teaches, such weights are a good beginning."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

import numpy as np

import students
import teachers
from distill.data.labels import LabelForm, fold_label
from distill.proposing.proposal import Beginning
from distill.proposing.survey import Survey
from students.errors import DataError
from students.reading import Reader
from students.shipped import PAGE_READERS, shipped_students
from teachers.shipped import shipped_teachers

TRIED = 120  # lines
ENOUGH = 0.4  # share of them that it reads, to begin with its weights
TEACHES = 0.9  # share of them that a teacher reads, to teach as it is


def teacher_readers() -> dict[str, Reader]:
    """Return the shipped teachers, opened, by their names."""
    return {name: teachers.load(name) for name in shipped_teachers()}


def student_readers() -> dict[str, Reader]:
    """Return the shipped students that read lines, opened, by their names."""
    return {name: students.load(name) for name in shipped_students().files if name not in PAGE_READERS}


def readings_of(lines: Survey, form: LabelForm, readers: Mapping[str, Reader]) -> dict[str, float]:
    """Return the share of some labelled lines that each of them reads, white space and the form left out."""
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
        right = [
            not isinstance(reading, DataError) and _bare(reading.text, form) == _bare(text, form)
            for reading, text in zip(readings, texts, strict=True)
        ]
        found[name] = sum(right) / len(right) if right else 0.0
    return found


def best_beginning(shares: Mapping[str, float], readers: Mapping[str, Reader]) -> Beginning | None:
    """Return the model that reads most, if it reads enough; None where none does."""
    best = max(shares, key=lambda name: shares[name], default=None)
    if best is None or shares[best] < ENOUGH:
        return None
    return Beginning(best, readers[best].description.architecture, finished=shares[best] >= TEACHES)


def told(shares: Mapping[str, float]) -> str:
    """Return the shares in words."""
    return ", ".join(f"{name} {share:.0%}" for name, share in shares.items()) or "none is installed"


def _bare(text: str, form: LabelForm) -> str:
    return "".join(fold_label(unicodedata.normalize("NFC", text), form).split())
