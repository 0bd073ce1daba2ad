"""Real lines, read with an adopted model: a picture to look at, and why it probably reads wrong where it does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from distill.adoption.adopt import Adopted
from distill.adoption.colours import compare_orders, in_words
from distill.adoption.detect import HEIGHTS_PX, Detected, scales_of
from distill.adoption.dictionary import Classes
from distill.adoption.settings import Colour, ForeignPixels
from distill.adoption.shape import shape_of
from distill.adoption.trial import greedy_text, scores_of
from distill.data.formats.contents import counted
from distill.data.lines import Lines
from distill.durable import write_picture
from distill.evaluation.evaluate import open_data, texts_of, truths_of
from distill.evaluation.metrics import score
from distill.schema import Protocol
from distill.synthesis.contact import contact_sheet
from students.errors import CheckpointError
from students.image import decode_image
from students.onnx_reader import reader_of

SHOWN, COLUMNS = 20, 2
READ = 200  # lines at most
ASKED = 30  # labelled lines on which other guesses are tried
WORST_CER = 0.5
PROTOCOL: Protocol = "nospace"  # neither case nor spaces: what a person would still call the same text


@dataclass(frozen=True)
class Guess:
    """Another way to take the model, and what it would mean."""

    what: str
    pixels: ForeignPixels
    classes: Classes


def look(adopted: Adopted, data: Sequence[str], picture: Path) -> dict[str, Any]:
    """Read lines of `data`, write twenty of them with their texts as `picture`, and return the figures.

    Raises `CheckpointError` with the probable reason where more than half of the labels' characters are wrong.
    """
    description = adopted.description
    reader = reader_of(adopted.blob, description, picture)
    lines, refused = open_data(data, description.preparation)
    if not len(lines):
        first = f", the first: {refused[0].reason}" if refused else ""
        raise CheckpointError(f"{adopted.detected.foreign.path}: not one of the lines can be read{first}")
    lines = lines.take(np.unique(np.linspace(0, len(lines) - 1, READ).round().astype(int)).tolist())
    texts = texts_of(reader, lines, "reading")
    write_picture(picture, _sheet(lines, texts))
    truths = [truth for truth in truths_of(lines) if truth.text]
    found: dict[str, Any] = {"picture": str(picture), "lines": len(lines), "refused": len(refused)}
    if refused:
        found["first_refused"] = refused[0].reason
    if not truths:
        return found | {"labelled": 0}
    result = score(truths, texts, PROTOCOL)
    if result.cer > WORST_CER:
        raise CheckpointError(
            f"{adopted.detected.foreign.path}: not adopted, since {result.cer:.0%} of the characters of {result.n} "
            f"labelled lines are wrong. {_reason(adopted.detected, lines)}. {picture} shows "
            f"{counted(min(SHOWN, len(lines)), 'line')}"
        )
    if (order := adopted.detected.known.colour) in ("rgb", "bgr"):
        found["colour"] = compare_orders(reader, lines, order)
        found["colour"]["words"] = in_words(found["colour"], order)
    return found | {"labelled": result.n, "protocol": PROTOCOL, "exact": result.exact, "cer": result.cer}


def other_colour(adopted: Adopted, seen: Mapping[str, Any]) -> Colour | None:
    """Return the order of the colours that the labels surely speak for, where nobody said one; None: as it is."""
    detected = adopted.detected
    likelier: Colour = seen.get("colour", {}).get("likelier", "undecided")
    unsaid = "colour" not in detected.sources
    return likelier if unsaid and likelier in ("rgb", "bgr") and likelier != detected.known.colour else None


def _sheet(lines: Lines, texts: dict[str, str]) -> Image.Image:
    some = np.unique(np.linspace(0, len(lines) - 1, SHOWN).round().astype(int)).tolist()
    images = [decode_image(lines[i].image) for i in some]
    captions = [
        f"{texts[lines.keys[i]]!r}" + ("" if lines.texts[i] is None else f"   label {lines.texts[i]!r}") for i in some
    ]
    return contact_sheet(images, captions, COLUMNS)


def _reason(d: Detected, lines: Lines) -> str:
    """What would read these lines, in words, or that nothing tried does."""
    known = lines.where(lambda text: bool(text))
    some = known.take(np.unique(np.linspace(0, len(known) - 1, ASKED).round().astype(int)).tolist())
    truths = truths_of(some)
    images = [decode_image(some[i].image) for i in range(len(some))]
    by_guess = {}
    for guess in _guesses(d):
        assert d.shape is not None
        scores = scores_of(d.foreign, d.shape, guess.pixels, images)
        texts = dict(zip(some.keys, (greedy_text(each, guess.classes) for each in scores), strict=True))
        by_guess[guess.what] = score(truths, texts, PROTOCOL).cer
    best = min(by_guess, key=lambda what: by_guess[what])
    if by_guess[best] <= WORST_CER:
        return f"Probably {best}: so read, {by_guess[best]:.0%} of the characters are wrong"
    return (
        "Neither a shifted charset, another blank, order of colours, scale nor height helps: the lines may be of "
        "another script, or their labels of other lines"
    )


def _guesses(d: Detected) -> Iterator[Guess]:
    assert d.classes is not None
    pixels = d.pixels()
    for shift, what in (
        (1, "an entry is missing at the head of the charset"),
        (-1, "the charset has an entry too many at its head"),
    ):
        yield Guess(f"{what} (every character is one class off)", pixels, _shifted(d.classes, shift))
    if d.channels == 3:
        other = "rgb" if d.known.colour == "bgr" else "bgr"
        yield Guess(f"the order of the colours is wrong (colour: {other})", d.pixels(colour=other), d.classes)
    for name, (mean, deviation) in scales_of(d):
        if mean != d.known.mean:
            wrong = f"the scale of the levels is wrong (mean: {mean[0]:g}, deviation: {deviation[0]:g}, {name})"
            yield Guess(wrong, d.pixels(mean=mean, deviation=deviation), d.classes)
    for height_px in HEIGHTS_PX:
        if d.foreign.height_px is None and height_px != d.known.height_px and _runs(d, height_px):
            yield Guess(f"the height is wrong (height_px: {height_px})", d.pixels(height_px=height_px), d.classes)


def _runs(d: Detected, height_px: int) -> bool:
    try:
        return shape_of(d.foreign, d.channels, height_px) is not None
    except CheckpointError:
        return False


def _shifted(classes: Classes, shift: int) -> Classes:
    """Every character `shift` classes later; the blank stays."""
    inside = [c for i, c in enumerate(classes.character_of) if i != classes.blank]
    moved = [*[None] * shift, *inside[:-shift]] if shift > 0 else [*inside[-shift:], *[None] * -shift]
    moved.insert(classes.blank, None)
    return replace(classes, character_of=tuple(moved))
