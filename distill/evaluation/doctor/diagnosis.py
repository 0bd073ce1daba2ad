"""All that a check found, as one record; as plain data for `check.json`, and as a short table for a terminal."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from distill.data.lines import Lines
from distill.evaluation.doctor.doubts import Doubt
from distill.evaluation.doctor.findings import Finding, Severity
from distill.evaluation.doctor.pages.places import Place
from distill.evaluation.doctor.profile import Profile


@dataclass(frozen=True)
class Diagnosis:
    """All that is known of a recipe before it is trained."""

    findings: tuple[Finding, ...]
    parts: Mapping[str, Lines] = field(default_factory=dict)
    classes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    sources: tuple[Profile, ...] = ()
    suspicious: tuple[Doubt, ...] = ()
    pages: tuple[tuple[str, ...], ...] = ()  # of a recipe of pages: a row of numbers for each source, and their names
    places: Mapping[Finding, tuple[Place | None, ...]] = field(
        default_factory=dict
    )  # of pages: where to look, by finding
    place: str = ""  # of lines or pages without a recipe

    def of_place(self, place: Path) -> Diagnosis:
        """Return what was found, with the place that it was found at, from the root."""
        return replace(self, place=os.path.abspath(place))

    def of(self, severity: Severity) -> list[Finding]:
        """Return the findings of one severity."""
        return [finding for finding in self.findings if finding.severity == severity]

    def as_dict(self) -> dict[str, Any]:
        """Return `check.json`: `lines` of each part, `notes` and `problems` in words, and all findings in full.

        Without a recipe also the `place`.
        """
        of_place = {"place": self.place} if self.place else {}
        return of_place | {
            "lines": {part: len(lines) for part, lines in self.parts.items()},
            "notes": [str(finding) for finding in self.of("note")],
            "problems": [str(finding) for finding in self.of("problem")],
            "findings": [asdict(finding) for finding in self.findings],
            "sources": [asdict(profile) for profile in self.sources],
            "classes": self.classes,
            "suspicious": [asdict(doubt) for doubt in self.suspicious],
        }


def in_table(found: Diagnosis) -> str:
    """Return parts and findings as text, a row each, every finding with the remark on its first line."""
    blocks = []
    if found.parts:
        counts = [("", "lines", "labelled")]
        for part, lines in found.parts.items():
            counts.append((part, f"{len(lines):,}", f"{sum(text is not None for text in lines.texts):,}"))
        blocks.append(aligned(counts, right=(1, 2)))
    if found.pages:
        blocks.append(aligned(found.pages, right=range(2, len(found.pages[0]))))
    rows = []
    for finding in found.findings:
        first = f"; the first: {finding.remarks[0]}" if finding.remarks else ""
        rows.append((finding.severity, finding.part, finding.kind, finding.message + first))
    blocks.append(aligned(rows) if rows else "nothing found")
    n_problems, n_notes = len(found.of("problem")), len(found.of("note"))
    blocks.append(
        f"{n_problems or 'no'} problem{'s' * (n_problems != 1)}, {n_notes or 'no'} note{'s' * (n_notes != 1)}"
    )
    return "\n\n".join(blocks)


def aligned(rows: Sequence[tuple[str, ...]], right: Sequence[int] = ()) -> str:
    """Align columns to their widest cell; those named `right` to the right, the last one not at all."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
