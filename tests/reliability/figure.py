"""What a figure of RELIABILITY.md is, and the sections of that page."""

from __future__ import annotations

from dataclasses import dataclass

INTERRUPTION = "Interruption"
FILES = "Files"
PROCESSES = "Processes and order"
NUMBERS = "Numbers"
INPUT = "Hostile input"
INSTALLATION = "Installation"
TESTS = "The tests themselves"


@dataclass(frozen=True)
class Figure:
    """One figure. `number` is its place in the page; `claim` says what must hold in the trials, of each kind in a share
    of at least `least` of them.
    """

    number: int
    name: str
    section: str
    title: str
    claim: str
    tests: tuple[str, ...]
    few: int = 0
    many: int = 0
    least: float = 1.0

    @property
    def file(self) -> str:
        """Return the name of the file that holds its record."""
        return f"{self.number:02d}-{self.name}.json"
