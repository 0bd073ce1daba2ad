"""Prefix beam search over CTC posteriors, led by what may be written and by what is likely to be written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from heapq import nlargest
from math import exp, inf, log, log1p
from typing import NamedTuple

import numpy as np

from students.alignments import NEVER
from students.automaton import START, Automaton
from students.charset import BLANK
from students.language import Language

Prefix = tuple[int, ...]
Beams = dict[Prefix, tuple[float, float]]  # log-probabilities of alignments that end in the blank, in the last class


class Standing(NamedTuple):
    """Where a prefix stands: its log-weight so far, the state of the rules, what the language model remembers."""

    weight: float
    state: int
    context: tuple[int, ...]


@dataclass(frozen=True)
class Guide:
    """score = log P(text | line) + weight; the weight has the rules, the language model and the length in it."""

    rules: Automaton | None = None
    language: Language | None = None
    length_bonus: float = 0.0
    fits: Callable[[Sequence[int]], bool] | None = None  # has the last word on a whole text

    @property
    def start(self) -> Standing:
        """Return the standing of the empty text."""
        return Standing(0.0, START, self.language.start if self.language else ())

    def extended(self, before: Standing, c: int) -> Standing | None:
        """Return the standing behind one more class; None where it may not follow."""
        weight, state, context = before
        weight += self.length_bonus
        if self.rules is not None:
            if (step := self.rules.step(state, c)) is None:
                return None
            state, cost = step
            weight += cost
        if self.language is not None:
            weight += self.language.log_p(context, c)
            context = self.language.after(context, c)
        return Standing(weight, state, context)

    def weight_of(self, text: Sequence[int]) -> float:
        """Return the weight of a whole text; -inf where the rules do not allow it."""
        standing: Standing | None = self.start
        for c in text:
            standing = self.extended(standing, c) if standing else None
        if standing is None or (self.fits is not None and not self.fits(text)):
            return NEVER
        weight = standing.weight + (self.language.log_p_end(standing.context) if self.language else 0.0)
        return weight + (self.rules.ending[standing.state] if self.rules else 0.0)


FREE = Guide()


def prefix_beam_search(
    log_probabilities_TC: np.ndarray,
    beam: int,
    ignored_below: float = 1e-4,
    guide: Guide = FREE,
    margin: float = inf,
) -> list[tuple[Prefix, float]]:
    """Return the likeliest texts, as classes, with log-probabilities summed over their alignments, best first.

    Prefix search (Hannun et al. 2014) that keeps the `beam` prefixes of the best score, and of those only the ones at
    most `margin` nats below the best; on a frame only classes of at least `ignored_below` extend them. Exact when
    nothing is dropped; else every log-probability is a lower bound. A guide may leave prefixes that the rules do not
    let end; it is for the caller to drop them.
    """
    beams: Beams = {(): (0.0, NEVER)}
    standings: dict[Prefix, Standing] = {(): guide.start}
    barred: set[Prefix] = set()
    least = log(ignored_below) if ignored_below else NEVER
    extends_TC = log_probabilities_TC >= least
    extends_TC[:, BLANK] = False
    for log_p_C, extending in zip(log_probabilities_TC, map(np.flatnonzero, extends_TC), strict=True):
        if not len(extending):  # as on most frames of a sharp network
            beams = _none_grown(beams, log_p_C)
            continue
        log_p_blank = log_p_C.item(BLANK)
        likely = [(c, log_p_C.item(c)) for c in extending.tolist()]
        grown: dict[Prefix, list[float]] = {}
        for prefix, (blank, written) in beams.items():
            both = log_add(blank, written)
            ends = grown.setdefault(prefix, [NEVER, NEVER])
            ends[0] = log_add(ends[0], log_p_blank + both)
            last = prefix[-1] if prefix else BLANK
            if prefix:
                ends[1] = log_add(ends[1], log_p_C.item(last) + written)
            for c, log_p in likely:
                longer = (*prefix, c)
                if longer not in standings and longer not in barred:
                    if standing := guide.extended(standings[prefix], c):
                        standings[longer] = standing
                    else:
                        barred.add(longer)
                if longer in standings:
                    ends = grown.setdefault(longer, [NEVER, NEVER])
                    ends[1] = log_add(ends[1], log_p + (blank if c == last else both))
        scores = {prefix: log_add(*ends) + standings[prefix].weight for prefix, ends in grown.items()}
        kept = nlargest(beam, scores, key=scores.__getitem__)
        least_score = scores[kept[0]] - margin if kept else NEVER
        beams = {prefix: (grown[prefix][0], grown[prefix][1]) for prefix in kept if scores[prefix] >= least_score}
    return [(prefix, total) for prefix, ends in beams.items() if (total := log_add(*ends)) > NEVER]


def _none_grown(beams: Beams, log_p_C: np.ndarray) -> Beams:
    """The prefixes after a frame on which none grows, and none is dropped."""
    log_p_blank = log_p_C.item(BLANK)
    return {
        prefix: (log_p_blank + log_add(*ends), log_p_C.item(prefix[-1]) + ends[1] if prefix else NEVER)
        for prefix, ends in beams.items()
    }


def log_add(a: float, b: float) -> float:
    """Return log(e^a + e^b)."""
    if a < b:
        a, b = b, a
    return a if b == NEVER else a + log1p(exp(b - a))
