"""Which shipped teacher reads lines like these already: its weights are a better beginning than none."""

from __future__ import annotations

import unicodedata

import numpy as np

import teachers
from distill.data.labels import LabelForm, fold_label
from distill.proposing.proposal import Beginning
from distill.proposing.survey import Survey
from students.errors import DataError
from students.model_file import read_description
from teachers.shipped import shipped_teachers

TRIED = 120  # lines
ENOUGH = 0.4  # share of them that it reads


def readings_of(lines: Survey, form: LabelForm) -> dict[str, float]:
    """Return the share of some labelled lines that each shipped teacher reads, white space and the form left out."""
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
    for name in shipped_teachers():
        readings = teachers.load(name).read_each(list(pictures))
        right = [
            not isinstance(reading, DataError) and _bare(reading.text, form) == _bare(text, form)
            for reading, text in zip(readings, texts, strict=True)
        ]
        found[name] = sum(right) / len(right) if right else 0.0
    return found


def best_beginning(shares: dict[str, float]) -> Beginning | None:
    """Return the teacher that reads most, if it reads enough; None where none does."""
    best = max(shares, key=lambda name: shares[name], default=None)
    if best is None or shares[best] < ENOUGH:
        return None
    return Beginning(best, read_description(shipped_teachers()[best]).architecture)


def _bare(text: str, form: LabelForm) -> str:
    return "".join(fold_label(unicodedata.normalize("NFC", text), form).split())
