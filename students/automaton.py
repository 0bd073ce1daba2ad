"""What texts a decoder may write: a deterministic automaton over the classes of a charset, and the best path within it.

`pattern.py` makes one of a regular expression, `words.py` one of a word list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from students.alignments import NEVER
from students.charset import BLANK

START = 0


@dataclass(frozen=True)
class Automaton:
    """States 0 (where texts start) to S - 1. `edges[state * n_classes + c]` is the state after class c.

    `ending[state]` is the log-weight of a text that ends there, -inf where none may. Where no edge leads on, a class
    of `separators` goes back to the start, at the weight of ending there; any other class goes to the state
    `otherwise`, if there is one. A separator that has an edge too may do either: `accepts` and `best_text` know both
    ways, `step` takes the edge.
    """

    n_classes: int
    edges: Mapping[int, int]
    ending: Sequence[float]
    separators: frozenset[int] = frozenset()
    otherwise: int | None = None

    def step(self, state: int, c: int) -> tuple[int, float] | None:
        """Return the state after class c and the log-weight of the step; None where c may not follow."""
        target = self.edges.get(state * self.n_classes + c)
        if target is not None:
            return target, 0.0
        if c in self.separators:
            return (START, self.ending[state]) if self.ending[state] > NEVER else None
        return None if self.otherwise is None else (self.otherwise, 0.0)

    def accepts(self, text: Sequence[int]) -> bool:
        """Return whether the text is among those that `best_text` chooses from."""
        states = {START}
        for c in text:
            after = {target for state in states if (target := self.edges.get(state * self.n_classes + c)) is not None}
            if c in self.separators and any(self.ending[state] > NEVER for state in states):
                after.add(START)
            states = after
        return any(self.ending[state] > NEVER for state in states)

    @cached_property
    def lattice(self) -> Lattice:
        """Return the automaton as CTC walks through it."""
        return _lattice(self)


class Lattice(NamedTuple):
    """The automaton as CTC walks through it. A node is a state together with the class that led there; a place is a
    state, or the one place (the last) that joins all states where a word may end. Arcs lead from places to nodes.
    """

    class_M: np.ndarray  # of every node
    state_M: np.ndarray
    place_A: np.ndarray  # of every arc, sorted by node
    arcs_from_M: np.ndarray  # where the arcs of a node begin
    member_K: np.ndarray  # the nodes of one place after the other
    held_H: np.ndarray  # the places that hold any
    members_from_H: np.ndarray  # where the nodes of each of them begin
    starts: tuple[int, ...]  # places that a text starts in
    n_places: int


def _lattice(automaton: Automaton) -> Lattice:
    n_states, n_classes = len(automaton.ending), automaton.n_classes
    keys_A = np.fromiter(automaton.edges.keys(), np.int64, len(automaton.edges))
    targets_A = np.fromiter(automaton.edges.values(), np.int64, len(automaton.edges))
    separators = np.array(sorted(automaton.separators), np.int64)
    place_A = np.concatenate([keys_A // n_classes, np.full(len(separators), n_states)])
    to_A = np.concatenate([targets_A * n_classes + keys_A % n_classes, START * n_classes + separators])
    order = np.argsort(to_A, kind="stable")
    nodes_M, arcs_from_M = np.unique(to_A[order], return_index=True)
    state_M, class_M = np.divmod(nodes_M, n_classes)
    ends_word_M = np.array(automaton.ending)[state_M] > NEVER
    within = np.flatnonzero(ends_word_M) if len(separators) else np.zeros(0, np.int64)
    member_K = np.concatenate([np.arange(len(nodes_M)), within])
    place_K = np.concatenate([state_M, np.full(len(within), n_states)])  # nodes are sorted by state, so places are
    held_H, members_from_H = np.unique(place_K, return_index=True)
    starts = (START, n_states) if len(separators) and automaton.ending[START] > NEVER else (START,)
    return Lattice(
        class_M, state_M, place_A[order], arcs_from_M, member_K, held_H, members_from_H, starts, n_states + 1
    )


def best_text(log_probabilities_TC: np.ndarray, automaton: Automaton) -> tuple[int, ...] | None:
    """Return the text of the likeliest alignment among the texts that the automaton accepts; None if none fits.

    Viterbi over (node | place followed by a blank). Weights and `otherwise` are not looked at.
    """
    lattice = automaton.lattice
    n_nodes = len(lattice.class_M)
    places = np.arange(lattice.n_places)
    node_M = np.full(n_nodes, NEVER)
    blank_P = np.full(lattice.n_places, NEVER)
    blank_P[list(lattice.starts)] = 0.0
    arc_class_A = np.repeat(lattice.class_M, _lengths(lattice.arcs_from_M, len(lattice.place_A)))
    back = []
    for log_p_C in np.asarray(log_probabilities_TC, np.float64):
        best_P, other_P = _two_best(node_M, lattice)
        best_is_same_A = (best_P[lattice.place_A] < n_nodes) & (
            lattice.class_M[np.minimum(best_P[lattice.place_A], n_nodes - 1)] == arc_class_A
        )
        from_A = np.where(best_is_same_A, other_P[lattice.place_A], best_P[lattice.place_A])
        padded = np.append(node_M, NEVER)
        written_A, blank_A = padded[from_A], blank_P[lattice.place_A]
        from_A = np.where(blank_A >= written_A, n_nodes + 1 + lattice.place_A, from_A)
        arc_M, entered_M = _best_of_runs(np.maximum(written_A, blank_A), lattice.arcs_from_M)
        node_back_M = np.where(node_M >= entered_M, np.arange(n_nodes), from_A[arc_M])
        written_P = padded[best_P]
        blank_back_P = np.where(blank_P >= written_P, n_nodes + 1 + places, best_P)
        back.append((node_back_M, blank_back_P))
        node_M = np.maximum(node_M, entered_M) + log_p_C[lattice.class_M]
        blank_P = np.maximum(blank_P, written_P) + log_p_C[BLANK]
    return _followed_back(back, node_M, blank_P, automaton)


def _two_best(node_M: np.ndarray, lattice: Lattice) -> tuple[np.ndarray, np.ndarray]:
    """Of every place the best node in it, and the best one of another class; M where there is none."""
    n_nodes = len(node_M)
    best_P, other_P = np.full((2, lattice.n_places), n_nodes)
    values_K = node_M[lattice.member_K]
    first_H, _ = _best_of_runs(values_K, lattice.members_from_H)
    best_P[lattice.held_H] = lattice.member_K[first_H]
    class_K = lattice.class_M[lattice.member_K]
    same_K = class_K == np.repeat(class_K[first_H], _lengths(lattice.members_from_H, len(values_K)))
    second_H, value_H = _best_of_runs(np.where(same_K, NEVER, values_K), lattice.members_from_H)
    other_P[lattice.held_H] = np.where(value_H > NEVER, lattice.member_K[second_H], n_nodes)
    return best_P, other_P


def _best_of_runs(values_A: np.ndarray, starts_M: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Position and value of the maximum of each run of values."""
    best_M = np.maximum.reduceat(values_A, starts_M)
    at_best = np.where(
        values_A == np.repeat(best_M, _lengths(starts_M, len(values_A))), np.arange(len(values_A)), len(values_A)
    )
    return np.minimum.reduceat(at_best, starts_M), best_M


def _lengths(starts_M: np.ndarray, n: int) -> np.ndarray:
    return np.diff(np.append(starts_M, n))


def _followed_back(
    back: Sequence[tuple[np.ndarray, np.ndarray]], node_M: np.ndarray, blank_P: np.ndarray, automaton: Automaton
) -> tuple[int, ...] | None:
    """The classes along the best path that ends where a text may end."""
    n_nodes, lattice = len(node_M), automaton.lattice
    may_end_S = np.array(automaton.ending) > NEVER
    node_ends_M = np.where(may_end_S[lattice.state_M], node_M, NEVER)
    blank_ends_S = np.where(may_end_S, blank_P[:-1], NEVER)
    if max(node_ends_M.max(initial=NEVER), blank_ends_S.max()) == NEVER:
        return None
    if node_ends_M.max(initial=NEVER) > blank_ends_S.max():
        now = int(node_ends_M.argmax())
    else:
        now = n_nodes + 1 + int(blank_ends_S.argmax())
    classes = []
    for node_back_M, blank_back_P in reversed(back):
        before = int(node_back_M[now] if now < n_nodes else blank_back_P[now - n_nodes - 1])
        if now < n_nodes and before != now:
            classes.append(int(lattice.class_M[now]))
        now = before
    return tuple(reversed(classes))
