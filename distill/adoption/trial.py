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
from distill.adoption.settings import Pixels
from distill.adoption.shape import Shape, run_lines
from distill.synthesis.fonts import find_faces

WORDS = (
    *("Total", "invoice", "48.90", "receipt", "2019", "change", "Amount", "thank", "31/12", "number", "Hotel", "7350"),
    *("bread", "coffee", "Street", "kg", "Monday", "16:45"),
)
LETTER_PX = 34
MARGIN_PX = 8
LOOKS = (("black", "white"), ("#404040", "#b0b0b0"), ("white", "#303030"))  # letters and paper: levels matter in two


@dataclass(frozen=True)
class Trial:
    """How rendered words were read: characters wrong of those shown, and how sure the model was of what it wrote."""

    edits: int
    characters: int
    certainty: float
    texts: tuple[str, ...]

    @property
    def cer(self) -> float:
        return self.edits / max(1, self.characters)

    @property
    def rank(self) -> tuple[int, float]:
        """Smaller is better."""
        return self.edits, -self.certainty


@lru_cache
def pictures() -> tuple[tuple[str, np.ndarray], ...]:
    """The words as uint8 (H, W, 3), in turn black on white, grey on grey and white on dark."""
    face = find_faces(("dejavu-sans",), "".join(WORDS))[0]
    font = ImageFont.truetype(face.path, LETTER_PX)
    return tuple((word, _rendered(word, font, *LOOKS[i % len(LOOKS)])) for i, word in enumerate(WORDS))


def _rendered(word: str, font: ImageFont.FreeTypeFont, ink: str, paper: str) -> np.ndarray:
    ascent, descent = font.getmetrics()
    size = (round(font.getlength(word)) + 2 * MARGIN_PX, ascent + descent + MARGIN_PX)
    picture = Image.new("RGB", size, paper)
    ImageDraw.Draw(picture).text((MARGIN_PX, MARGIN_PX // 2), word, font=font, fill=ink)
    return np.asarray(picture)


def scores_of(foreign: Foreign, shape: Shape, pixels: Pixels, images: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Scores (T, C) of every picture, each line alone."""
    prepared = (pixels.given(pixels.preparation.prepare(image)[None]) for image in images)
    return [run_lines(foreign, shape, images_1CHW)[0] for images_1CHW in prepared]


def text_of(scores_TC: np.ndarray, classes: Classes) -> str:
    """Greedy decoding of a foreign model's scores, in the foreign order of classes."""
    best_T = scores_TC.argmax(axis=1)
    begins_T = np.append(True, best_T[1:] != best_T[:-1])
    return "".join(classes.character_of[c] or "" for c in best_T[begins_T] if c != classes.blank)


def tried(scores: Sequence[np.ndarray], classes: Classes, words: Sequence[str] = WORDS) -> Trial:
    """How far readings are from the words, upper and lower case alike; words beyond the charset do not count."""
    known = {c.lower() for c in classes.characters}
    edits = characters = 0
    texts, certainties = [], []
    for scores_TC, word in zip(scores, words, strict=True):
        text = text_of(scores_TC, classes)
        texts.append(text)
        certainties.append(float(np.mean(_posteriors(scores_TC).max(axis=1))))
        if set(word.lower()) <= known:
            edits += min(len(word), Levenshtein.distance(text.lower().replace(" ", ""), word.lower()))
            characters += len(word)
    return Trial(edits, characters, float(np.mean(certainties)), tuple(texts))


def _posteriors(scores_TC: np.ndarray) -> np.ndarray:
    """Probabilities, whatever the scores are."""
    if scores_TC.min() >= 0 and np.abs(scores_TC.sum(-1) - 1).max() < 1e-2:
        return scores_TC
    e = np.exp(scores_TC - scores_TC.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def blank_of(scores: Sequence[np.ndarray]) -> tuple[dict[str, float], int]:
    """Share of the frames on which the first and the last class are the best, and the class that is most often."""
    best = np.concatenate([scores_TC.argmax(axis=1) for scores_TC in scores])
    last = scores[0].shape[1] - 1
    counts = np.bincount(best, minlength=last + 1)
    return {"first": counts[0] / len(best), "last": counts[last] / len(best)}, int(counts.argmax())
