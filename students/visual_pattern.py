"""A pattern of stored text, for a recogniser whose classes stand in visual order.

All the texts that a pattern matches, in visual order, are no regular language. `VisualPattern.rules` accept lines that
run to the left, reversed part by part, and lines with nothing in them that does; `fits` has the last word on a whole
text.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from typing_extensions import assert_never

from students import direction
from students.automaton import Automaton
from students.charset import Charset, class_numbers
from students.glushkov import Either, Joined, Node, Repeated, Symbol, automaton_of
from students.pattern import parsed

TO_THE_RIGHT = frozenset({"L", "EN", "AN"})  # classes of UAX 9: letters and numbers whose order is that of the picture
TO_THE_LEFT = frozenset({"R", "AL"})
WITH_NUMBERS = frozenset({"ES", "CS", "ET"})  # signs, separators and units, which numbers keep beside them


@dataclass(frozen=True)
class VisualPattern:
    """Automata over the classes of a charset in visual order, and what decides on a whole text.

    `rules` hold most texts that match, in visual order; `alphabet` any text of the characters of the pattern.
    """

    rules: Automaton
    alphabet: Automaton
    fits: Callable[[Sequence[int]], bool]


def visual_pattern(pattern: str, charset: Charset) -> VisualPattern:
    """Return a pattern for a charset in visual order; raises `DataError` as `pattern_automaton` does."""
    stored = Charset(characters=charset.writable)  # the classes of the charset are the first of these
    node = parsed(pattern, stored)
    matching = automaton_of(node, pattern, stored.n_classes)
    number = class_numbers(stored.characters)
    reordering = _Reordering(stored.characters, charset.n_classes)
    visual = Either((reordering.right_to_left(node), reordering.left_to_right(node)))
    letters = Repeated(Symbol(reordering.visual_classes(reordering.classes_of(node))), 0, None)

    def fits(classes: Sequence[int]) -> bool:
        return matching.accepts([number[c] for c in charset.decode(classes)])

    return VisualPattern(
        automaton_of(visual, pattern, charset.n_classes), automaton_of(letters, pattern, charset.n_classes), fits
    )


@dataclass(frozen=True)
class _Reordering:
    """Brings trees in logical order, over the classes of `characters`, into visual order, over the first of them."""

    characters: str
    n_classes: int

    def right_to_left(self, node: Node) -> Node:
        """Return the tree as it stands in a line that runs to the left."""
        match node:
            case Symbol():
                return Symbol(self.visual_classes(node.classes))
            case Either():
                return Either(tuple(map(self.right_to_left, node.parts)))
            case Repeated():
                if self._keeps_its_order(node):
                    return self.left_to_right(node)
                return Repeated(self.right_to_left(node.part), node.least, node.most)
            case Joined():
                runs = self._runs(_flat(node))
                return Joined(
                    tuple(self.left_to_right(run) if kept else self.right_to_left(run) for run, kept in reversed(runs))
                )
            case _:
                assert_never(node)

    def left_to_right(self, node: Node) -> Node:
        """Return the tree without the characters that run to the left: of the rest both orders are one."""
        match node:
            case Symbol():
                return Symbol(frozenset(c for c in node.classes if c < self.n_classes and not self._runs_left(c)))
            case Either():
                return Either(tuple(map(self.left_to_right, node.parts)))
            case Repeated():
                return Repeated(self.left_to_right(node.part), node.least, node.most)
            case Joined():
                return Joined(tuple(map(self.left_to_right, node.parts)))
            case _:
                assert_never(node)

    def classes_of(self, node: Node) -> frozenset[int]:
        """Return the classes that any symbol of the tree has."""
        match node:
            case Symbol():
                return node.classes
            case Repeated():
                return self.classes_of(node.part)
            case Either() | Joined():
                return frozenset[int]().union(*map(self.classes_of, node.parts))
            case _:
                assert_never(node)

    def visual_classes(self, classes: frozenset[int]) -> frozenset[int]:
        """Return the classes with brackets and their counterparts, as the charset of the model has them."""
        characters = {self.characters[c - 1] for c in classes}
        shown = characters | {direction.mirrored(c) for c in characters}
        return frozenset(i for i, c in enumerate(self.characters[: self.n_classes - 1], 1) if c in shown)

    def _runs(self, parts: Sequence[Node]) -> list[tuple[Node, bool]]:
        """The parts, those that stand in one run to the right together, and whether they do."""
        runs: list[tuple[Node, bool]] = []
        for i, part in enumerate(parts):
            kept = self._keeps_its_order(part) or (0 < i < len(parts) - 1 and self._links(*parts[i - 1 : i + 2]))
            if kept and runs and runs[-1][1]:
                part = Joined((runs.pop()[0], part))
            runs.append((part, kept))
        return runs

    def _runs_left(self, c: int) -> bool:
        return unicodedata.bidirectional(self.characters[c - 1]) in TO_THE_LEFT

    def _kinds(self, node: Node) -> set[str]:
        return {unicodedata.bidirectional(self.characters[c - 1]) for c in self.classes_of(node)}

    def _keeps_its_order(self, node: Node) -> bool:
        """Whether it is a word or a number that stands from left to right in any line."""
        kinds = self._kinds(node)
        return bool(kinds & TO_THE_RIGHT) and kinds <= TO_THE_RIGHT | WITH_NUMBERS

    def _links(self, before: Node, node: Node, behind: Node) -> bool:
        """Whether what stands between two such runs belongs to them: a separator in a number, or a space in a name."""
        if not (self._keeps_its_order(before) and self._keeps_its_order(behind)):
            return False
        if self._kinds(before) & {"L"}:
            return self._kinds(node).isdisjoint(TO_THE_LEFT)
        return self._kinds(node) <= WITH_NUMBERS and "L" not in self._kinds(behind)


def _flat(node: Joined) -> list[Node]:
    return [each for part in node.parts for each in (_flat(part) if isinstance(part, Joined) else [part])]
