"""What a check found: one frozen record for one kind of trouble in one part, however many lines it concerns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from distill.data.formats.contents import counted

SHOWN_KEYS = 5
Severity = Literal["problem", "note"]


@dataclass(frozen=True)
class Finding:
    """A problem stops the training or falsifies its results; a note is worth a look.

    `keys` names every line, `remarks` has a remark on each of them, `beside` holds the other line of each pair;
    both are empty or as long as `keys`.
    """

    severity: Severity
    kind: str
    part: str
    message: str
    keys: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    advice: str = ""

    def __str__(self) -> str:
        shown = self.remarks or self.keys
        first = f"; {_first(shown)}" if shown else ""
        return f"{self.part}: {self.message}{first}"


def about(
    severity: Severity, kind: str, part: str, lines: Sequence[tuple[str, str]], what: str, advice: str
) -> list[Finding]:
    """Return one finding on all `lines`, pairs of key and remark; none where there are no lines."""
    if not lines:
        return []
    keys, remarks = zip(*lines, strict=True)
    return [Finding(severity, kind, part, f"{counted(len(keys), 'line')}: {what}", keys, remarks, (), advice)]


def _first(shown: Sequence[str]) -> str:
    return ("the first: " if len(shown) > SHOWN_KEYS else "") + "; ".join(shown[:SHOWN_KEYS])
