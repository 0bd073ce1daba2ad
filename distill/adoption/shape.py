"""What comes out of a foreign graph: which output, its axes, its classes, its frames, and whether lines go together."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from distill.adoption.foreign import Foreign
from distill.adoption.settings import Kind, Layout
from students.errors import CheckpointError

NARROW_PX, WIDE_PX = 320, 640
LEAST_FIXED_PX = 32
LEAST_CLASSES = 4  # with fewer there is a blank and hardly a character
SAME = 1e-3  # relative difference of scores that is rounding
GIVE = "give a recogniser with a CTC head (of PaddleOCR: `rec`)"


@dataclass(frozen=True)
class Shape:
    """The output of a recogniser: (N, T, C) in the order of `layout`, a frame for every `frame_px` pixels."""

    output: str
    number: int
    layout: Layout
    n_classes: int
    frame_px: float
    one_by_one: bool  # lines do not go through together, or not to the same scores
    fixed_px: int | None = None  # the only width that it takes

    def scores(self, found: list[np.ndarray]) -> np.ndarray:
        """Return scores (N, T, C), float32, of what the graph gave."""
        given = found[self.number].astype(np.float32)
        match self.layout:
            case "NTC":
                return given
            case "TNC":
                return given.transpose(1, 0, 2)
            case "TC":
                return given[None]


def run_lines(foreign: Foreign, shape: Shape, images_NCHW: np.ndarray) -> np.ndarray:
    """Return scores (N, T, C) of lines as the graph takes them."""
    groups = [images_NCHW[i : i + 1] for i in range(len(images_NCHW))] if shape.one_by_one else [images_NCHW]
    return np.concatenate([shape.scores(foreign.run(images)) for images in groups])


def shape_of(foreign: Foreign, channels: int, height_px: int, layout: Layout | None = None) -> Shape:
    """Run two widths and two lines; raises `CheckpointError` saying what the model is where it is no CTC recogniser.

    A model that declares one width and runs on no other is taken as it is: its lines are padded to that width.
    """
    try:
        shape = _of_any_width(foreign, channels, height_px)
    except _NoShape as open_error:
        if foreign.width_px is None or open_error.certain:
            raise CheckpointError(str(open_error)) from open_error
        shape = _of_one_width(foreign, channels, height_px, foreign.width_px)
    if layout not in (None, shape.layout):
        raise CheckpointError(f"{foreign.path}: its output {shape.output} is {shape.layout}, not {layout} as described")
    together = _go_together(foreign, shape, channels, height_px)
    return replace(shape, one_by_one=not together)


class _NoShape(Exception):
    """Why a model does not read lines of any width; `certain`: nor can it be one that reads lines of one width."""

    def __init__(self, message: str, certain: bool) -> None:
        super().__init__(message)
        self.certain = certain


def _of_any_width(foreign: Foreign, channels: int, height_px: int) -> Shape:
    narrow, wide = (_run(foreign, _noise(1, channels, height_px, width)) for width in (NARROW_PX, WIDE_PX))
    reasons = []
    for number, (name, first, second) in enumerate(zip(foreign.outputs, narrow, wide, strict=True)):
        found = _output(first.shape, second.shape)
        if isinstance(found, str):
            reasons.append(found)
            continue
        axis, class_axis = found
        frame_px = (WIDE_PX - NARROW_PX) / (second.shape[axis] - first.shape[axis])
        seen: Layout = "TC" if first.ndim == 2 else "NTC" if axis == 1 else "TNC"
        return Shape(name, number, seen, first.shape[class_axis], frame_px, one_by_one=True)
    certain = all(one.shape == other.shape for one, other in zip(narrow, wide, strict=True))  # nothing grows
    raise _NoShape(f"{foreign.path}: {reasons[0]}; {GIVE}", certain)


def _of_one_width(foreign: Foreign, channels: int, height_px: int, width_px: int) -> Shape:
    found = _run(foreign, _noise(1, channels, height_px, width_px), certain=True)
    reasons = []
    for number, (name, given) in enumerate(zip(foreign.outputs, found, strict=True)):
        sizes = given.shape
        if reason := _no_scores(sizes, width_px):
            reasons.append(reason)
            continue
        layout: Layout = "TC" if len(sizes) == 2 else "NTC" if sizes[0] == 1 else "TNC"
        frame_px = width_px / (sizes[1] if layout == "NTC" else sizes[0])
        return Shape(name, number, layout, sizes[-1], frame_px, one_by_one=True, fixed_px=width_px)
    raise CheckpointError(f"{foreign.path}: {reasons[0]}; {GIVE}")


def _no_scores(sizes: tuple[int, ...], width_px: int) -> str | None:
    """What a model of a fixed width seems to be that does not give scores of the frames of one picture; else None."""
    if len(sizes) == 4:
        return f"gives a map {sizes} of a picture of {width_px} px, as a detector of text does"
    if len(sizes) > 3 or (len(sizes) == 3 and 1 not in sizes[:2]):
        return f"gives {sizes}, which is neither (N, T, C) nor (T, N, C)"
    n_frames = max(sizes[:-1], default=1)
    if n_frames == 1:
        return f"gives one answer {sizes} for a whole picture, as a classifier does"
    if n_frames > width_px:
        return f"gives {sizes} for {width_px} px, more places than columns of pixels: as a detector does"
    if sizes[-1] < LEAST_CLASSES:
        return f"knows {sizes[-1]} classes, too few for a blank and characters"
    if width_px < LEAST_FIXED_PX:
        return f"takes pictures of {width_px} px and no other width, too narrow for a line"
    return None


def _output(narrow: tuple[int, ...], wide: tuple[int, ...]) -> tuple[int, int] | str:
    """The axes of frames and of classes, or what the model seems to be."""
    if len(narrow) != len(wide):
        return f"gives {narrow} for {NARROW_PX} px and {wide} for {WIDE_PX} px: no scores of frames"
    growing = [axis for axis, (a, b) in enumerate(zip(narrow, wide, strict=True)) if a != b]
    if len(narrow) == 4 or len(growing) > 1:
        return f"gives a map {wide} of a picture of {WIDE_PX} px, as a detector of text does"
    if not growing:
        if len(narrow) == 3:
            return f"gives {wide[1]} steps whatever the width {wide}, as an attention decoder does"
        return f"gives one answer {wide} for a whole picture, as a classifier does"
    axis = growing[0]
    others = [i for i in range(len(narrow)) if i != axis]
    if wide[axis] > WIDE_PX or axis == len(narrow) - 1:
        return f"gives {wide} for {WIDE_PX} px, more places than columns of pixels: as a detector does"
    batch = [i for i in others if narrow[i] == 1]
    class_axis = others[-1]
    if len(narrow) not in (2, 3) or (len(narrow) == 3 and (not batch or class_axis != 2)):
        return f"gives {wide}, which is neither (N, T, C) nor (T, N, C)"
    if narrow[class_axis] < LEAST_CLASSES:
        return f"knows {narrow[class_axis]} classes, too few for a blank and characters"
    return axis, class_axis


def _go_together(foreign: Foreign, shape: Shape, channels: int, height_px: int) -> bool:
    """Whether two lines in one run have the scores that each has alone."""
    if shape.layout == "TC":
        return False
    images = _noise(2, channels, height_px, shape.fixed_px or NARROW_PX)
    alone = run_lines(foreign, shape, images)
    try:
        together = shape.scores(foreign.run(images))
    except Exception:  # the runtime has a class of its own for every status; it says only that they do not go together
        return False
    if together.shape != alone.shape:
        return False
    return bool(np.abs(together - alone).max() <= SAME * max(1.0, float(np.abs(alone).max())))


def _noise(n: int, channels: int, height_px: int, width_px: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, (n, channels, height_px, width_px)).astype(np.float32)


def _run(foreign: Foreign, images_NCHW: np.ndarray, certain: bool = False) -> list[np.ndarray]:
    try:
        return foreign.run(images_NCHW)
    except Exception as error:  # the runtime has a class of its own for every status
        height, width = images_NCHW.shape[2:]
        reason = str(error).splitlines()[0][-200:]
        message = (
            f"{foreign.path}: cannot run on a picture of {height} x {width} px ({reason}); give its height with "
            "--describe (height_px), or a recogniser that takes lines of any width"
        )
        if certain:
            raise CheckpointError(message) from error
        raise _NoShape(message, certain) from error


def kind_of(scores_NTC: np.ndarray) -> Kind:
    """Return what scores are: probabilities and their logarithms sum to one on every frame, logits to anything."""
    sums = scores_NTC.sum(-1)
    if scores_NTC.min() >= 0 and np.abs(sums - 1).max() < 1e-2:
        return "probabilities"
    if scores_NTC.max() <= 1e-3 and np.abs(np.exp(scores_NTC.astype(np.float64)).sum(-1) - 1).max() < 1e-2:
        return "log_probabilities"
    return "logits"
