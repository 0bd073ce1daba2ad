"""What a foreign recogniser wants and gives: described by a person or its maker, seen when it runs, or tried out.

Every value comes with its reason. What no file says (the scale of the pixels, padding, which of two dictionaries) is
tried on rendered words: the guess that reads them with the fewest errors is taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from distill.adoption.dictionary import Classes, Entries, on_classes
from distill.adoption.foreign import Foreign
from distill.adoption.presets import DDDDOCR, PRESETS
from distill.adoption.settings import Fact, ForeignPixels, Kind, Settings, pixels_of
from distill.adoption.shape import Shape, kind_of, shape_of
from distill.adoption.sources import candidates, known_lists, no_characters, written_next_to
from distill.adoption.trial import Trial, blank_of, moved_along, pictures, scores_of, tried
from distill.adoption.untaught import untaught
from students.errors import CheckpointError, DataError

HEIGHTS_PX = (48, 32, 64)
SCALES = {  # of the levels 0 to 255: mean and deviation
    "-1 to 1": ((127.5,), (127.5,)),
    "0 to 1": ((0.0,), (255.0,)),
    "as ImageNet": ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
}
HEIGHTS_READ_PX = range(8, 257)
WORST_CER = 0.5  # of rendered words, from which a list of characters that was only guessed is not believed
LEAST_MOVE = 0.25  # share of its way that what a CTC model writes moves at least where the writing moves
OFTEN = 0.2  # share of frames from which the first or last class is the blank
LINE_SHAPE = 20 / 3  # width of the usual training picture of a line, in heights
CLEARLY = 0.05  # nats a character by which another width or padding must be better
MEASURED = "seen when it runs"


@dataclass
class Detected:
    """Everything that is known, filled in step by step."""

    foreign: Foreign
    known: Settings
    sources: dict[str, str]  # of each key that was not found out: where it is from
    channels: Literal[1, 3] = 1
    shape: Shape | None = None
    classes: Classes | None = None
    kind: Kind = "logits"
    trial: Trial | None = None
    facts: list[Fact] = field(default_factory=list)

    def found(self, what: str, value: object, why: str) -> None:
        """Note one thing and its reason."""
        self.facts.append(Fact(what, str(value), why))

    def why(self, key: str, otherwise: str) -> str:
        """Return where it is from, or how it was found."""
        return self.sources.get(key, otherwise)

    def pixels(self, **changed: object) -> ForeignPixels:
        """Return the preparation of lines, with some settings changed."""
        assert self.shape is not None
        known = self.known.model_copy(update=changed)
        return pixels_of(known, self.channels, self.shape.frame_px, self.shape.fixed_px)

    @property
    def words(self) -> list[tuple[str, np.ndarray]]:
        """Return the rendered words, of which a model of one width takes only those that are not wider.

        Raises `CheckpointError` for a model of one width that is narrower than any word.
        """
        preparation = self.pixels().preparation
        found = [(w, p) for w, p in pictures() if preparation.scaled_width_px(*p.shape[:2]) <= preparation.max_width_px]
        if not found:
            raise CheckpointError(
                f"{self.foreign.path}: takes pictures of {preparation.max_width_px} x {preparation.height_px} px and "
                "no other width, narrower than any word; give a model of an open width"
            )
        return found


def detect(foreign: Foreign, described: Settings, preset: str | None, charset: Path | None) -> Detected:
    """Find out everything about `foreign` that is not `described`; raises `UserError`s that say what to give."""
    d = _before_running(foreign, described, preset)
    _channels(d)
    _height_and_shape(d)
    assert d.shape is not None
    entries = candidates(foreign, d.shape.n_classes, charset, preset)
    _family_by_sizes(d)
    _blank(d)
    _not_attention(d)
    _characters(d, entries)
    _pixels(d)
    guessed = preset is None and d.classes is not None and entries == known_lists(d.shape.n_classes, None)
    if guessed and d.trial is not None and d.trial.cer > WORST_CER:
        raise no_characters(foreign, d.shape.n_classes)
    return d


def _before_running(foreign: Foreign, described: Settings, preset: str | None) -> Detected:
    known, sources = described, dict.fromkeys(described.model_dump(exclude_none=True), "as described")
    written, name = written_next_to(foreign.path)
    layers = [(written, f"as its {name} says")]
    if preset is not None:
        layers.insert(0, (PRESETS[preset], f"as preset {preset} has it"))
    elif foreign.from_paddle:
        layers.append((PRESETS["ppocr"], "as PaddleOCR's models have it; the names of its tensors say Paddle2ONNX"))
    for layer, origin in layers:
        sources = dict.fromkeys(layer.model_dump(exclude_none=True), origin) | sources
        known = known.over(layer)
    return Detected(foreign, known, sources)


def _channels(d: Detected) -> None:
    declared = d.foreign.channels
    grey = d.known.colour == "grey" if declared is None else declared == 1
    d.channels = 1 if grey else 3
    if grey:
        if 3 in (len(d.known.mean or ()), len(d.known.deviation or ())):
            raise DataError(f"{d.foreign.path}: takes grey pictures, so mean and deviation have one value each")
        if d.known.colour not in (None, "grey"):
            raise DataError(f"{d.foreign.path}: takes grey pictures, but its colour is given as {d.known.colour}")
        d.found("colour", "grey", "the input has one channel" if declared else d.why("colour", MEASURED))
        d.known = d.known.model_copy(update={"colour": "grey"})
    elif d.known.colour in (None, "grey"):
        if d.known.colour == "grey":
            raise DataError(f"{d.foreign.path}: takes three channels, but its colour is given as grey")
        d.found("colour", "rgb", "three channels, and nothing says bgr: a wrong order hardly shows in the texts")
        d.known = d.known.model_copy(update={"colour": "rgb"})
    else:
        d.found("colour", d.known.colour, d.why("colour", MEASURED))


def _height_and_shape(d: Detected) -> None:
    declared, wanted = d.foreign.height_px, d.known.height_px
    if declared is not None and wanted not in (None, declared) and d.sources.get("height_px") == "as described":
        raise DataError(f"{d.foreign.path}: takes lines of {declared} px, but height_px is given as {wanted}")
    heights = [declared] if declared is not None else [wanted] if wanted is not None else list(HEIGHTS_PX)
    for last, height_px in enumerate(heights, 1):
        try:
            d.shape = shape_of(d.foreign, d.channels, height_px, d.known.layout)
        except CheckpointError:
            if last == len(heights):
                raise
            continue
        break
    assert d.shape is not None
    if height_px not in HEIGHTS_READ_PX:
        raise CheckpointError(f"{d.foreign.path}: takes lines of {height_px} px in height; 8 to 256 px can be adopted")
    d.known = d.known.model_copy(update={"height_px": height_px})
    tried_out = f"the first of {', '.join(map(str, HEIGHTS_PX))} px that it runs on; nothing says another"
    d.found("height", f"{height_px} px", "as the input declares" if declared else d.why("height_px", tried_out))
    d.found("layout", d.shape.layout, f"{MEASURED}; {d.shape.n_classes:,} classes")
    d.found("frames", f"one for {d.shape.frame_px:.4g} px", MEASURED)
    if d.shape.fixed_px is not None:
        d.found("width", f"{d.shape.fixed_px} px", "it runs on no other: lines are padded to it, wider ones refused")
    if d.shape.one_by_one:
        d.found("lines", "one at a time", "two together are refused, or have other scores than each alone")


def _family_by_sizes(d: Detected) -> None:
    """What ddddocr's models want, for one of their sizes; and some scale, with which the blank can be looked for."""
    assert d.shape is not None
    if (d.channels, d.known.height_px, d.shape.n_classes) == DDDDOCR:
        origin = f"as ddddocr's models have it; one channel, {DDDDOCR[1]} px and {DDDDOCR[2]:,} classes say so"
        d.sources = dict.fromkeys(PRESETS["ddddocr"].model_dump(exclude_none=True), origin) | d.sources
        d.known = d.known.over(PRESETS["ddddocr"])
    mean, deviation = SCALES["-1 to 1"]
    d.known = d.known.over(Settings(mean=mean, deviation=deviation))


def _blank(d: Detected) -> None:
    assert d.shape is not None
    scores = scores_of(d.foreign, d.shape, d.pixels(), [picture for _, picture in d.words])
    d.kind = d.known.output or kind_of(scores[0][None])
    d.found("output", d.kind.replace("_", "-"), d.why("output", f"{MEASURED}: sums over the classes of a frame"))
    shares, most = blank_of(scores)
    where = max(shares, key=lambda end: shares[end])
    if d.known.blank is None:
        if shares[where] < OFTEN:
            raise CheckpointError(
                f"{d.foreign.path}: neither the first nor the last of its {d.shape.n_classes:,} classes is the best of "
                f"many frames of rendered words ({shares['first']:.0%} and {shares['last']:.0%}; most often {most}), "
                "so where is the CTC blank? If it is a CTC recogniser, say it with --describe (blank: first or last)"
            )
        d.known = d.known.model_copy(update={"blank": where})
    share = shares[d.known.blank or "first"]
    d.found(
        "blank",
        d.known.blank,
        f"{d.why('blank', MEASURED)}; the best class of {share:.0%} of the frames of rendered words",
    )


def _not_attention(d: Detected) -> None:
    """Raises `CheckpointError` for a model of one width that writes from its first step on, wherever the writing is."""
    assert d.shape is not None
    if d.shape.fixed_px is None:  # with the width of the picture its steps would grow
        return
    blank = 0 if d.known.blank == "first" else d.shape.n_classes - 1
    moved = moved_along(d.foreign, d.shape, d.pixels(), [picture for _, picture in d.words], blank)
    if moved is not None and moved < LEAST_MOVE:
        raise CheckpointError(
            f"{d.foreign.path}: writes the same steps wherever in the picture a word stands, as an attention decoder "
            "does; give a recogniser with a CTC head"
        )


def _characters(d: Detected, entries: Sequence[Entries]) -> None:
    """The dictionary; of several that fit, the one under which rendered words are read best."""
    assert d.shape is not None
    assert d.known.blank is not None
    laid = [(each, on_classes(each, d.shape.n_classes, d.known.blank, d.known.space)) for each in entries]
    words, images = zip(*d.words, strict=True)
    scores = scores_of(d.foreign, d.shape, d.pixels(), images)
    trials = [tried(scores, d.kind, classes, words) for _, classes in laid]
    best = max(range(len(laid)), key=lambda i: trials[i].likelihood)
    chosen, d.classes = laid[best]
    why = d.classes.how
    if len(laid) > 1:
        others = ", ".join(f"{e.where} {t.cer:.0%}" for (e, _), t in zip(laid, trials, strict=True) if e is not chosen)
        why += f"; errors on rendered words {trials[best].cer:.0%}, with {others}"
    d.found("charset", chosen.where, why)
    if d.classes.left_out:
        some = ", ".join(repr(entry) for entry in d.classes.left_out[:5])
        d.found("left out", f"{len(d.classes.left_out)} entries", f"no single character, or there twice: {some}")
    never = untaught(d.foreign.graph, d.shape.output, d.classes.character_of)
    if never:
        some = " ".join(never[:: max(1, len(never) // 8)][:8])
        d.found("never taught", f"{len(never):,} characters", f"the last layer has one vector for them all: {some}")


def _pixels(d: Detected) -> None:
    """Scale of the pixels, padding and least width: as described, or as rendered words are read best."""
    given = d.sources
    if "mean" not in given:
        scales = scales_of(d)
        _try_out(d, "levels", {name: {"mean": mean, "deviation": deviation} for name, (mean, deviation) in scales})
    else:
        d.trial = _tried(d)
        d.found(
            "levels", f"mean {_values(d.known.mean)}, deviation {_values(d.known.deviation)}", d.why("mean", MEASURED)
        )
    if d.shape is not None and d.shape.fixed_px is not None:
        d.known = d.known.model_copy(update={"least_width_px": d.shape.fixed_px})
    elif "least_width_px" not in given:
        line_px = round(LINE_SHAPE * (d.known.height_px or 0))
        _try_out(d, "least width", {f"{px} px": {"least_width_px": px} for px in (0, line_px)}, CLEARLY)
    else:
        d.found("least width", f"{d.known.least_width_px} px", d.why("least_width_px", MEASURED))
    if "padding_value" not in given:
        mean = round(sum(d.known.mean or ()) / len(d.known.mean or (1,)))
        levels = dict.fromkeys((min(mean, 127), 255, 0))
        _try_out(d, "padding", {f"{level}": {"padding_value": level} for level in levels}, CLEARLY)
    else:
        d.found("padding", str(d.known.padding_value), d.why("padding_value", MEASURED))
    d.found("scaling", d.known.resize or "bilinear", d.why("resize", "nothing says another"))


def scales_of(d: Detected) -> list[tuple[str, tuple[tuple[float, ...], tuple[float, ...]]]]:
    """Return the scales of levels that a model may want, by name; docTR's for as many classes as its models have."""
    assert d.shape is not None
    scales = list(SCALES.items())[: 2 if d.channels == 1 else None]
    doctr = PRESETS["onnxtr"]
    if d.channels == 3 and known_lists(d.shape.n_classes, "onnxtr") and doctr.mean and doctr.deviation:
        scales.append(("as docTR", (doctr.mean, doctr.deviation)))
    return scales


def _try_out(d: Detected, what: str, guesses: Mapping[str, Mapping[str, object]], margin: float = 0.0) -> None:
    """Take the guess under which the right words are likeliest; the first, unless another wins by the margin."""
    trials = {name: _tried(d, **changed) for name, changed in guesses.items()}
    first = best = next(iter(trials))
    for name, trial in trials.items():
        if trial.likelihood > trials[best].likelihood and trial.likelihood > trials[first].likelihood + margin:
            best = name
    seen = ", ".join(f"{name} {trial.likelihood:.3f}" for name, trial in trials.items())
    d.known, d.trial = d.known.model_copy(update=guesses[best]), trials[best]
    d.found(what, best, f"log P of rendered words, nats a character: {seen}")


def _tried(d: Detected, **changed: object) -> Trial:
    assert d.shape is not None
    assert d.classes is not None
    words, images = zip(*d.words, strict=True)
    return tried(scores_of(d.foreign, d.shape, d.pixels(**changed), images), d.kind, d.classes, words)


def _values(values: tuple[float, ...] | None) -> str:
    return ", ".join(f"{value:g}" for value in values or ())
