"""What there is to know about a foreign recogniser: described by a person, a preset or its own files, or found out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from distill.schema import problem_in_words
from students.image import Preparation

WIDEST_PX = 4096  # as in every preparation that says nothing else
LARGEST_QUANTUM_PX = 1024
OUR_MEAN = OUR_DEVIATION = 127.5  # of our preparation where the foreign one has other values for each channel
LEAST_PROBABILITY = 1e-30  # under every logarithm
Colour = Literal["rgb", "bgr", "grey"]
Kind = Literal["logits", "probabilities", "log_probabilities"]
Layout = Literal["NTC", "TNC", "TC"]


class Settings(BaseModel):
    """What is known; None is to be found out. The keys of `--describe`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    charset: str | None = Field(None, description="file of the characters, relative to the description")
    blank: Literal["first", "last"] | None = Field(None, description="where the CTC blank stands among the classes")
    space: Literal["end", "none"] | None = Field(None, description="a space behind the entries of the charset, or none")
    output: Kind | None = Field(None, description="what the graph gives")
    layout: Layout | None = Field(None, description="order of its axes")
    colour: Colour | None = Field(None, description="order of the channels")
    height_px: int | None = Field(None, ge=8, le=256, description="height of a line")
    mean: tuple[float, ...] | None = Field(None, description="subtracted from the levels 0 to 255, one value or three")
    deviation: tuple[float, ...] | None = Field(None, description="divides them after that, one value or three")
    padding_value: int | None = Field(None, ge=0, le=255, description="level of the padding on the right")
    least_width_px: int | None = Field(None, ge=0, le=4096, description="a narrower line is padded to this width")
    width_quantum_px: int | None = Field(None, ge=1, le=1024, description="widths are padded to a multiple of this")
    resize: Literal["bilinear", "bicubic", "paddleocr"] | None = Field(None, description="filter of scaling")
    licence: str | None = Field(None, description="licence of the weights, an SPDX name")
    origin: str | None = Field(None, description="where they come from")

    @field_validator("mean", "deviation")
    @classmethod
    def _one_or_three(cls, values: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if values is not None and (len(values) not in (1, 3) or not all(map(math.isfinite, values))):
            raise ValueError("is one number or three")
        return values

    @field_validator("deviation")
    @classmethod
    def _divides(cls, values: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if values is not None and min(values) <= 0:
            raise ValueError("is above 0")
        return values

    @model_validator(mode="after")
    def _levels_together(self) -> Settings:
        if (self.mean is None) != (self.deviation is None):
            raise ValueError("mean and deviation belong together: give both, or neither to have them found out")
        return self

    def over(self, below: Settings) -> Settings:
        """Return these settings, and those of `below` where these say nothing."""
        return below.model_copy(update=self.model_dump(exclude_none=True))


def problems_in(error: ValidationError) -> str:
    """Return every problem of settings, each with its key."""
    return "; ".join(map(problem_in_words, error.errors()))


@dataclass(frozen=True)
class Fact:
    """One thing that is known about the foreign model, and why."""

    what: str
    value: str
    why: str

    def __str__(self) -> str:
        return f"{self.what}: {self.value} ({self.why})"


@dataclass(frozen=True)
class ForeignPixels:
    """From a picture to what the foreign graph takes: our preparation, then order and scale of the channels."""

    preparation: Preparation
    bgr: bool = False
    scale: tuple[float, ...] = ()  # of each channel, after our normalisation; none: as it is
    shift: tuple[float, ...] = ()

    def given(self, images_NCHW: np.ndarray) -> np.ndarray:
        """Return prepared images as the graph takes them, float32 (N, channels, H, W)."""
        if self.bgr:
            images_NCHW = images_NCHW[:, ::-1]
        if self.scale:
            scale, shift = (np.asarray(each, np.float32)[:, None, None] for each in (self.scale, self.shift))
            images_NCHW = images_NCHW * scale + shift
        return np.ascontiguousarray(images_NCHW, np.float32)


def pixels_of(known: Settings, channels: Literal[1, 3], frame_px: float, fixed_px: int | None = None) -> ForeignPixels:
    """Return how lines are prepared under complete settings; a scalar mean and deviation need no node of the graph.

    With `fixed_px` every line is padded to that width, and a wider one is refused.
    """
    assert known.height_px is not None
    assert known.mean is not None
    assert known.deviation is not None
    alike = len(set(known.mean)) == len(set(known.deviation)) == 1
    quantum_px = _divisor(fixed_px) if fixed_px else known.width_quantum_px or max(4, round(frame_px))
    preparation = Preparation(
        height_px=known.height_px,
        width_quantum_px=quantum_px,
        channels=channels,
        resize=known.resize or "bilinear",
        padding_value=127 if known.padding_value is None else known.padding_value,
        mean=known.mean[0] if alike else OUR_MEAN,
        std=known.deviation[0] if alike else OUR_DEVIATION,
        least_width_px=fixed_px or max(quantum_px, known.least_width_px or 0),  # so that lines are padded alone
        max_width_px=fixed_px or WIDEST_PX,
    )
    if alike:
        return ForeignPixels(preparation, known.colour == "bgr")
    mean, deviation = (value * 3 if len(value) == 1 else value for value in (known.mean, known.deviation))
    return ForeignPixels(
        preparation,
        known.colour == "bgr",
        tuple(OUR_DEVIATION / d for d in deviation),
        tuple((OUR_MEAN - m) / d for m, d in zip(mean, deviation, strict=True)),
    )


def _divisor(fixed_px: int) -> int:
    """The largest quantum of which a fixed width is a multiple."""
    return next(
        fixed_px // n for n in range(1, fixed_px + 1) if fixed_px % n == 0 and fixed_px // n <= LARGEST_QUANTUM_PX
    )
