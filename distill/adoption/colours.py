"""Which order of the colours a model wants, asked of labelled pictures in colour: a wrong one costs next to nothing.

The texts hardly tell (a quarter of a point), so the labels are weighed: on how many pictures is the label likelier
under one order than under the other, by a sign test.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from distill.data.lines import Lines
from students.alignments import frames_needed, text_log_probabilities
from students.image import decode_image
from students.reader import Reader

COLOURED = 16.0  # levels between red and blue that one pixel in twenty exceeds
SURE = 0.05  # two-sided
FEWEST = 20  # pictures


def compare_orders(reader: Reader, lines: Lines, order: str) -> dict[str, Any]:
    """Return how often the label is likelier under the `order` (rgb or bgr) that a reader has, and under the other.

    `likelier` names the order that is surely better, or is "undecided". Pictures without colour, without a label or
    with a label that the reader cannot write are left out of `pictures`.
    """
    other = "rgb" if order == "bgr" else "bgr"
    better = {order: 0, other: 0}
    exact = {order: 0, other: 0}
    n = 0
    for i in range(len(lines)):
        picture = decode_image(lines[i].image, lines.keys[i])
        classes = _classes(reader, lines.texts[i])
        if not classes or not is_coloured(picture):
            continue
        log_p = {}
        for name, levels in ((order, picture), (other, np.ascontiguousarray(picture[..., ::-1]))):
            log_p_NTC = reader.logits_of(reader.description.preparation.prepare(levels)[None])
            if frames_needed(classes) > log_p_NTC.shape[1]:
                break
            log_p[name] = float(text_log_probabilities(log_p_NTC, [classes])[0])
            exact[name] += reader.decode(log_p_NTC[0]).text == lines.texts[i]
        if len(log_p) == len(better):
            n += 1
            for name, against in ((order, other), (other, order)):
                better[name] += log_p[name] > log_p[against]
    p = sign_test(better[order], better[other])
    likelier = max(better, key=lambda name: better[name]) if n >= FEWEST and p < SURE else "undecided"
    return {"pictures": n, "label_likelier": better, "exact": exact, "p": p, "likelier": likelier}


def is_coloured(picture: np.ndarray) -> bool:
    """Return whether a picture, (H, W) or (H, W, 3), has colours that another order would change."""
    if picture.ndim == 2:
        return False
    apart_HW = np.abs(picture[..., 0].astype(np.int16) - picture[..., 2])
    return bool(np.percentile(apart_HW, 95) > COLOURED)


def sign_test(one: int, other: int) -> float:
    """Return how likely counts as unequal as these are if both are equally good: exact, two-sided; 1 without any."""
    n = one + other
    rarer = sum(math.comb(n, k) for k in range(min(one, other) + 1))
    return min(1.0, 2 * rarer / 2**n)


def in_words(found: dict[str, Any], order: str) -> str:
    """Return one sentence on what `compare_orders` found."""
    other = "rgb" if order == "bgr" else "bgr"
    better, exact = found["label_likelier"], found["exact"]
    if not found["pictures"]:
        return f"colour: {order} as before, since no labelled line is in colour"
    counts = (
        f"of {found['pictures']} labelled lines in colour {exact[order]} are exact with {order} and {exact[other]} "
        f"with {other}; the label is likelier with {order} on {better[order]}, with {other} on {better[other]} "
        f"(sign test, p = {found['p']:.2g})"
    )
    if found["likelier"] == "undecided":
        return f"colour: undecided, {order} is kept; {counts}"
    if found["likelier"] == order:
        return f"colour: {order} is right; {counts}"
    return f"colour: {other} seems right, not {order}; {counts}"


def _classes(reader: Reader, text: str | None) -> Sequence[int]:
    """The classes of a label; none where there is none, or the reader lacks one of its characters."""
    charset = reader.description.charset
    return [] if not text or charset.missing(text) else charset.encode(text)
