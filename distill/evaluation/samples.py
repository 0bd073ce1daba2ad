"""Which test lines a report shows as pictures: `sample_pages.py` shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from distill.evaluation.metrics import Compared
from distill.seeds import seed_of

SHOWN = 12
SHOWN_DIFFERING = 20


def samples_of(roles: Mapping[str, Sequence[Compared]], seed: int) -> dict[str, list[str]]:
    """Return the keys of the lines to show: `worst` of the last role, `random`, and `differing` of the last two roles.

    `roles` holds the same lines in the same order for every role.
    """
    *_, other, student = roles.values()
    return {"worst": worst(student), "random": at_random(student, seed), "differing": differing(other, student)}


def worst(student: Sequence[Compared]) -> list[str]:
    """Return the keys of lines with the most edits a character, of equal ones those with more edits first."""
    wrong = [line for line in student if not line.exact]
    wrong.sort(key=lambda line: (-line.edits / max(1, line.characters), -line.edits, line.truth.key))
    return [line.truth.key for line in wrong[:SHOWN]]


def at_random(lines: Sequence[Compared], seed: int) -> list[str]:
    """Return the keys of lines sampled by a seed, each line equally likely, in the order of the test."""
    generator = np.random.default_rng(seed_of("lines of a report", seed))
    chosen = generator.choice(len(lines), min(SHOWN, len(lines)), replace=False)
    return [lines[i].truth.key for i in sorted(chosen.tolist())]


def differing(other_role: Sequence[Compared], student: Sequence[Compared]) -> list[str]:
    """Return the keys of lines that one of two reads and the other does not, spread over the test."""
    found = [own.truth.key for other, own in zip(other_role, student, strict=True) if own.exact != other.exact]
    spread = np.linspace(0, len(found) - 1, min(SHOWN_DIFFERING, len(found))).round().astype(int)
    return [found[i] for i in spread]
