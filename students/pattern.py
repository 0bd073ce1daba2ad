"""A regular expression as an automaton over a charset: a plate matches its pattern, a meter reads five digits.

Read are characters, escapes (`\\d \\w \\s`, their capitals, and escaped punctuation), `.`, `[a-z]`, `[^a-z]`, `|`,
groups and `? * + {m} {m,} {m,n}`; they mean what they mean in Python's `re`. The pattern is always that of the whole
line. Anything else is an error that names it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from students.automaton import Automaton
from students.charset import Charset, normalise
from students.errors import DataError
from students.glushkov import Either, Joined, Node, Repeated, Symbol, automaton_of, too_large

QUANTITY = re.compile(r"\{(\d+)(?:(,)(\d*))?\}")
SHORT = {"?": (0, 1), "*": (0, None), "+": (1, None)}


def pattern_automaton(pattern: str, charset: Charset) -> Automaton:
    """Return the automaton of all texts of the charset that the pattern matches as a whole.

    Raises `DataError` for what is not read here, for a character that the charset lacks, and for a pattern too large.
    """
    return automaton_of(parsed(pattern, charset), pattern, charset.n_classes)


def parsed(pattern: str, charset: Charset) -> Node:
    """Return the tree of a pattern over the classes of a charset; raises `DataError` as `pattern_automaton` does."""
    try:
        return _Parser(pattern, charset).parsed()
    except RecursionError:
        raise too_large(pattern) from None


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
