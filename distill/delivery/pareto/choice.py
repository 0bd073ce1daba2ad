"""Which of several files to take: exact lines against lines a second and bytes, for a target."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

SIZES = ("small", "medium", "large")
KINDS = (
    *(f"{{kind: {kind}, size: {size}}}" for kind in ("recurrent", "convolutional") for size in SIZES),
    "{kind: reparameterised}",
)
SIZES_AND_KINDS = f"student.model={','.join(KINDS)}"  # what is compared where no --over says otherwise


class Target(NamedTuple):
    """What a student has to reach: a share of exact lines, lines a second on this machine; None: anything will do."""

    exact: float | None = None
    lines_a_second: float | None = None


@dataclass(frozen=True)
class Candidate:
    """One file: the setting it comes from, what it reads with a 95 % interval, its speed and its size.

    `mean_of_seeds`: what the students of all seeds read in the comparison, on average.
    """

    setting: str
    path: str
    exact: float
    low: float
    high: float
    mean_of_seeds: float
    lines_a_second: float
    bytes: int

    def beats(self, other: Candidate) -> bool:
        """Return whether it is nowhere worse than another and somewhere better."""
        own, theirs = ((c.exact, c.lines_a_second, -c.bytes) for c in (self, other))
        return own != theirs and all(a >= b for a, b in zip(own, theirs, strict=True))

    def reaches(self, target: Target) -> bool:
        """Return whether it reads as much and as fast as is asked."""
        return self.exact >= (target.exact or 0) and self.lines_a_second >= (target.lines_a_second or 0)


def frontier(candidates: Mapping[str, Candidate]) -> list[str]:
    """Return the names of the candidates that no other beats."""
    return [name for name, c in candidates.items() if not any(other.beats(c) for other in candidates.values())]


def choice(candidates: Mapping[str, Candidate], target: Target) -> tuple[str | None, str]:
    """Return which candidate to take for a target, if one reaches it, and a sentence on why.

    Of those that reach it, the one that reads most; where no speed is asked for, the fastest. Of equals
    the faster, then the smaller file.
    """
    if target == Target():
        return None, "No target is given, so none is chosen: name one with --at-least, --lines-a-second or both."
    there = {name: c for name, c in candidates.items() if c.reaches(target)}
    if not there:
        return None, f"None of the {len(candidates)} {in_words(target)}. {' '.join(_nearest(candidates, target))}"
    if target.lines_a_second is None:
        name = max(there, key=lambda n: (there[n].lines_a_second, there[n].exact, -there[n].bytes))
        best = "it is the fastest"
    else:
        name = max(there, key=lambda n: (there[n].exact, there[n].lines_a_second, -there[n].bytes))
        best = "it reads most"
    why = f"Take {name}: of the {len(there)} of {len(candidates)} that {_plural(in_words(target))}, {best}."
    if target.exact is not None and there[name].low < target.exact:
        why += f" Its 95 % interval begins at {there[name].low:.1%}: on other lines it may read less than asked."
    return name, why


def _nearest(candidates: Mapping[str, Candidate], target: Target) -> Iterator[str]:
    """What comes near where nothing reaches a target: the fastest that reads enough, the best that is fast enough."""
    enough = [n for n, c in candidates.items() if c.reaches(target._replace(lines_a_second=None))]
    fast = [n for n, c in candidates.items() if c.reaches(target._replace(exact=None))]
    if target.exact is not None:
        name = max(enough, key=lambda n: candidates[n].lines_a_second) if enough else None
        most = max(candidates, key=lambda n: candidates[n].exact)
        if name:
            yield f"The fastest that reads enough is {name}, with {candidates[name].lines_a_second:,.0f} lines/s."
        else:
            yield f"The most is read by {most}: {candidates[most].exact:.1%}."
    if target.lines_a_second is not None:
        name = max(fast, key=lambda n: candidates[n].exact) if fast else None
        fastest = max(candidates, key=lambda n: candidates[n].lines_a_second)
        if name:
            yield f"Of those that are fast enough {name} reads most, {candidates[name].exact:.1%}."
        else:
            yield f"The fastest is {fastest}: {candidates[fastest].lines_a_second:,.0f} lines/s."


def in_words(target: Target) -> str:
    """Return what is asked, as `reads at least 90.0% at 2,000 lines/s or more`."""
    parts = []
    if target.exact is not None:
        parts.append(f"at least {target.exact:.1%} of the lines")
    if target.lines_a_second is not None:
        parts.append(f"{target.lines_a_second:,.0f} lines/s or more")
    return "reads " + " at ".join(parts)


def _plural(words: str) -> str:
    return words.replace("reads ", "read ", 1)
