"""A character n-gram model: how likely a text is as text. `distill lm` makes one of a text file.

Interpolated Witten-Bell smoothing (Witten and Bell 1991; Chen and Goodman 1999, section 2.6): with n(h) the uses of a
context h, d(h) its different continuations and h' the context without its first symbol,
P(c | h) = (n(hc) + d(h) P(c | h')) / (n(h) + d(h)); below the empty context all symbols are equally likely.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from math import log
from pathlib import Path

import numpy as np

from students import direction
from students.charset import Charset, normalise
from students.errors import DataError
from students.model_file import FORMAT_VERSION, read_signed, write_signed

BEGIN, END, UNKNOWN = 0, 1, 2  # then the characters
FIRST_CHARACTER = 3
HIGHEST_ORDER = 12
KIND = "n-grams"
KINDS = (KIND, "language")  # the latter of 0.1.0, whose files have all numbers in 64 bits
FLAGS = {"visual": "drawn", "caseless": "caseless"}  # of a model, and their names in its file
MOST_KEPT = 2**18  # contexts, or log-probabilities, that are remembered at a time
Context = tuple[int, ...]  # symbols, oldest first, order - 1 of them
Followed = tuple[dict[int, int], int]


@dataclass(frozen=True, eq=False)
class CharacterModel:
    """Counts of all n-grams of the highest order, lines being padded with BEGIN: lower orders follow from them.

    An n-gram is a number with the symbols as its digits; `grams_G` is sorted. `visual`: lines with right-to-left
    letters were counted in visual order, which is how a recogniser writes them (`drawn` in files). `caseless`: small
    letters stand for capitals, too.
    """

    characters: str
    order: int
    grams_G: np.ndarray
    counts_G: np.ndarray
    visual: bool = False
    caseless: bool = False

    @property
    def n_symbols(self) -> int:
        """Return the number of symbols: the characters and those with a meaning of their own."""
        return FIRST_CHARACTER + len(self.characters)

    @cached_property
    def tables(self) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
        """Return the sorted n-grams and counts of every order from 1 on."""
        found = [(self.grams_G, self.counts_G)]
        for order in range(self.order - 1, 0, -1):
            grams, counts = found[0]
            shorter, where = np.unique(grams % self.n_symbols**order, return_inverse=True)
            found.insert(0, (shorter, np.bincount(where, counts).astype(np.int64)))
        return tuple(found)

    def probability(self, context: Context, symbol: int) -> float:
        """Return P(symbol | context); BEGIN has none."""
        p = 1 / (self.n_symbols - 1) if symbol != BEGIN else 0.0
        for length in range(min(len(context) + 1, self.order)):
            if followed := self._followed(context[len(context) - length :]):
                counts, total = followed
                p = (p * len(counts) + counts.get(symbol, 0)) / (total + len(counts))
        return p

    def _followed(self, context: Context) -> Followed | None:
        """The symbols that followed a context, how often each and all together; None where none did."""
        if context not in self._known:
            if len(self._known) >= MOST_KEPT:
                self._known.clear()
            grams, counts = self.tables[len(context)]
            first = 0
            for symbol in context:
                first = (first + symbol) * self.n_symbols
            low, high = np.searchsorted(grams, [first, first + self.n_symbols])
            seen = counts[low:high].tolist()
            by_symbol = dict(zip((grams[low:high] - first).tolist(), seen, strict=True))
            self._known[context] = (by_symbol, sum(seen)) if seen else None
        return self._known[context]

    @cached_property
    def _known(self) -> dict[Context, Followed | None]:
        return {}


def count_text(lines: Iterable[str], order: int, caseless: bool = False) -> CharacterModel:
    """Count the lines of a text: NFC, runs of white space as one space, empty lines left out.

    `caseless` counts capitals as small letters: a third of the n-grams where words begin with a capital or are all
    capitals as often as not. Lines with right-to-left letters are counted in visual order. Raises `DataError` where
    nothing is left, for an order too high for so many different characters, or where python-bidi is needed and missing.
    """
    texts = [text for line in lines if (text := " ".join(normalise(line.lower() if caseless else line).split()))]
    if not texts:
        raise DataError("the text has no line with anything on it")
    if visual := any(map(direction.runs_right_to_left, texts)):
        texts = [direction.to_visual(text).text if direction.needs_reordering(text) else text for text in texts]
    characters = "".join(sorted(set().union(*texts)))
    n_symbols = FIRST_CHARACTER + len(characters)
    if not 1 <= order <= HIGHEST_ORDER or n_symbols**order >= 2**63:
        highest = min(HIGHEST_ORDER, int(63 * np.log(2) / np.log(n_symbols)))
        raise DataError(f"order {order}: with {len(characters)} different characters it may be 1 to {highest}")
    number_of = {c: FIRST_CHARACTER + i for i, c in enumerate(characters)}
    padded = [[BEGIN] * (order - 1) + [number_of[c] for c in text] + [END] for text in texts]
    symbols = np.array([symbol for text in padded for symbol in text], np.int64)
    windows = np.lib.stride_tricks.sliding_window_view(symbols, order)
    windows = windows[windows[:, -1] != BEGIN]  # nor any that reaches over the end of a line
    grams_G, counts_G = np.unique(windows @ n_symbols ** np.arange(order - 1, -1, -1), return_counts=True)
    return CharacterModel(characters, order, grams_G, counts_G, visual, caseless)


def write_language(path: Path, model: CharacterModel) -> str:
    """Write a safetensors file, verified as a model file is; return its SHA-256. Equal texts give equal bytes."""
    contents = {"format_version": FORMAT_VERSION, "kind": KIND, "characters": model.characters, "order": model.order}
    contents |= {name: True for flag, name in FLAGS.items() if getattr(model, flag)}
    arrays = {"grams": model.grams_G, "counts": model.counts_G}
    return write_signed(path, contents, {name: a.astype(np.min_scalar_type(a.max())) for name, a in arrays.items()})


def read_language(path: Path) -> CharacterModel:
    """Read a model. Raises `CheckpointError` for a damaged file, `DataError` for one that holds no language model."""
    contents, arrays = read_signed(path)
    if contents.get("kind") not in KINDS:
        raise DataError(f"{path}: holds no language model that this release reads; `distill lm` writes them")
    grams_G, counts_G = (arrays[name].astype(np.int64) for name in ("grams", "counts"))
    flags = {flag: contents.get(name, False) for flag, name in FLAGS.items()}
    return CharacterModel(contents["characters"], contents["order"], grams_G, counts_G, **flags)


@dataclass(frozen=True, eq=False)
class Language:
    """A language model as a decoder of one charset takes it: log-probabilities times `weight`.

    A character that the model's text never had is UNKNOWN to it: unlikely, not forbidden.
    """

    model: CharacterModel
    symbol_of_C: tuple[int, ...]
    weight: float
    known: dict[tuple[Context, int], float] = field(default_factory=dict)

    @property
    def start(self) -> Context:
        """Return the context of the first character."""
        return (BEGIN,) * (self.model.order - 1)

    def after(self, context: Context, c: int) -> Context:
        """Return the context behind one more class."""
        return (*context, self.symbol_of_C[c])[1:] if self.model.order > 1 else ()

    def log_p(self, context: Context, c: int) -> float:
        """Return weight * log P(class | context)."""
        return self._weighed(context, self.symbol_of_C[c])

    def log_p_end(self, context: Context) -> float:
        """Return weight * log P(the line ends | context)."""
        return self._weighed(context, END)

    def _weighed(self, context: Context, symbol: int) -> float:
        """One symbol at a time: a search asks for few, and there may be thousands."""
        key = context, symbol
        if key not in self.known:
            if len(self.known) >= MOST_KEPT:
                self.known.clear()
            self.known[key] = self.weight * log(self.model.probability(context, symbol))
        return self.known[key]


def language_for(model: CharacterModel, charset: Charset, weight: float, name: str = "the language model") -> Language:
    """Return the model for a charset; raises `DataError` where they share no character, or order lines differently."""
    number_of = {c: FIRST_CHARACTER + i for i, c in enumerate(model.characters)}
    counted = [c.lower() if model.caseless else c for c in charset.characters]
    if not set(counted) & (set(number_of) - {" "}):
        raise DataError(f"{name}: its text has none of the characters that the recogniser writes")
    if charset.runs_right_to_left and direction.runs_right_to_left(model.characters):
        if model.visual and charset.order == "logical":
            raise DataError(
                f"{name}: counts right-to-left lines as they are drawn, and the model writes them otherwise"
            )
        if not model.visual and charset.order == "visual":
            raise DataError(f"{name}: counts right-to-left lines as they are stored; make it anew with `distill lm`")
    return Language(model, (BEGIN, *(number_of.get(c, UNKNOWN) for c in counted)), weight)
