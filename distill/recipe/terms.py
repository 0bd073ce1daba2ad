"""What a distillation can minimise: one frozen model for every loss term, and the objective they make.

`docs/losses.md` has the formulas; `objective.py` turns these into sums and counts.
"""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field, model_validator

from distill.schema import Section, Span


class Term(Span):
    """A weight and how it goes over the run."""

    weight: float = Field(0.0, ge=0, description="0 switches the term off")
    schedule: Literal["constant", "linear", "cosine"] = Field(
        "constant", description="between begin and end: the weight stays, or goes to 0"
    )

    def weight_at(self, done: float) -> float:
        """The weight once a share `done` (0-1) of the steps is over."""
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


class Softened(Term):
    """A term on softened posteriors."""

    temperature: float = Field(1.0, gt=0, description="tau, softens both posteriors")


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


class SequenceKD(Softened):
    """CTC on the teacher's likeliest texts."""

    n_best: int = Field(3, ge=1, le=32, description="texts of the teacher that count as labels")
    beam: int = Field(8, ge=1, le=256, description="prefixes that the search for them keeps")

    @model_validator(mode="after")
    def _beam_holds_them(self) -> SequenceKD:
        if self.n_best > self.beam:
            raise ValueError(f"n_best {self.n_best} needs a beam as wide, not {self.beam}")
        return self


class FeatureHint(Term):
    """The student's features follow the teacher's through a projection."""

    distance: Literal["mse", "l1", "cosine"] = Field("mse", description="between projected and teacher's features")
    through_neck: bool = Field(False, description="compare what the teacher's recurrent layer makes of either")


class Consistency(Term):
    """Two views of every line, each following the other's posteriors (CR-CTC, Yao et al. 2025, arXiv 2410.05101)."""

    weight: float = Field(0.0, ge=0, description="of the KL between the views; 0: one view and no such term")
    warmup: float = Field(0.1, ge=0, lt=1, description="share of the steps over which the weight rises")


class Trust(Section):
    """What the teacher's word counts on labelled lines, given what their labels say."""

    policy: Literal["keep", "weight", "drop"] = Field(
        "keep",
        description="keep: always 1; weight: the teacher's probability of the label, to the power 1 / characters; "
        "drop: 0 where its reading has more than max_cer",
    )
    max_cer: float = Field(0.2, ge=0, description="errors a character of the label up to which drop believes it")


class PosteriorCache(Section):
    """The teacher's posteriors computed once instead of in every step."""

    views: int = Field(
        0, ge=0, le=64, description="augmented views of a line that are kept and shown in turn; 0: no cache"
    )
    top_k: int = Field(
        8, ge=1, le=1024, description="classes of a frame that are kept, the blank always; the rest is one tail"
    )
    blank_above: float = Field(
        0.9995, gt=0.5, le=1, description="neighbouring frames on which the blank is at least so likely are kept as one"
    )


class FurtherTeacher(Section):
    """A finished network that teaches beside the run's own teacher."""

    file: str = Field(description="model file or run folder, of any charset and preparation")
    weight: float = Field(1.0, gt=0, description="of its posteriors in the mean; the run's own teacher has 1")

    @model_validator(mode="before")
    @classmethod
    def _named_alone(cls, value: object) -> object:
        return {"file": value} if isinstance(value, str) else value


class FrameMatch(Section):
    """How a teacher is heard whose frames are not the student's, or come a little earlier or later."""

    how: Literal["symbols", "area", "shift"] = Field(
        "symbols",
        description="symbol by symbol through both alignments; over the frames covered; or that at the best shift",
    )
    max_shift: int = Field(2, ge=1, le=16, description="frames either way that shift tries")


class Objective(Section):
    """What the distilled student minimises; the control minimises the terms that need no teacher."""

    ctc_weight: float = Field(1.0, ge=0, description="of CTC on the labelled lines")
    class_changes_weight: float = Field(
        1.0, ge=0, description="of writing one symbol as one class, such as one case, where a label allows several"
    )
    frame_kl: FrameKL = Field(FrameKL(), description="posteriors of the teacher, frame by frame")
    blank_split: BlankSplit = Field(BlankSplit(), description="the same, blank and characters apart")
    dist: Dist = Field(Dist(), description="correlation with the teacher's posteriors")
    bag_of_symbols: Softened = Field(Softened(), description="what is written, wherever it stands")
    guided_spikes: Term = Field(Term(), description="the teacher's characters at the teacher's frames")
    aligned_cross_entropy: Term = Field(Term(), description="the teacher's alignment of the label, as frame labels")
    sequence_kd: SequenceKD = Field(SequenceKD(), description="the teacher's likeliest texts as labels")
    feature_hint: FeatureHint = Field(FeatureHint(), description="what the teacher's convolutions see")
    self_alignment: Term = Field(Term(), description="the student's own alignment (DCTC), control included")
    consistency: Consistency = Field(Consistency(), description="agreement of two views of a line, control included")
    mutual: Term = Field(Term(), description="a peer of the student's kind learns beside it, control included")
    attention: Term = Field(Term(), description="an attention decoder on the student's frames, control included")
    match: FrameMatch = Field(FrameMatch(), description="from the teacher's frames to the student's")
    calibrated: bool = Field(
        False, description="hear every teacher at the temperature that was fitted on validation and stands in its file"
    )
    trust: Trust = Field(Trust(), description="lines on which the teacher is wrong")
    cache: PosteriorCache = Field(PosteriorCache(), description="the teacher's posteriors computed once")
    more_teachers: tuple[FurtherTeacher, ...] = Field(
        (), description="further teachers, whose posteriors are averaged with the teacher's: files, or file and weight"
    )

    @model_validator(mode="after")
    def _can_be_cached(self) -> Objective:
        if self.cache.views and self.feature_hint.weight:
            raise ValueError("cache.views: features are not cached; set feature_hint.weight or cache.views to 0")
        if self.cache.views and self.frame_kl.weight and self.frame_kl.standardised:
            raise ValueError(
                "cache.views: the deviation of a frame's logits is not cached; set frame_kl.standardised to false or "
                "cache.views to 0"
            )
        if self.cache.views and self.consistency.weight:
            raise ValueError(
                "cache.views: two views of a line are not cached; set consistency.weight or cache.views to 0"
            )
        return self

    @property
    def views(self) -> int:
        """Views of every line that a step holds."""
        return 2 if self.consistency.weight else 1

    @property
    def without_teacher(self) -> Objective:
        """What is left when nobody teaches: the control's objective, whatever the settings of the silent terms."""
        silent = {name: type(getattr(self, name))(weight=0.0) for name in TAUGHT}
        shown = PosteriorCache(views=self.cache.views)  # the same views, whoever made them
        return self.model_copy(
            update={
                **silent,
                "cache": shown,
                "match": FrameMatch(),
                "trust": Trust(),
                "more_teachers": (),
                "calibrated": False,
            }
        )


TAUGHT = (
    "frame_kl", "blank_split", "dist", "bag_of_symbols", "guided_spikes", "aligned_cross_entropy", "sequence_kd",
    "feature_hint",
)  # fmt: skip
