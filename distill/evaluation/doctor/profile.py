"""How the sources differ: why one part of the lines may be harder than another, in a row of numbers each."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from distill.data.documents import document_of
from distill.data.formats.contents import counted
from distill.data.lines import Lines
from distill.evaluation.doctor.doubts import Doubts
from distill.evaluation.doctor.findings import Finding, about
from distill.evaluation.doctor.pictures import Pictures


@dataclass(frozen=True)
class Profile:
    """One real source in one part; medians of its pictures, means of its labels."""

    part: str
    source: str
    lines: int
    labelled: int
    characters: float | None  # of a label
    seen_labels: float | None  # share of the labels that a real training line has too, in whatever case
    height_px: float
    aspect_per_character: float | None  # width / height / characters
    contrast: float  # grey levels
    read_exactly: float | None  # share of the labels that were read that the teacher reads


def profiles(pictures: Mapping[str, Pictures], doubts: Mapping[str, Doubts]) -> list[Profile]:
    """Return a row for every real source of every part; `pictures` are those of all real lines."""
    known = {text.casefold() for text in pictures["train"].lines.texts if text}
    exact = {doubt.key: doubt.exact for part in doubts.values() for doubt in part.doubts}
    return [
        _profile(part, source, looked_at, known if part != "train" else None, exact)
        for part, looked_at in pictures.items()
        for source in sorted(set(looked_at.lines.sources))
    ]


def _profile(part: str, source: str, looked_at: Pictures, known: set[str] | None, exact: Mapping[str, bool]) -> Profile:
    lines = looked_at.lines
    rows = np.flatnonzero([s == source for s in lines.sources])
    labels = {i: text for i in rows.tolist() if (text := lines.texts[i])}
    aspects = looked_at.width_px / looked_at.height_px
    return Profile(
        part,
        source,
        len(rows),
        sum(lines.texts[i] is not None for i in rows),
        _middle(np.mean, [len(text) for text in labels.values()]),
        None if known is None else _middle(np.mean, [text.casefold() in known for text in labels.values()]),
        float(np.median(looked_at.height_px[rows])),
        _middle(np.median, [aspects[i] / len(text) for i, text in labels.items()]),
        float(np.median(looked_at.contrast[rows])),
        _middle(np.mean, [exact[lines.keys[i]] for i in labels if lines.keys[i] in exact]),
    )


def _middle(of: Callable[[list[float]], np.floating], values: list[float]) -> float | None:
    return round(float(of(values)), 4) if values else None


def shared_documents(parts: Mapping[str, Lines], document: str) -> list[Finding]:
    """Return notes on documents that two parts share, where the expression of the cut finds them in the names."""
    pattern = re.compile(document)
    found = []
    for one, other in combinations(parts, 2):
        here, there = (_documents(parts[part], pattern) for part in (one, other))
        common = here.keys() & there.keys()
        lines = [(key, f"{key}: document {name}") for name in sorted(common) for key in there[name]]
        what = f"of {counted(len(common), 'document')} that {one} has too, by their names"
        advice = f"if equal names mean one document, scores on {other} are of documents that were seen in {one}"
        found += about("note", "documents", other, lines, what, advice)
    return found


def _documents(lines: Lines, pattern: re.Pattern[str]) -> dict[str, list[str]]:
    """Keys of the lines of each document."""
    documents: dict[str, list[str]] = {}
    for key, name in zip(lines.keys, lines.names, strict=True):
        if (document := document_of(pattern, name)) is not None:
            documents.setdefault(document, []).append(key)
    return documents
