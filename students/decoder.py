"""The decoder that the settings mean: a function from the posteriors of lines to their readings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np
from typing_extensions import assert_never

from students.alignments import NEVER, best_alignment, text_log_probabilities
from students.automaton import best_text
from students.beam import Guide, Prefix, prefix_beam_search
from students.charset import BLANK, Charset, class_numbers, normalise
from students.decoding_settings import DIGITS, Beam, Greedy
from students.direction import require_library
from students.errors import DataError
from students.greedy import collapse, greedy
from students.language import language_for, read_language
from students.pattern import pattern_automaton
from students.reading import Reading, reading_of, runs_on
from students.shipped import find_language
from students.visual_pattern import visual_pattern
from students.words import word_automaton

Decoder = Callable[[np.ndarray], list[Reading]]
FEW_ARCS = 20_000
IGNORED_BELOW = 1e-3
WIDE = 64  # prefixes that are kept where a pattern is only seen to fit once a text is whole


class Search(NamedTuple):
    """What leads a beam search, and how many prefixes it keeps."""

    guide: Guide
    width: int


def decoder_of(decoding: Greedy | Beam, charset: Charset, review_below: float = 0.0) -> Decoder:
    """Return a function from log-posteriors (N, T, C) of lines with equal frames, all of them valid, to readings.

    A reading asks for review where its confidence is below `review_below`. Raises `DataError` for settings that the
    charset cannot follow, and where python-bidi is missing for a charset in visual order.
    """
    if not isinstance(decoding, Greedy | Beam):  # such as a word, from Python
        raise DataError(f"decoding {decoding!r}: is one of students.Greedy(...) and students.Beam(...)")
    if not 0 <= review_below <= 1:
        raise DataError(f"review_below {review_below:g}: is a confidence, between 0 and 1")
    if charset.order == "visual":
        require_library()
    mask_C = _mask(decoding.alphabet, charset)
    match decoding:
        case Greedy():
            return lambda log_p_NTC: greedy(_masked(log_p_NTC, mask_C), charset, review_below)
        case Beam():
            searches = _searches(decoding, charset)
            read = partial(_read_by_beam, charset=charset, beam=decoding, searches=searches, review_below=review_below)
            return lambda log_p_NTC: [read(log_p_TC) for log_p_TC in _masked(log_p_NTC, mask_C)]
        case _:
            assert_never(decoding)


def _masked(log_p_NTC: np.ndarray, mask_C: np.ndarray | None) -> np.ndarray:
    return log_p_NTC if mask_C is None else log_p_NTC + mask_C


def _mask(alphabet: str | None, charset: Charset) -> np.ndarray | None:
    """0 for the blank and what may be read, -inf for the rest: the posteriors that stay are not scaled up."""
    if alphabet is None:
        return None
    mask_C = np.zeros(charset.n_classes, np.float32)
    wanted = "".join(c for c in charset.characters if c.isdecimal()) if alphabet == DIGITS else alphabet
    if not wanted:
        raise DataError(f"alphabet {alphabet!r}: the charset of the model has none of it")
    wanted = normalise(wanted)
    if missing := sorted(set(wanted) - set(charset.characters)):
        raise DataError(f"alphabet {alphabet!r}: the charset of the model lacks {missing}")
    mask_C[1:] = NEVER
    mask_C[[BLANK, *map(class_numbers(charset.characters).__getitem__, wanted)]] = 0.0
    return mask_C


def _searches(beam: Beam, charset: Charset) -> list[Search]:
    """What to search with, in turn, until something is found."""
    width = max(beam.width, beam.n_best)
    language = None
    if beam.language is not None:
        model = read_language(find_language(beam.language))
        language = language_for(model, charset, beam.language_weight, beam.language)
    guide = Guide(None, language, beam.length_bonus if language else 0.0)
    if beam.words is not None:
        rules = word_automaton(beam.words, charset, beam.unlisted_word_penalty)
        return [Search(replace(guide, rules=rules), width)]
    if beam.pattern is None:
        return [Search(guide, width)]
    if charset.order == "logical":
        return [Search(replace(guide, rules=pattern_automaton(beam.pattern, charset)), width)]
    visual = visual_pattern(beam.pattern, charset)
    wide = max(width, WIDE)
    return [Search(replace(guide, rules=rules, fits=visual.fits), wide) for rules in (visual.rules, visual.alphabet)]


def _read_by_beam(
    log_p_TC: np.ndarray, *, charset: Charset, beam: Beam, searches: Sequence[Search], review_below: float
) -> Reading:
    """The best that the first search with any result finds; nothing where no text has any probability."""
    for search in searches:
        if ranked := _ranked(log_p_TC, search):
            best, confidence = ranked[0]
            written = runs_on(log_p_TC, best, best_alignment(log_p_TC, best))
            others = _alternatives(ranked[: beam.n_best], charset)
            return reading_of(written, charset, confidence, len(log_p_TC), others, review_below)
    return Reading("", 0.0, review=True, frames=len(log_p_TC))


def _ranked(log_p_TC: np.ndarray, search: Search) -> list[tuple[Prefix, float]]:
    """The texts of the beam and of the best path with their exact probabilities, the best first."""
    guide = search.guide
    found = [text for text, _ in prefix_beam_search(log_p_TC, search.width, IGNORED_BELOW, guide)]
    allowed = {text: weight for text in found if (weight := guide.weight_of(text)) > NEVER}
    allowed |= _on_the_best_path(log_p_TC, guide, sought=not allowed)
    texts: Sequence[Prefix] = sorted(allowed)
    log_p_N = text_log_probabilities(np.broadcast_to(log_p_TC, (len(texts), *log_p_TC.shape)), texts)
    order = np.argsort(-(log_p_N + np.array([allowed[text] for text in texts])), kind="stable")
    return [(texts[i], float(np.exp(log_p_N[i]))) for i in order.tolist() if log_p_N[i] > NEVER]


def _alternatives(ranked: Sequence[tuple[Prefix, float]], charset: Charset) -> list[tuple[str, float]]:
    """All texts but the first; where two of different visual order are stored alike, with the sum of both."""
    texts: dict[str, float] = {}
    for classes, p in ranked:
        text = charset.decode(classes)
        texts[text] = texts.get(text, 0.0) + p
    return list(texts.items())[1:]


def _on_the_best_path(log_p_TC: np.ndarray, guide: Guide, sought: bool) -> dict[Prefix, float]:
    """The text of the likeliest alignment that the rules allow, with its weight: what the beam may have dropped.

    Where the rules do not allow the likeliest of all, and are many, it is looked for only where it is `sought`: where
    the beam found nothing.
    """
    rules = guide.rules
    likeliest = tuple(collapse(log_p_TC.argmax(axis=1)))
    if rules is None or rules.otherwise is not None:
        weight = guide.weight_of(likeliest)
        return {likeliest: weight} if weight > NEVER else {}
    text: Prefix | None = None
    if rules.accepts(likeliest):
        text = likeliest
    elif sought or len(rules.lattice.place_A) <= FEW_ARCS:
        text = best_text(log_p_TC, rules)
    # rules without `otherwise` weigh nothing, and `step` does not know all texts that they accept
    if text is None or (weight := replace(guide, rules=None).weight_of(text)) == NEVER:
        return {}
    return {text: weight}
