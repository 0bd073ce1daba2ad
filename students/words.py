"""A word list as an automaton: every word of a line is one of the list, or costs a penalty.

Words are as the list writes them, capitals included. Between them stand white space, punctuation and symbols of the
charset; where a listed word has such a character inside, it belongs to the word.
"""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from students.alignments import NEVER
from students.automaton import START, Automaton
from students.charset import Charset, normalise
from students.encodings import saved_as_utf8
from students.errors import DataError

log = logging.getLogger(__name__)


def word_automaton(words: Iterable[str], charset: Charset, penalty: float | None = None) -> Automaton:
    """Return the automaton of lines of listed words; with a `penalty` (nats a word) others are allowed too.

    Words that the charset cannot write are counted in a warning; `DataError` if none is left.
    """
    listed = sorted({normalise(word.strip()) for word in words} - {""})
    usable = [word for word in listed if not charset.missing(word)]
    if not usable:
        none = f"of the {len(listed)} words of the list the charset of the model can write none: {listed[:5]}"
        raise DataError(none if listed else "the word list is empty")
    if n_lost := len(listed) - len(usable):
        lost = next(word for word in listed if charset.missing(word))
        reason = "the charset of the model lacks a character, as of"
        log.warning("%d of %d words cannot be read: %s %r", n_lost, len(listed), reason, lost)
    edges: dict[int, int] = {}
    ending = [0.0]
    unlisted = NEVER if penalty is None else -penalty
    for word in usable:
        state = START
        for c in charset.encode(word):
            key = state * charset.n_classes + c
            if key not in edges:
                edges[key] = len(ending)
                ending.append(unlisted)
            state = edges[key]
        ending[state] = 0.0
    separators = frozenset(n for n, c in enumerate(charset.characters, 1) if unicodedata.category(c)[0] in "ZPS")
    otherwise = None
    if penalty is not None:
        otherwise = len(ending)
        ending.append(unlisted)
    return Automaton(charset.n_classes, edges, ending, separators, otherwise)


def read_words(path: Path) -> tuple[str, ...]:
    """Read a file with one word a line; raises `DataError` for one that cannot be read, or has none."""
    try:
        words = tuple(word for line in path.read_text("utf-8-sig").splitlines() if (word := line.strip()))
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 text (byte {error.start}); {saved_as_utf8(error)}") from error
    if not words:
        raise DataError(f"{path}: the word list is empty; write one word a line")
    return words
