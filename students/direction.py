"""The two orders of a line: logical, as its text is stored, and visual, as the picture shows it from left to right.

CTC learns the order of the picture. The Unicode bidirectional algorithm (UAX 9), by python-bidi, leads from the logical
to the visual order. The way back is no part of it: `to_logical` looks for a text of that visual order. Combining marks
go where their letter goes, and stand behind it in both orders. Text without right-to-left letters and numbers needs
none of this.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from students.errors import DataError

Direction = Literal["L", "R"]
RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})  # classes of UAX 9: letters, Arabic letters, Arabic numbers
TO_THE: dict[str, Direction] = {"L": "L", "R": "R", "AL": "R"}  # what a letter says of the direction of its line
WITH_THE_LETTER_BEFORE = frozenset({"NSM", "BN"})  # combining marks; joiners and others without a width
DIRECTION_MARKS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
TAG, N_TAGS = 0xE0020, 95  # tag characters: the algorithm takes no notice of them (rule X9)
WITHOUT_WIDTH = "\u200b"  # of the same class as tag characters, and none of them
END = "\U000e01ef"  # a combining mark that keeps the last number where its character is (rules W1, L1)
ARABIC_DIGIT = "\u0660"
STEPS = 8


class Reordered(NamedTuple):
    """A text in the other order, and where each of its characters stood before."""

    text: str
    places: tuple[int, ...]


def runs_right_to_left(text: str) -> bool:
    """Return whether any character runs from right to left: only then the two orders may differ."""
    if text.isascii():
        return False
    return any(unicodedata.bidirectional(c) in RIGHT_TO_LEFT and c not in DIRECTION_MARKS for c in text)


def needs_reordering(text: str) -> bool:
    """Return whether the visual order may be another one, or the text holds direction marks, which no picture shows."""
    return runs_right_to_left(text) or not DIRECTION_MARKS.isdisjoint(text)


def to_visual(text: str) -> Reordered:
    """Return a stored text in visual order; its base direction is that of its first strong letter.

    Brackets that are mirrored are those that the picture shows. Direction marks count, and are left out. Raises
    `DataError` where python-bidi is missing.
    """
    clusters = _clusters(text)
    order = _visual_order([cluster.base for cluster in clusters], None)
    return _joined((clusters[i], runs_left) for i, runs_left in order if clusters[i].base not in DIRECTION_MARKS)


def to_logical(visual: str, base: Direction | None = None) -> Reordered:
    """Return a text that has this visual order.

    Several may be. A line with letters of both directions may run either way: it then runs in the `base` direction, or
    as most of its letters do, to the left where they are equally many. Of texts in one direction it is the one in which
    Latin words and the numbers beside them are one run. Where no text has that order, which a reader may write all
    the same, it is the first that was tried. Raises `DataError` where python-bidi is missing.
    """
    clusters = _clusters(visual)
    glyphs = [cluster.base for cluster in clusters]
    first, *others = _directions(glyphs, base)
    found = _logical_order(glyphs, first)
    for other in others:
        if not found.exact and (better := _logical_order(glyphs, other)).exact:
            found = better
    return _joined((clusters[i], runs_left) for i, runs_left in found.order)


def base_of(texts: Iterable[str]) -> Direction | None:
    """Return the direction that most of the lines have whose letters run both ways.

    None where the direction of most letters of each line is more often the right one: that of its first letter.
    """
    firsts = Counter[Direction]()
    n_otherwise = 0
    for text in texts:
        directions = [TO_THE[c] for c in map(unicodedata.bidirectional, text) if c in TO_THE]
        if len(set(directions)) > 1:
            firsts[directions[0]] += 1
            n_otherwise += directions[0] != _directions(text, None)[0]
    if n_otherwise <= min(firsts["L"], firsts["R"]):
        return None
    return "R" if firsts["R"] >= firsts["L"] else "L"


@lru_cache(maxsize=4096)
def mirrored(character: str) -> str:
    """Return the counterpart of a bracket or another mirrored character; any other as it is."""
    if not unicodedata.mirrored(character):
        return character
    from bidi.mirror import MIRRORED

    return MIRRORED.get(character, character)


def require_library() -> None:
    """Raise `DataError` that says what to install, where python-bidi is missing."""
    _library()


@lru_cache(maxsize=1)
def _library() -> Callable[..., str]:
    try:
        from bidi import get_display
    except ImportError as error:
        raise DataError(
            "right-to-left text needs python-bidi, which is not installed: pip install 'crnn-distill[bidi]'"
        ) from error
    return get_display


class _Cluster(NamedTuple):
    """A character with the marks behind it, and where it stands."""

    text: str
    place: int

    @property
    def base(self) -> str:
        """Return the character that decides where the cluster goes."""
        return self.text[0]


def _clusters(text: str) -> list[_Cluster]:
    clusters: list[_Cluster] = []
    for place, c in enumerate(text):
        if clusters and unicodedata.bidirectional(c) in WITH_THE_LETTER_BEFORE:
            clusters[-1] = clusters[-1]._replace(text=clusters[-1].text + c)
        else:
            clusters.append(_Cluster(c, place))
    return clusters


def _joined(clusters: Iterable[tuple[_Cluster, bool]]) -> Reordered:
    """The clusters, one behind the other; those that run to the left with their mirror image."""
    text, places = "", list[int]()
    for cluster, runs_left in clusters:
        text += mirrored(cluster.base) + cluster.text[1:] if runs_left else cluster.text
        places += range(cluster.place, cluster.place + len(cluster.text))
    return Reordered(text, tuple(places))


class _Found(NamedTuple):
    """Glyphs in logical order, each with whether it runs to the left; `exact`: their visual order is as they stand."""

    order: list[tuple[int, bool]]
    exact: bool


def _logical_order(glyphs: Sequence[str], direction: Direction) -> _Found:
    """The order of a text in a line of that direction: begun from the glyphs, or with their digits as Arabic ones.

    Behind Arabic letters all digits are ordered as those are (rule W2); in the glyphs these letters stand behind them.
    """
    found = _logical_order_from(glyphs, glyphs, direction)
    if not found.exact and any(unicodedata.bidirectional(glyph) == "AL" for glyph in glyphs):
        arabic = [ARABIC_DIGIT if unicodedata.bidirectional(glyph) == "EN" else glyph for glyph in glyphs]
        found = max(found, _logical_order_from(glyphs, arabic, direction), key=lambda each: each.exact)
    return found


def _logical_order_from(glyphs: Sequence[str], begin: Sequence[str], direction: Direction) -> _Found:
    """The order of a text in a line of that direction.

    The algorithm is nearly its own inverse: on a text in visual order it gives a first one. The visual order of that is
    undone on the glyphs, which gives the next, until the visual order of a text is that of the glyphs.
    """
    order = _visual_order(begin, direction)
    for _ in range(STEPS):
        text = [mirrored(glyphs[i]) if runs_left else glyphs[i] for i, runs_left in order]
        visual = _visual_order(text, direction)
        undone = sorted((index, place, runs_left) for place, (index, runs_left) in enumerate(visual))
        again = [(place, runs_left) for _, place, runs_left in undone]
        if again == order:
            return _Found(order, visual == _visual_order(text, None))
        order = again
    return _Found(order, False)


def _directions(glyphs: Sequence[str], base: Direction | None) -> tuple[Direction, ...]:
    """The directions that a line of these glyphs may have: first the base direction, or that of most letters."""
    classes = [unicodedata.bidirectional(glyph) for glyph in glyphs]
    n_left, n_right = classes.count("R") + classes.count("AL"), classes.count("L")
    if not n_left:
        return ("L",)
    if not n_right:
        return ("R",)
    return ("R", "L") if base == "R" or (base is None and n_left >= n_right) else ("L", "R")


def _visual_order(characters: Sequence[str], direction: Direction | None) -> list[tuple[int, bool]]:
    """The numbers of the characters in visual order, and whether each runs to the left.

    The library returns the text in that order, not the order. So each character has its number behind it, in two tag
    characters; they come out before it, the other way round, where it runs to the left.
    """
    if len(characters) > N_TAGS**2:
        raise DataError(f"a line of {len(characters)} characters, {''.join(characters[:20])!r}...: too long to be one")
    bases = (WITHOUT_WIDTH if unicodedata.bidirectional(c) == "BN" else c for c in characters)
    numbered = "".join(map(str.__add__, bases, _numbers(len(characters)))) + END
    shown = _library()(numbered, base_dir=direction).replace(END, "")
    order = []
    for start in range(0, len(shown), 3):
        chunk = shown[start : start + 3]
        runs_left = ord(chunk[0]) in range(TAG, TAG + N_TAGS)
        high, low = ord(chunk[1]) - TAG, ord(chunk[0 if runs_left else 2]) - TAG
        order.append((high * N_TAGS + low, runs_left))
    return order


@lru_cache(maxsize=64)
def _numbers(n: int) -> list[str]:
    """The numbers from 0 to n - 1, in two tag characters each."""
    return [chr(TAG + i // N_TAGS) + chr(TAG + i % N_TAGS) for i in range(n)]
