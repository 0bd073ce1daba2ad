"""Rendered words, read with a foreign model under one guess or another: what no file says shows in the texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from rapidfuzz.distance import Levenshtein

from distill.adoption.dictionary import Classes
from distill.adoption.foreign import Foreign
from distill.adoption.settings import LEAST_PROBABILITY, ForeignPixels, Kind
from distill.adoption.shape import Shape, run_lines
from distill.synthesis.fonts import find_faces
from distill.synthesis.language import no_language
from students.alignments import text_log_probabilities

WORDS = (
    *("Total", "invoice", "48.90", "receipt", "2019", "change", "Amount", "thank", "31/12", "number", "Hotel", "7350"),
    *("bread", "coffee", "Street", "kg", "Monday", "16:45"),
)
LETTER_PX = 34
MARGIN_PX = 8
LEAST_WAY = 4  # frames by which a line must be able to move
IMPOSSIBLE = -20.0  # nats a character
LOOKS = (("black", "white"), ("#404040", "#b0b0b0"), ("white", "#303030"))  # letters and paper: levels matter in two


@dataclass(frozen=True)
class Trial:
    """How rendered words were read: the share of wrong characters, and log P(word) a character, in nats."""

    cer: float
    likelihood: float
    texts: tuple[str, ...]


@lru_cache
def pictures() -> tuple[tuple[str, np.ndarray], ...]:
    """Return the words as uint8 (H, W, 3), black on white, grey on grey and white on dark."""
    face = find_faces(("dejavu-sans",), "".join(WORDS))[0]
    font = ImageFont.truetype(str(face.path), LETTER_PX)
    return tuple((word, _rendered(word, font, *LOOKS[i % len(LOOKS)])) for i, word in enumerate(WORDS))


def _rendered(word: str, font: ImageFont.FreeTypeFont, ink: str, paper: str) -> np.ndarray:
    ascent, descent = font.getmetrics()
    language = no_language(font)
    size = (round(font.getlength(word, language=language)) + 2 * MARGIN_PX, ascent + descent + MARGIN_PX)
    picture = Image.new("RGB", size, paper)
    ImageDraw.Draw(picture).text((MARGIN_PX, MARGIN_PX // 2), word, font=font, fill=ink, language=language)
    return np.asarray(picture)


def scores_of(foreign: Foreign, shape: Shape, pixels: ForeignPixels, images: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return scores (T, C) of every picture, each line alone."""
    prepared = (pixels.given(pixels.preparation.prepare(image)[None]) for image in images)
    return [run_lines(foreign, shape, images_1CHW)[0] for images_1CHW in prepared]


def moved_along(
    foreign: Foreign, shape: Shape, pixels: ForeignPixels, images: Sequence[np.ndarray], blank: int
) -> float | None:
    """Return how far the first frame with a character moves when a line moves to the end of a picture of fixed width.

    As a share of the way that the line moves, the median of all lines; None where no line leaves room to move.
    """
    preparation, shares = pixels.preparation, []
    for image in images:
        left_CHW = preparation.prepare(image)
        way_px = left_CHW.shape[2] - preparation.scaled_width_px(*image.shape[:2])
        if way_px < LEAST_WAY * shape.frame_px:
            continue
        both = [pixels.given(each[None]) for each in (left_CHW, np.roll(left_CHW, way_px, axis=2))]
        written = [run_lines(foreign, shape, each)[0].argmax(axis=1) != blank for each in both]
        if all(each_T.any() for each_T in written):
            before, after = (int(each_T.argmax()) for each_T in written)
            shares.append((after - before) * shape.frame_px / way_px)
    return float(np.median(shares)) if shares else None


def greedy_text(scores_TC: np.ndarray, classes: Classes) -> str:
    """Return the greedy text of a foreign model's scores, in the foreign order of classes."""
    best_T = scores_TC.argmax(axis=1)
    begins_T = np.append(True, best_T[1:] != best_T[:-1])
    return "".join(classes.character_of[c] or "" for c in best_T[begins_T] if c != classes.blank)


def tried(scores: Sequence[np.ndarray], kind: Kind, classes: Classes, words: Sequence[str] = WORDS) -> Trial:
    """Return how far readings are from the words, in whatever case; words beyond the charset do not count.

    Texts hardly change with the scale of the levels; the likelihood of the right word does.
    """
    class_of = {c: i for i, c in enumerate(classes.character_of) if c is not None}
    edits = characters = 0
    likelihoods, texts = [], []
    for scores_TC, word in zip(scores, words, strict=True):
        text = greedy_text(scores_TC, classes)
        texts.append(text)
        ways = [[class_of[c] for c in way] for way in (word, word.lower(), word.upper()) if set(way) <= class_of.keys()]
        if ways:
            edits += min(len(word), Levenshtein.distance(text.lower().replace(" ", ""), word.lower()))
            characters += len(word)
            log_p_TC = log_posteriors(scores_TC, kind)
            likelihoods.append(max(_log_probability(log_p_TC, way, classes.blank) for way in ways) / len(word))
    return Trial(edits / max(1, characters), float(np.mean(likelihoods or [0.0])), tuple(texts))


def _log_probability(log_p_TC: np.ndarray, word: Sequence[int], blank: int) -> float:
    """log P(word) over all alignments, no less than one impossible character would make it."""
    some_TC = log_p_TC[:, [blank, *word]]  # the word's own classes, renumbered: equal characters keep one number
    numbers = [1 + word.index(c) for c in word]
    return max(IMPOSSIBLE * len(word), float(text_log_probabilities(some_TC[None], [numbers])[0]))


def log_posteriors(scores: np.ndarray, kind: Kind) -> np.ndarray:
    """Return natural logarithms of the posteriors behind scores (..., C)."""
    match kind:
        case "probabilities":
            return np.asarray(np.log(np.maximum(scores, LEAST_PROBABILITY)))
        case "log_probabilities":
            return scores
        case "logits":
            shifted = scores - scores.max(axis=-1, keepdims=True)
            return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


def blank_of(scores: Sequence[np.ndarray]) -> tuple[dict[str, float], int]:
    """Return the shares of frames on which the first and the last class are best, and the class that is most often."""
    best = np.concatenate([scores_TC.argmax(axis=1) for scores_TC in scores])
    last = scores[0].shape[1] - 1
    counts = np.bincount(best, minlength=last + 1)
    return {"first": counts[0] / len(best), "last": counts[last] / len(best)}, int(counts.argmax())
