"""A regular expression as an automaton over a charset: a plate matches its pattern, a meter reads five digits.

Read are characters, escapes (`\\d \\w \\s`, their capitals, and escaped punctuation), `.`, `[a-z]`, `[^a-z]`, `|`,
groups and `? * + {m} {m,} {m,n}`; they mean what they mean in Python's `re`. The pattern is always that of the whole
line. Anything else is an error that names it. The construction is that of Glushkov (1961), then subsets.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from typing_extensions import assert_never

from students.alignments import NEVER
from students.automaton import START, Automaton
from students.charset import Charset, normalise
from students.errors import DataError

MOST_POSITIONS = 1000
MOST_STATES = 5000
QUANTITY = re.compile(r"\{(\d+)(?:(,)(\d*))?\}")
SHORT = {"?": (0, 1), "*": (0, None), "+": (1, None)}


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


def pattern_automaton(pattern: str, charset: Charset) -> Automaton:
    """Return the automaton of all texts of the charset that the pattern matches as a whole.

    Raises `DataError` for what is not read here, for a character that the charset lacks, and for a pattern too large.
    """
    try:
        return _Positions(pattern, _Parser(pattern, charset).parsed(), charset.n_classes).automaton()
    except RecursionError:
        raise _too_large(pattern) from None


def _too_large(pattern: str) -> DataError:
    return DataError(f"pattern {pattern!r}: too large once its groups and repetitions are written out")


class _Parser:
    """Recursive descent over the pattern."""

    def __init__(self, pattern: str, charset: Charset) -> None:
        self.pattern, self.charset = normalise(pattern), charset
        self.at = 0

    def parsed(self) -> Node:
        """Return the tree of the whole pattern; raises `DataError` for what is not read."""
        node = self._either()
        if self.at < len(self.pattern):
            raise self._error("')' without its '('")
        return node

    def _error(self, what: str) -> DataError:
        return DataError(f"pattern {self.pattern!r}, character {self.at + 1}: {what}")

    def _next(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def _either(self) -> Node:
        parts = [self._joined()]
        while self._next() == "|":
            self.at += 1
            parts.append(self._joined())
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _joined(self) -> Node:
        parts: list[Node] = []
        while self._next() not in ("", "|", ")"):
            parts.append(self._repeated(self._one()))
        return Joined(tuple(parts))

    def _repeated(self, part: Node) -> Node:
        least: int
        most: int | None
        if self._next() in SHORT and self._next():
            least, most = SHORT[self._next()]
            self.at += 1
        elif found := QUANTITY.match(self.pattern, self.at):
            least = int(found[1])
            most = least if not found[2] else int(found[3]) if found[3] else None
            if most is not None and most < least:
                raise self._error(f"{found[0]} asks for at least {least} and at most {most}")
            self.at = found.end()
        else:
            return part
        if self._next() in ("?", "*", "+", "{") and self._next():
            raise self._error(f"{self._next()!r} behind a repetition is not read here")
        return Repeated(part, least, most)

    def _one(self) -> Node:
        c = self._next()
        if c == "(":
            return self._group()
        if c == "[":
            return self._set()
        if c in "?*+{":
            raise self._error(f"{c!r} has nothing before it to repeat")
        if c in "^$":
            raise self._error(f"{c!r}: the pattern is always that of the whole line; leave it out, or write \\{c}")
        self.at += 1
        if c == ".":
            return Symbol(self._where(lambda _: True, "'.'"))
        if c == "\\":
            _, classes = self._escaped()
            return Symbol(classes)
        return Symbol(self._where(lambda other: other == c, repr(c)))

    def _group(self) -> Node:
        if self.pattern.startswith("(?:", self.at):
            self.at += 3
        elif self.pattern.startswith("(?", self.at):
            raise self._error(f"{self.pattern[self.at : self.at + 3]!r} is not read here")
        else:
            self.at += 1
        node = self._either()
        if self._next() != ")":
            raise self._error("a '(' is not closed")
        self.at += 1
        return node

    def _escaped(self) -> tuple[str | None, frozenset[int]]:
        """The character that an escape stands for (None: several), and its classes."""
        c = self._next()
        self.at += 1
        if c and c in "dDwWsS":
            return None, self._where(lambda other: re.match(f"\\{c}", other) is not None, f"\\{c}")
        if not c or c.isalnum():
            self.at -= 1
            raise self._error(f"the escape \\{c} is not read here")
        return c, self._where(lambda other: other == c, repr(c))

    def _set(self) -> Node:
        start = self.at
        self.at += 1
        inverted = self._next() == "^"
        self.at += inverted
        allowed: set[int] = set()
        first = True
        while first or self._next() != "]":
            if not self._next():
                self.at = start
                raise self._error("a '[' is not closed")
            allowed |= self._part_of_set()
            first = False
        self.at += 1
        if inverted:
            allowed = set(range(1, self.charset.n_classes)) - allowed
        if not allowed:
            raise self._error(f"the charset of the model has no character of {self.pattern[start : self.at]}")
        return Symbol(frozenset(allowed))

    def _part_of_set(self) -> frozenset[int]:
        """A character, an escape or a range; what the charset lacks of it is left to the set."""
        low, classes = self._in_set()
        if not (self._next() == "-" and self.pattern[self.at + 1 : self.at + 2] not in ("]", "")):
            return classes
        self.at += 1
        high, _ = self._in_set()
        if low is None or high is None or high < low:
            raise self._error(f"a range cannot lead from {low or 'an escape'!r} to {high or 'an escape'!r}")
        return self._where(lambda other: low <= other <= high)

    def _in_set(self) -> tuple[str | None, frozenset[int]]:
        c = self._next()
        self.at += 1
        if c == "\\":
            c = self._next()
            if c and not c.isalnum():
                self.at += 1
            else:
                return self._escaped()
        return c, self._where(lambda other: other == c)

    def _where(self, meant: Callable[[str], bool], name: str | None = None) -> frozenset[int]:
        """The classes of the characters that are meant; with a name at least one must be in the charset."""
        found = frozenset(number for number, c in enumerate(self.charset.characters, 1) if meant(c))
        if name and not found:
            raise self._error(f"the charset of the model has no {name}")
        return found


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
                    raise _too_large(self.pattern)
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
            raise _too_large(self.pattern)
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
                raise _too_large(self.pattern)
        ends = [bool(state & self.last) or (START in state and self.may_be_empty) for state in waiting]
        edges = {
            number * self.n_classes + c: target
            for number, of_state in enumerate(moves)
            for c, target in of_state.items()
        }
        return Automaton(self.n_classes, edges, [0.0 if end else NEVER for end in ends])
