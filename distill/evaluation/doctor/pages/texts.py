"""Texts that cannot be those of their boxes, and words that are marked where lines are expected."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from distill.data.formats.contents import counted
from distill.data.pages.record import PageRecord
from distill.evaluation.doctor.pages.looked import LookedAt
from distill.evaluation.doctor.pages.places import (
    Found,
    Place,
    Spot,
    counted_lines,
    found,
    height_of,
    spot_of_line,
    width_of,
)
from distill.evaluation.doctor.pictures import far_out

STEADY = 3  # characters from which the width of one is a steady measure
LEAST_LINES = 20  # of a source, from which its usual width of a character is known
IMPOSSIBLE = 0.1  # of its height: no letters of a print are so narrow on average
UPRIGHT, LONG = 1.3, 4  # height over width from which a box with so many characters holds text that is turned
NEAR, LEVEL = 0.45, 0.5  # of the height: the next word is no further; boxes of one row are off it by no more
WORDS_LINES, WORDS_NEAR, WORDS_SINGLE = 8, 0.3, 0.8  # boxes of a page, shares with a word near, and of single words


def findings_in_texts(part: str, looked: LookedAt) -> list[Found]:
    """Return notes on texts that are far too long or short for their boxes, or stand on a box that is turned."""
    where = [(page, i) for page in looked.pages for i in counted_lines(page) if (page.lines or ())[i].text]
    lines = [(page.lines or ())[i] for page, i in where]
    n_characters = np.array([len(line.text or "") for line in lines], np.int64)
    width, height = (np.array([of(line) for line in lines], np.float64) for of in (width_of, height_of))
    per_character = width / np.maximum(height * n_characters, 1e-9)
    upright = (height > UPRIGHT * width) & (n_characters >= LONG)
    sources = np.array([page.source for page, _ in where])
    known = np.isin(sources, [source for source in set(sources.tolist()) if (sources == source).sum() >= LEAST_LINES])
    narrow, wide = far_out(per_character, sources.tolist(), known & (n_characters >= STEADY) & ~upright)
    narrow |= (per_character < IMPOSSIBLE) & (n_characters >= STEADY) & ~upright

    sizes = [f"in {w:.0f} x {h:.0f} px" for w, h in zip(width, height, strict=True)]

    def spots(rows: np.ndarray, worst: int) -> list[Spot]:
        order = sorted(np.flatnonzero(rows).tolist(), key=lambda i: worst * per_character[i])
        return [
            spot_of_line(where[i][0], where[i][1], f"{counted(n_characters[i], 'character')} {sizes[i]}") for i in order
        ]

    advice = "text and box belong to different lines, or the box is too short or holds two rows"
    result = found("note", "narrow", part, spots(narrow, 1), "too long a text for the box", advice)
    advice = "text and box belong to different lines, or the box is too long or too low"
    result += found("note", "wide", part, spots(wide, -1), "too short a text for the box", advice)
    advice = "corners begin at the top left of the text: is the page turned, or does the text run down?"
    return result + found("note", "turned", part, spots(upright, 1), "boxes that stand upright on their text", advice)


def findings_in_words(part: str, looked: LookedAt) -> list[Found]:
    """Return a note on pages whose boxes are those of words: single words, the next of which stands close by."""
    spots = [spot for page in looked.pages for spot in _words(page)]
    advice = "a locator of lines learns from boxes of lines: join the words, or take these pages out"
    return found("note", "words", part, spots, "words are marked where lines are expected", advice, "page")


def _words(page: PageRecord) -> Iterator[Spot]:
    lines = [(page.lines or ())[i] for i in counted_lines(page)]
    if len(lines) < WORDS_LINES:
        return
    texts = [line.text for line in lines if line.text]
    single = np.mean([len(text.split()) == 1 for text in texts]) if texts else 1.0
    near_N = _near([line.corners_42 for line in lines], np.array([height_of(line) for line in lines]))
    if single >= WORDS_SINGLE and near_N.mean() >= WORDS_NEAR:
        remark = f"{page.key}: {near_N.sum()} of {len(lines)} boxes have the next one less than a space away"
        outlines = tuple(line.corners_42 for line, near in zip(lines, near_N, strict=True) if near)
        yield Spot(page.key, remark, Place(page, outlines))


def _near(corners: list[np.ndarray], height_N: np.ndarray) -> np.ndarray:
    """Whether a box goes on with another one on its right, level with it and less than a space away, (N,)."""
    corners_N42 = np.array(corners)
    end_N2, begin_N2 = (corners_N42[:, sides].mean(1) for sides in ([1, 2], [0, 3]))
    along_N2 = (end_N2 - begin_N2) / np.maximum(np.linalg.norm(end_N2 - begin_N2, axis=1, keepdims=True), 1e-9)
    gap_NN2 = begin_N2[None] - end_N2[:, None]
    ahead_NN = (gap_NN2 * along_N2[:, None]).sum(2)
    aside_NN = np.abs(gap_NN2[..., 0] * -along_N2[:, None, 1] + gap_NN2[..., 1] * along_N2[:, None, 0])
    least_NN = np.minimum.outer(height_N, height_N)
    near_NN = (np.abs(ahead_NN) < NEAR * least_NN) & (aside_NN < LEVEL * least_NN)
    np.fill_diagonal(near_NN, False)
    return np.asarray(near_NN.any(1))
