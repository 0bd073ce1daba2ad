"""The sections of a recipe that switch loss terms on: one frozen model a term.

A section carries every fact about its term; `distill.teaching.objective` computes it, `docs/losses.md` has the formula.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal, TypeAlias

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from distill.schema import Span, without_unset


class Term(Span):
    """A loss term: its weight, and how the weight changes over the run."""

    needs_teacher: ClassVar[bool] = False
    labelled_only: ClassVar[bool] = False  # it is computed on labelled lines, and divided by their number
    needs_every_character: ClassVar[bool] = False  # some teacher must know every character of the lines

    weight: float = Field(0.0, ge=0, description="0 switches the term off")
    schedule: Literal["constant", "linear", "cosine"] = Field(
        "constant", description="between begin and end: the weight stays, or goes to 0"
    )

    def weight_at(self, done: float) -> float:
        """Return the weight once a share `done` (0-1) of the steps is over."""
        if not self.begin <= done < self.end:
            return 0.0
        over = (done - self.begin) / (self.end - self.begin)
        match self.schedule:
            case "constant":
                return self.weight
            case "linear":
                return self.weight * (1 - over)
            case "cosine":
                return self.weight * 0.5 * (1 + math.cos(math.pi * over))

    @property
    def teacher_temperature(self) -> float:
        """Return the temperature at which the term takes the posteriors of the teacher."""
        return 1.0

    @property
    def not_cached(self) -> str | None:
        """Return what the term needs that the cache of posteriors does not hold; None where it works with the cache."""
        return None


class Softened(Term):
    """A term on softened posteriors of the teacher and the student."""

    needs_teacher = True

    temperature: float = Field(1.0, gt=0, description="tau, softens both posteriors")

    @property
    def teacher_temperature(self) -> float:
        return self.temperature


class CTC(Term):
    """CTC on the labels; the objective makes it of `ctc_weight`."""

    labelled_only = True


class ClassChanges(Term):
    """The expected number of changes within a symbol; the objective makes it of `class_changes_weight`."""

    labelled_only = True


class PeerCTC(Term):
    """CTC of the peer that mutual learning needs; the objective makes it of `ctc_weight` and `mutual`."""

    labelled_only = True


class FrameKL(Softened):
    """tau^2 KL(teacher || student), frame by frame."""

    frames: Literal["all", "weighted", "elimination", "symmetric"] = Field(
        "symmetric",
        description="all; all, blank ones by blank_weight; those on which the teacher writes a character; those and "
        "their neighbours",
    )
    neighbours: int = Field(1, ge=0, le=16, description="frames either side that symmetric adds")
    blank_weight: float = Field(0.2, ge=0, description="of frames on which the teacher writes nothing, with weighted")
    standardised: bool = Field(False, description="logits of a frame brought to mean 0 and deviation 1 first")

    @property
    def not_cached(self) -> str | None:
        return "the deviation of a frame's logits (frame_kl.standardised)" if self.standardised else None


class FocalFrameKL(Softened):
    """tau^2 (1 - q(c))^gamma KL(teacher || student), frame by frame, c the teacher's best class."""

    gamma: float = Field(2.0, ge=0, le=16, description="how little frames count on which the student is sure of c")


class BlankSplit(Softened):
    """KL on blank or not, and KL among the characters, each with its weight: what a student minimises by default."""

    weight: float = Field(4.0, ge=0, description="0 switches the term off")
    temperature: float = Field(2.0, gt=0, description="tau, softens both posteriors")
    alpha: float = Field(1.0, ge=0, description="of whether something is written")
    beta: float = Field(2.0, ge=0, description="of what is written")


class Dist(Softened):
    """Correlations instead of divergences."""

    between: float = Field(1.0, ge=0, description="of the correlation over the classes of a frame")
    within: float = Field(1.0, ge=0, description="of the correlation over the frames of a class")


class BagOfSymbols(Softened):
    """KL between what teacher and student write anywhere on a line."""

    needs_every_character = True


class GuidedSpikes(Term):
    """The student writes the teacher's characters at the teacher's frames."""

    needs_teacher = True
    needs_every_character = True


class AlignedCrossEntropy(Term):
    """The teacher's alignment of the label, as frame labels."""

    needs_teacher = True
    needs_every_character = True


class SequenceKD(Term):
    """CTC on the teacher's likeliest texts."""

    needs_teacher = True
    needs_every_character = True

    temperature: float = Field(1.0, gt=0, description="tau, softens the probabilities of the texts")
    lines: Literal["all", "unlabelled", "disagreeing"] = Field(
        "all",
        description="all; unlabelled ones; those and the labelled ones that the teacher reads otherwise, as a second "
        "opinion",
    )
    by_probability: bool = Field(
        False, description="a text weighs its probability; false: of a line's texts the weights are brought to one"
    )
    n_best: int = Field(3, ge=1, le=32, description="texts of the teacher that count as labels")
    beam: int = Field(8, ge=1, le=256, description="prefixes that the search for them keeps")

    @model_serializer(mode="wrap")
    def _digests_stay(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_unset(self, dump(self), ("lines", "by_probability"))

    @model_validator(mode="after")
    def _beam_holds_them(self) -> SequenceKD:
        if self.n_best > self.beam:
            raise ValueError(f"n_best {self.n_best} needs a beam as wide, not {self.beam}")
        return self


class FeatureHint(Term):
    """The student's features follow the teacher's through a projection."""

    needs_teacher = True

    distance: Literal["mse", "l1", "cosine"] = Field("mse", description="between projected and teacher's features")
    through_neck: bool = Field(False, description="compare what the teacher's recurrent layer makes of either")

    @property
    def not_cached(self) -> str | None:
        return "features"


class SelfAlignment(Term):
    """The student's own alignment of the label, as frame labels (DCTC)."""

    labelled_only = True


class Consistency(Term):
    """Two views of every line, each following the other's posteriors (CR-CTC, Yao et al. 2025, arXiv 2410.05101)."""

    weight: float = Field(0.0, ge=0, description="of the KL between the views; 0: one view and no such term")
    warmup: float = Field(0.1, ge=0, lt=1, description="share of the steps over which the weight rises")

    def weight_at(self, done: float) -> float:
        rising = min(1.0, (done - self.begin) / self.warmup) if self.warmup else 1.0
        return super().weight_at(done) * rising

    @property
    def not_cached(self) -> str | None:
        return "two views of a line"


class Mutual(Term):
    """The student and a peer of its kind follow each other."""


class Attention(Term):
    """Cross-entropy of an attention decoder on the student's frames."""

    labelled_only = True


SoftenedTerm: TypeAlias = FrameKL | FocalFrameKL | BlankSplit | Dist | BagOfSymbols
AnyTerm: TypeAlias = (
    CTC
    | ClassChanges
    | SelfAlignment
    | Consistency
    | Mutual
    | PeerCTC
    | Attention
    | FrameKL
    | FocalFrameKL
    | BlankSplit
    | Dist
    | BagOfSymbols
    | GuidedSpikes
    | AlignedCrossEntropy
    | SequenceKD
    | FeatureHint
)
