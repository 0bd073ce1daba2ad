"""What comes out of a foreign graph: which output, its axes, its classes, its frames, and whether lines go together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from distill.adoption.foreign import Foreign
from distill.adoption.settings import Kind, Layout
from students.errors import CheckpointError

NARROW_PX, WIDE_PX = 320, 640
LEAST_CLASSES = 4  # with fewer there is a blank and hardly a character
SAME = 1e-3  # relative difference of scores that is rounding


@dataclass(frozen=True)
class Shape:
    """The output of a recogniser: (N, T, C) in the order of `layout`, a frame for every `frame_px` pixels."""

    output: str
    number: int
    layout: Layout
    n_classes: int
    frame_px: float
    one_by_one: bool  # lines do not go through together, or not to the same scores

    def scores(self, found: list[np.ndarray]) -> np.ndarray:
        """Scores (N, T, C), float32, of what the graph gave."""
        given = found[self.number].astype(np.float32)
        match self.layout:
            case "NTC":
                return given
            case "TNC":
                return given.transpose(1, 0, 2)
            case "TC":
                return given[None]


def run_lines(foreign: Foreign, shape: Shape, images_NCHW: np.ndarray) -> np.ndarray:
    """Scores (N, T, C) of lines as the graph takes them."""
    groups = [images_NCHW[i : i + 1] for i in range(len(images_NCHW))] if shape.one_by_one else [images_NCHW]
    return np.concatenate([shape.scores(foreign.run(images)) for images in groups])


def shape_of(foreign: Foreign, channels: int, height_px: int, layout: Layout | None = None) -> Shape:
    """Run two widths and two lines; raises `CheckpointError` saying what the model is where it is no CTC recogniser."""
    narrow, wide = (_run(foreign, _noise(1, channels, height_px, width)) for width in (NARROW_PX, WIDE_PX))
    reasons = []
    for number, (name, first, second) in enumerate(zip(foreign.outputs, narrow, wide, strict=True)):
        found = _output(first.shape, second.shape)
        if isinstance(found, str):
            reasons.append(found)
            continue
        axis, class_axis = found
        n_classes = first.shape[class_axis]
        frame_px = (WIDE_PX - NARROW_PX) / (second.shape[axis] - first.shape[axis])
        seen: Layout = "TC" if first.ndim == 2 else "NTC" if axis == 1 else "TNC"
        if layout not in (None, seen):
            raise CheckpointError(f"{foreign.path}: its output {name} is {seen}, not {layout} as described")
        alone = Shape(name, number, seen, n_classes, frame_px, one_by_one=True)
        return Shape(name, number, seen, n_classes, frame_px, not _go_together(foreign, alone, channels, height_px))
    raise CheckpointError(f"{foreign.path}: {reasons[0]}; give a recogniser with a CTC head (of PaddleOCR: `rec`)")


def _output(narrow: tuple[int, ...], wide: tuple[int, ...]) -> tuple[int, int] | str:
    """The axes of frames and of classes, or what the model seems to be."""
    if len(narrow) != len(wide):
        return f"gives {narrow} for {NARROW_PX} px and {wide} for {WIDE_PX} px: no scores of frames"
    growing = [axis for axis, (a, b) in enumerate(zip(narrow, wide, strict=True)) if a != b]
    if len(narrow) == 4 or len(growing) > 1:
        return f"gives a map {wide} of a picture of {WIDE_PX} px, as a detector of text does"
    if not growing:
        if len(narrow) == 3:
            return f"gives {wide[1]} steps whatever the width {wide}: an attention decoder, or a model of fixed width"
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
    images = _noise(2, channels, height_px, NARROW_PX)
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


def _run(foreign: Foreign, images_NCHW: np.ndarray) -> list[np.ndarray]:
    try:
        return foreign.run(images_NCHW)
    except Exception as error:  # the runtime has a class of its own for every status
        height, width = images_NCHW.shape[2:]
        if foreign.width_px is not None:
            raise CheckpointError(
                f"{foreign.path}: takes pictures of {foreign.width_px} px and no other width, as a detector, a "
                "classifier or a recogniser of fixed width does; a line may be wider: export it with an open width"
            ) from error
        reason = str(error).splitlines()[0][-200:]
        raise CheckpointError(
            f"{foreign.path}: cannot run on a picture of {height} x {width} px ({reason}); give its height with "
            "--describe (height_px), or a recogniser that takes lines of any width"
        ) from error


def kind_of(scores_NTC: np.ndarray) -> Kind:
    """What scores are: probabilities and their logarithms sum to one on every frame, logits to anything."""
    sums = scores_NTC.sum(-1)
    if scores_NTC.min() >= 0 and np.abs(sums - 1).max() < 1e-2:
        return "probabilities"
    if scores_NTC.max() <= 1e-3 and np.abs(np.exp(scores_NTC.astype(np.float64)).sum(-1) - 1).max() < 1e-2:
        return "log_probabilities"
    return "logits"
