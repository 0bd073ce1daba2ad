"""Where a recogniser fails: by character, by length, by width of the line; and whether it fails as its teacher does.

Texts are compared as the protocol folds them, as everywhere in the report.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from rapidfuzz.distance import Levenshtein

from distill.data.formats.contents import counted
from distill.data.lines import Lines
from distill.evaluation.doctor.naming import named
from distill.evaluation.document import Block, Code, Heading, Paragraph, Table, Text
from distill.evaluation.metrics import Compared

MOST_BINS = 6
SHOWN_CHARACTERS = 12
SHOWN_READ_AS = 3
NOTHING = ""  # in the place of a character that is not there
Roles = Mapping[str, Sequence[Compared]]  # the same lines in the same order for every role


def breakdown(test: Lines, roles: Roles) -> dict[str, Any]:
    """Return the part of `report.json` on where a recogniser fails.

    `length` and `width_px` hold shares of exact lines, `character` the share of a character that is read right. Bins
    hold about equally many lines; every bin and character has its `n` and one share for each role. Of the last role
    `costly` names the characters that it misreads most often, with what it reads for them, and `errors` counts.
    """
    lines = next(iter(roles.values()))
    widths = dict(zip(test.keys, test.padded_width_px.tolist(), strict=True))
    exact = {role: np.array([line.exact for line in of_role], float) for role, of_role in roles.items()}
    return {
        "length": _binned(np.array([len(line.want) for line in lines]), exact),
        "width_px": _binned(np.array([widths[line.truth.key] for line in lines]), exact),
        **_by_character(roles),
    }


def agreement(teacher: Sequence[Compared], student: Sequence[Compared]) -> dict[str, float | int]:
    """Return how many lines the student misreads, and which shares of them the teacher misreads too, and alike."""
    wrong = [(t, s) for t, s in zip(teacher, student, strict=True) if not s.exact]
    n = len(wrong)
    return {
        "n": n,
        "teacher_wrong": sum(not t.exact for t, _ in wrong) / n if n else 0.0,
        "same_reading": sum(t.got == s.got for t, s in wrong) / n if n else 0.0,
    }


def page(
    found: Mapping[str, Any], agreed: Mapping[str, float | int] | None, names: Sequence[str], file: str = "report.json"
) -> list[Block]:
    """Return the part of the report on where recognisers fail; `agreed` is None without a teacher.

    `file` has every character.
    """
    parts: list[Block] = [Heading("Where they fail")]
    for title, key in (("characters of the line", "length"), ("padded width in px", "width_px")):
        parts.append(_table(title, [(f"{b['from']} to {b['to']}", b) for b in found[key]], names))
    parts += _costly(found, names, file)
    if agreed and agreed["n"]:
        parts.append(
            Paragraph(
                f"Of the {counted(int(agreed['n']), 'line')} that the distilled student reads wrongly the teacher "
                f"reads {agreed['teacher_wrong']:.0%} wrongly too, {agreed['same_reading']:.0%} with the same text."
            )
        )
    return parts


def _costly(found: Mapping[str, Any], names: Sequence[str], file: str) -> list[Block]:
    """The characters that the last role misreads most often, and how much of its errors they are."""
    errors, costly = found["errors"], found["costly"]
    rows: list[list[Text]] = []
    for c, one in costly.items():
        row = found["character"][c]
        read: list[Text] = []
        for other, n in one["read_as"].items():
            read += [", " if read else "", Code(named(other)) if other else "nothing", f" ({n:,})"]
        rows.append([Code(named(c)), read, f"{row['n']:,}", *(f"{row[role]:.1%}" for role in names)])
    if not rows:
        return [Paragraph(f"The {names[-1]} reads every character of the test lines.")]
    missed, different = sum(one["missed"] for one in costly.values()), len(found["character"])
    said = (
        f"The {names[-1]} misreads {errors['missed']:,} of {errors['characters']:,} characters and writes "
        f"{errors['extra']:,} that are not there. Of {different:,} different characters it always reads "
        f"{errors['always_read']:,}; the {len(costly)} that cost most are {missed / errors['missed']:.0%} of what it "
        f"misreads. {file} has all of them."
    )
    return [Paragraph(said), Table(["characters that cost most", "read as", "n", *names], rows, words=2)]


def _table(title: str, rows: Sequence[tuple[Text, Mapping[str, Any]]], names: Sequence[str]) -> Table:
    body = [[what, f"{row['n']:,}", *(f"{row[role]:.1%}" for role in names)] for what, row in rows]
    return Table([title, "n", *names], body)


def _binned(values_L: np.ndarray, exact: Mapping[str, np.ndarray]) -> list[dict[str, Any]]:
    """Bins between quantiles, so that each holds about as many lines; equal values share a bin."""
    edges = np.unique(np.quantile(values_L, np.linspace(0, 1, MOST_BINS + 1), method="lower"))
    bin_L = np.searchsorted(edges[1:-1], values_L, side="right") if len(edges) > 2 else np.zeros(len(values_L), int)
    rows = []
    for number in np.unique(bin_L):
        some = bin_L == number
        low, high = int(values_L[some].min()), int(values_L[some].max())
        row: dict[str, Any] = {"from": low, "to": high, "n": int(some.sum())}
        rows.append(row | {role: round(float(of_role[some].mean()), 6) for role, of_role in exact.items()})
    return rows


def _by_character(roles: Roles) -> dict[str, dict[str, Any]]:
    """Of every character of the truths: how often it occurs, and the share that is read as it is; and the costliest."""
    total = Counter(c for line in next(iter(roles.values())) for c in line.want)
    found: dict[str, dict[str, Any]] = {c: {"n": n} for c, n in sorted(total.items())}
    pairs: Counter[tuple[str, str]] = Counter()
    missed: Counter[str] = Counter()
    for role, of_role in roles.items():
        pairs = Counter(pair for line in of_role if not line.exact for pair in _misread(line))
        missed = Counter()
        for (want, _), n in pairs.items():
            missed[want] += n
        for c, n in total.items():
            found[c][role] = round(1 - missed[c] / n, 6)
    extra = missed.pop(NOTHING, 0)
    costly = sorted(missed.items(), key=lambda item: (-item[1], item[0]))[:SHOWN_CHARACTERS]
    return {
        "character": found,
        "costly": {c: {"missed": n, "read_as": _most_read(c, pairs)} for c, n in costly},
        "errors": {
            "characters": total.total(),
            "missed": missed.total(),
            "extra": extra,
            "always_read": len(total) - len(missed),
        },
    }


def _misread(line: Compared) -> Iterator[tuple[str, str]]:
    """Each character that is not read as it is, and what is read for it; nothing for one of them."""
    for edit in Levenshtein.editops(line.want, line.got):
        want = NOTHING if edit.tag == "insert" else line.want[edit.src_pos]
        yield want, NOTHING if edit.tag == "delete" else line.got[edit.dest_pos]


def _most_read(character: str, pairs: Mapping[tuple[str, str], int]) -> dict[str, int]:
    """What is read for a character most often."""
    read = [(n, other) for (want, other), n in pairs.items() if want == character]
    return {other: n for n, other in sorted(read, key=lambda item: (-item[0], item[1]))[:SHOWN_READ_AS]}
