"""What a distillation minimises: the loss terms and their weights, and how the teacher is used."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from pydantic import (
    Field,
    NonNegativeFloat,
    PositiveFloat,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from distill.recipe.terms import (
    CTC,
    AlignedCrossEntropy,
    AnyTerm,
    Attention,
    BagOfSymbols,
    BlankSplit,
    ClassChanges,
    Consistency,
    Dist,
    FeatureHint,
    FocalFrameKL,
    FrameKL,
    GuidedSpikes,
    Mutual,
    PeerCTC,
    SelfAlignment,
    SequenceKD,
    Term,
)
from distill.schema import Section, is_model, without_unset

# Terms that stand in the digests of older runs although they are off. A term that comes later is not added here.
IN_EVERY_DIGEST = {
    *("frame_kl", "blank_split", "dist", "bag_of_symbols", "guided_spikes", "aligned_cross_entropy", "sequence_kd"),
    *("feature_hint", "self_alignment", "consistency", "mutual", "attention"),
}


Ensemble: TypeAlias = Literal["frames", "symbols"]


class Trust(Section):
    """The weight of the teacher's terms, by how it reads labelled lines, how sure it is, and whose the lines are."""

    policy: Literal["keep", "weight", "drop"] = Field(
        "keep",
        description="keep: always 1; weight: the teacher's probability of the label, to the power 1 / characters; "
        "drop: 0 where its reading has more than max_cer",
    )
    max_cer: float = Field(0.2, ge=0, description="errors a character of the label up to which drop keeps the line")
    confidence: float = Field(
        0.0,
        ge=0,
        le=16,
        description="frames count by the teacher's largest posterior to this power, in frame_kl, focal_frame_kl and "
        "blank_split; 0: all alike",
    )
    sources: dict[str, NonNegativeFloat] = Field(
        {},
        description="weight of the teacher's terms on lines of a source, by its name; 1 where it is not named; with a "
        "cache the teacher does not read the lines of a source that has 0",
    )
    temperatures: dict[str, PositiveFloat] = Field(
        {},
        description="temperature of the terms that soften both posteriors, on lines of a source, by its name; their "
        "own where it is not named",
    )

    @property
    def unread(self) -> frozenset[str]:
        """Return the sources on whose lines the teacher has no say."""
        return frozenset(name for name, weight in self.sources.items() if not weight)

    @model_serializer(mode="wrap")
    def _digests_stay(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_unset(self, dump(self), ("confidence", "sources", "temperatures"))


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
    """A finished network that teaches together with the run's own teacher."""

    file: str = Field(description="model file, run folder or name of a shipped teacher, of any charset and preparation")
    weight: float = Field(1.0, gt=0, description="of its posteriors in the mean; the run's own teacher has 1")

    @model_validator(mode="before")
    @classmethod
    def _named_alone(cls, value: object) -> object:
        return {"file": value} if isinstance(value, str) else value


class FrameMatch(Section):
    """How the outputs of a teacher are brought onto the student's frames."""

    how: Literal["symbols", "near", "area", "shift", "auto"] = Field(
        "symbols",
        description="symbol by symbol through both alignments; each symbol on the best of the frames nearby; over the "
        "frames covered; or that at the best shift. near and shift act on equal frames, too. auto: symbols, on equal "
        "frames as well where the spikes of an adopted teacher scatter, as measured before the student is trained",
    )
    max_shift: int = Field(2, ge=1, le=16, description="frames either way that shift and near try")
    always: bool = Field(False, description="symbols also where teacher and student have equal frames")
    temperature: float = Field(
        1.0, gt=0, description="softens what the teacher gives to the characters of each symbol; of symbols alone"
    )

    @model_serializer(mode="wrap")
    def _digests_stay(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_unset(self, dump(self), ("always", "temperature"))

    @model_validator(mode="after")
    def _one_decides(self) -> FrameMatch:
        if self.how == "auto" and self.always:
            raise ValueError("how: auto decides whether symbols are matched always; leave always out, or set how")
        return self


class Objective(Section):
    """What the distilled student minimises; the control minimises the terms that need no teacher."""

    ctc_weight: float = Field(1.0, ge=0, description="of CTC on the labelled lines")
    class_changes_weight: float = Field(
        1.0, ge=0, description="of writing one symbol as one class, such as one case, where a label allows several"
    )
    frame_kl: FrameKL = Field(FrameKL(), description="posteriors of the teacher, frame by frame")
    focal_frame_kl: FocalFrameKL = Field(
        FocalFrameKL(), description="the same, most on frames where the student is not sure of the teacher's best class"
    )
    blank_split: BlankSplit = Field(BlankSplit(), description="the same, blank and characters apart")
    dist: Dist = Field(Dist(), description="correlation with the teacher's posteriors")
    bag_of_symbols: BagOfSymbols = Field(BagOfSymbols(), description="what is written, wherever it stands")
    guided_spikes: GuidedSpikes = Field(GuidedSpikes(), description="the teacher's characters at the teacher's frames")
    aligned_cross_entropy: AlignedCrossEntropy = Field(
        AlignedCrossEntropy(), description="the teacher's alignment of the label, as frame labels"
    )
    sequence_kd: SequenceKD = Field(SequenceKD(), description="the teacher's likeliest texts as labels")
    feature_hint: FeatureHint = Field(FeatureHint(), description="what the teacher's convolutions see")
    self_alignment: SelfAlignment = Field(
        SelfAlignment(), description="the student's own alignment (DCTC), control included"
    )
    consistency: Consistency = Field(Consistency(), description="agreement of two views of a line, control included")
    mutual: Mutual = Field(Mutual(), description="a peer of the student's kind learns with it, control included")
    attention: Attention = Field(
        Attention(), description="an attention decoder on the student's frames, control included"
    )
    match: FrameMatch = Field(FrameMatch(), description="from the teacher's frames to the student's")
    calibrated: bool = Field(
        False,
        description="take every teacher's posteriors at the temperature fitted on validation, which its file holds",
    )
    trust: Trust = Field(Trust(), description="how much the teacher counts where")
    cache: PosteriorCache = Field(PosteriorCache(), description="the teacher's posteriors computed once")
    more_teachers: tuple[FurtherTeacher, ...] = Field(
        (), description="further teachers, whose posteriors are averaged with the teacher's: files, or file and weight"
    )

    ensemble: Ensemble = Field(
        "frames",
        description="of several teachers: the mean of their posteriors frame by frame; or the first's frames and "
        "blanks, and at its symbols the means of the characters that all of them read there",
    )

    @model_validator(mode="after")
    def _can_be_cached(self) -> Objective:
        for name, term in self.terms.items():
            if self.cache.views and term.weight and term.not_cached:
                raise ValueError(
                    f"cache.views: {name} needs {term.not_cached}, which the cache does not hold; set {name}.weight or "
                    "cache.views to 0"
                )
        return self

    @model_serializer(mode="wrap")
    def _digests_stay(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_unset(self, dump(self), {"ensemble", *TAUGHT, *UNTAUGHT} - IN_EVERY_DIGEST)

    @property
    def terms(self) -> dict[str, AnyTerm]:
        """Return every term by its name, switched off or not, in the order in which a step adds them up."""
        found: dict[str, AnyTerm] = {
            "ctc": CTC(weight=self.ctc_weight),
            "class_changes": ClassChanges(weight=self.class_changes_weight),
        }
        for name in (*UNTAUGHT, *TAUGHT):
            found[name] = getattr(self, name)
            if name == "mutual":
                found["peer_ctc"] = PeerCTC(weight=self.ctc_weight if self.mutual.weight else 0.0, end=self.mutual.end)
        return found

    @property
    def views(self) -> int:
        """Return how many views of every line a step holds."""
        return 2 if self.consistency.weight else 1

    @property
    def without_teacher(self) -> Objective:
        """Return the control's objective: the terms that need no teacher, whatever the settings of the others."""
        switched_off = {name: type(getattr(self, name))(weight=0.0) for name in TAUGHT}
        shown = PosteriorCache(views=self.cache.views)  # the same views, whoever made them
        return self.model_copy(
            update={
                **switched_off,
                "cache": shown,
                "match": FrameMatch(),
                "trust": Trust(),
                "more_teachers": (),
                "ensemble": "frames",
                "calibrated": False,
            }
        )


def _names_of_terms(needs_teacher: bool) -> tuple[str, ...]:
    """The fields of an objective that are terms, those that need a teacher or the others."""
    sections = {name: field.annotation for name, field in Objective.model_fields.items()}
    return tuple(
        name for name, section in sections.items() if is_model(section, Term) and section.needs_teacher == needs_teacher
    )


TAUGHT, UNTAUGHT = _names_of_terms(needs_teacher=True), _names_of_terms(needs_teacher=False)
