"""The tree of a regular expression over classes, and the automaton that it means.

The construction is that of Glushkov (1961), then subsets. `pattern.py` makes trees.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from typing_extensions import assert_never

from students.alignments import NEVER
from students.automaton import START, Automaton
from students.errors import DataError

MOST_POSITIONS = 1000
MOST_STATES = 5000


@dataclass(frozen=True)
class Symbol:
    """Any one of these classes."""

    classes: frozenset[int]


@dataclass(frozen=True)
class Joined:
    """The parts, one behind the other."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Either:
    """One of the parts."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Repeated:
    """The part, at least and at most so many times; `most` None: any number of times."""

    part: Node
    least: int
    most: int | None


Node = Symbol | Joined | Either | Repeated


def automaton_of(node: Node, pattern: str, n_classes: int) -> Automaton:
    """Return the automaton of all texts that the tree of a pattern matches; raises `DataError` for one too large."""
    try:
        return _Positions(pattern, node, n_classes).automaton()
    except RecursionError:
        raise too_large(pattern) from None


def too_large(pattern: str) -> DataError:
    """Return what is said of a pattern with too many positions, states or levels."""
    return DataError(f"pattern {pattern!r}: too large once its groups and repetitions are written out")


class _Positions:
    """Every symbol of the written-out pattern is a position; `follow` holds which may come behind it."""

    def __init__(self, pattern: str, node: Node, n_classes: int) -> None:
        self.pattern, self.n_classes = pattern, n_classes
        self.classes: list[frozenset[int]] = [frozenset()]  # position 0 is the start
        self.follow: list[set[int]] = [set()]
        self.may_be_empty, first, self.last = self._added(node)
        self.follow[0] = first

    def _added(self, node: Node) -> tuple[bool, set[int], set[int]]:
        """Whether the node matches the empty text, and the positions it may begin and end with."""
        match node:
            case Symbol():
                if len(self.classes) > MOST_POSITIONS:
                    raise too_large(self.pattern)
                self.classes.append(node.classes)
                self.follow.append(set())
                return False, {len(self.classes) - 1}, {len(self.classes) - 1}
            case Joined():
                return self._chained([lambda p=part: self._added(p) for part in node.parts])  # type: ignore[misc]
            case Either():
                empty, first, last = zip(*(self._added(part) for part in node.parts), strict=True)
                return any(empty), set().union(*first), set().union(*last)
            case Repeated():
                return self._written_out(node)
            case _:
                assert_never(node)

    def _written_out(self, node: Repeated) -> tuple[bool, set[int], set[int]]:
        """m copies, then n - m that may be missing, or one that loops."""

        def optional() -> tuple[bool, set[int], set[int]]:
            _, first, last = self._added(node.part)
            return True, first, last

        def looping() -> tuple[bool, set[int], set[int]]:
            _, first, last = self._added(node.part)
            for position in last:
                self.follow[position] |= first
            return True, first, last

        if max(node.least, node.most or 0) > MOST_POSITIONS:
            raise too_large(self.pattern)
        behind = [looping] if node.most is None else [optional] * (node.most - node.least)
        return self._chained([lambda: self._added(node.part)] * node.least + behind)

    def _chained(self, makers: list[Callable[[], tuple[bool, set[int], set[int]]]]) -> tuple[bool, set[int], set[int]]:
        empty, first, last = True, set[int](), set[int]()
        for make in makers:
            part_empty, part_first, part_last = make()
            for position in last:
                self.follow[position] |= part_first
            first = first | part_first if empty else first
            last = last | part_last if part_empty else part_last
            empty = empty and part_empty
        return empty, first, last

    def automaton(self) -> Automaton:
        """Return the automaton whose states are sets of positions, without those that lead nowhere."""
        numbers = {frozenset({0}): START}
        moves: list[dict[int, int]] = []
        waiting = [frozenset({0})]
        for state in waiting:
            after: dict[int, set[int]] = {}
            for position in set().union(*(self.follow[p] for p in state)):
                for c in self.classes[position]:
                    after.setdefault(c, set()).add(position)
            targets = {c: frozenset(positions) for c, positions in sorted(after.items())}
            for target in targets.values():
                if target not in numbers:
                    numbers[target] = len(numbers)
                    waiting.append(target)
            moves.append({c: numbers[target] for c, target in targets.items()})
            if len(numbers) > MOST_STATES:
                raise too_large(self.pattern)
        ends = [bool(state & self.last) or (START in state and self.may_be_empty) for state in waiting]
        edges = {
            number * self.n_classes + c: target
            for number, of_state in enumerate(moves)
            for c, target in of_state.items()
        }
        return Automaton(self.n_classes, edges, [0.0 if end else NEVER for end in ends])
