"""What the loss terms are computed from: the outputs of the student and the teacher on one batch, brought together."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeVar

from torch import Tensor, nn

from distill.data.batch import Batch
from distill.data.labels import Folding
from distill.data.posteriors import Cached, Posteriors
from distill.recipe.objective import Objective, Trust
from distill.teaching.auxiliary import ATTENTION, HINT
from distill.teaching.losses.large import MANY_CLASSES, Sparse, ctc_and_kl
from distill.teaching.losses.matching import averages_frames, matched, rest_as_student
from distill.teaching.losses.sequence import KnownTexts
from distill.teaching.teacher import CachedTeacher, TeacherSource
from distill.teaching.trust import empty_lines, read_in, temperatures_in, trust_in, unless_empty
from students.parts import Outputs

T = TypeVar("T")
FEW_UNKNOWN = 0.02  # share of the classes


class Labels(NamedTuple):
    """The labels of a batch, as every term on labelled lines takes them."""

    targets_NL: Tensor
    target_lengths_N: Tensor
    labelled_N: Tensor
    foldings: tuple[Folding | None, ...]


class Fused(NamedTuple):
    """CTC and the KL to a cached teacher, computed together without making the teacher dense."""

    ctc_N: Tensor  # nats of a line
    kl_NT: Tensor  # of a frame: frame KL, or blank split
    best_NT: Tensor  # the teacher's best class of a frame
    posteriors: Posteriors
    cached: Cached


@dataclass(frozen=True)
class TermInputs:
    """The student's outputs on a batch, the labels, and the teacher's outputs where there is a teacher.

    `on_own_frames` holds the teacher's outputs on its own frames and `on_student_frames` those on the student's, by
    temperature: a network has one entry, at 1; a cache one for each temperature that it keeps.
    """

    student: Outputs
    batch: Batch
    on_own_frames: Mapping[float, Outputs] = field(default_factory=dict)
    on_student_frames: Mapping[float, Outputs] = field(default_factory=dict)
    trust_N: Tensor | None = None  # weight of the teacher's terms on a line
    features: tuple[Tensor, Tensor] | None = None  # student's and teacher's, on the student's frames, for the hint
    peer: Outputs | None = None
    decoder: nn.Module | None = None
    fused: Fused | None = None
    sure_NT: Tensor | None = None  # weight of KL on a frame; None: 1
    temperatures_N: Tensor | None = None  # of each line's source, NaN: the term's own; None: the term's own everywhere
    known_texts: KnownTexts | None = None  # of a teacher whose posteriors come again
    of_taught: TermInputs | None = None  # of the lines alone that the teacher has a say on; None: it has on all

    @property
    def taught(self) -> TermInputs:
        """Return the inputs of the terms that need the teacher."""
        return self.of_taught or self

    @property
    def n_lines(self) -> int:
        """Return the number of lines."""
        return len(self.student.lengths_N)

    def teacher(self, temperature: float = 1.0) -> Outputs:
        """Return the teacher's outputs on the student's frames, at a temperature where it has such an entry."""
        return self.on_student_frames.get(temperature, self.on_student_frames[1.0])

    def teacher_on_its_frames(self, temperature: float = 1.0) -> Outputs:
        """Return the teacher's outputs on its own frames, likewise."""
        return self.on_own_frames.get(temperature, self.on_own_frames[1.0])

    def of_lines(self, rows_M: Tensor) -> TermInputs:
        """Return the same of some lines, for the terms that soften posteriors, which look at no label."""

        def some(tensor: Tensor | None) -> Tensor | None:
            return None if tensor is None else tensor[rows_M.to(tensor.device)]

        return replace(
            self,
            student=_of_lines(self.student, rows_M),
            on_own_frames={tau: _of_lines(outputs, rows_M) for tau, outputs in self.on_own_frames.items()},
            on_student_frames={tau: _of_lines(outputs, rows_M) for tau, outputs in self.on_student_frames.items()},
            trust_N=some(self.trust_N),
            sure_NT=some(self.sure_NT),
            temperatures_N=None,
        )

    @property
    def labels(self) -> Labels:
        """Return the labels of the batch."""
        b = self.batch
        return Labels(b.targets_NL, b.target_lengths_N, b.labelled_N, b.foldings)


def term_inputs(
    objective: Objective,
    names: Collection[str],
    student: Outputs,
    batch: Batch,
    auxiliary: nn.ModuleDict,
    peer: Outputs | None,
    teacher: TeacherSource | None,
) -> TermInputs:
    """Return what the named terms need. `peer` holds the outputs of the peer; None for `teacher`: no term needs one."""
    decoder = auxiliary[ATTENTION] if ATTENTION in auxiliary else None  # noqa: SIM401 - a ModuleDict has no get
    without_teacher = TermInputs(student, batch, peer=peer, decoder=decoder)
    if teacher is None:
        return without_teacher
    taught_N = read_in(batch, objective.trust)
    if taught_N is not None and not taught_N.all():
        of_taught = _of_taught(objective, names, without_teacher, taught_N, auxiliary, teacher)
        return replace(without_teacher, of_taught=of_taught)
    own = teacher.outputs_by_temperature(batch)
    match, unknown_C = objective.match, teacher.unknown_C
    as_they_are = {1.0: own[1.0]} if averages_frames(own[1.0], student, match) else own
    soft = own.get(match.temperature, own[1.0])
    of_tau = {tau: matched(outputs, student, match, unknown_C, soft) for tau, outputs in as_they_are.items()}
    onto = {tau: rest_as_student(outputs, student, unknown_C) for tau, (outputs, _) in of_tau.items()}
    known_texts = teacher.known_texts if isinstance(teacher, CachedTeacher) else None
    sure_NT = None
    if objective.trust.confidence:
        sure_NT = of_tau[1.0].sureness_NT ** objective.trust.confidence
    features = None
    if "feature_hint" in names:
        neck = teacher.neck if objective.feature_hint.through_neck else None
        features = auxiliary[HINT](student, own[1.0], neck)
    trust_N = trust_in(own[1.0], batch, objective.trust)
    if teacher.is_foreign:
        trust_N = unless_empty(trust_N, batch)
    return TermInputs(
        student,
        batch,
        on_own_frames=own,
        on_student_frames=onto,
        trust_N=trust_N,
        features=features,
        peer=peer,
        decoder=decoder,
        sure_NT=sure_NT,
        temperatures_N=temperatures_in(batch, objective.trust),
        known_texts=known_texts,
    )


def _of_taught(
    objective: Objective,
    names: Collection[str],
    every: TermInputs,
    taught_N: Tensor,
    auxiliary: nn.ModuleDict,
    teacher: TeacherSource,
) -> TermInputs:
    """The inputs of the lines that the teacher has a say on: it is not asked about the others, nor compared on them."""
    rows_M = taught_N.nonzero().flatten()
    student, batch = _of_lines(every.student, rows_M), every.batch.of_lines(rows_M)
    if not len(rows_M):
        return TermInputs(student, batch)
    return term_inputs(objective, names, student, batch, auxiliary, None, teacher)


def _of_lines(outputs: Outputs, rows_M: Tensor) -> Outputs:
    return Outputs(*(tensor[rows_M.to(tensor.device)] for tensor in outputs))


def compact_inputs(
    objective: Objective, names: Collection[str], student: Outputs, batch: Batch, teacher: TeacherSource | None
) -> TermInputs | None:
    """Return `term_inputs` with CTC and frame KL or blank split fused, for thousands of classes and a cached teacher.

    None where that is not possible: with few classes, another term that needs the teacher, trust, folded labels,
    unequal frames, or equal ones that are matched all the same. A teacher may lack up to `FEW_UNKNOWN` of the classes:
    what it gives to characters beside the charset is then shared evenly among these, as the cache has it.
    """
    posteriors = batch.posteriors
    if not isinstance(teacher, CachedTeacher) or posteriors is None or student.logits_NTC.shape[-1] < MANY_CLASSES:
        return None
    kl, split = objective.frame_kl, objective.blank_split
    match [name for name in names if name not in ("ctc", "class_changes")]:
        case ["frame_kl"] if not kl.standardised:
            tau, alpha, beta = kl.temperature, 1.0, 1.0
        case ["blank_split"]:
            tau, alpha, beta = split.temperature, split.alpha, split.beta
        case _:
            return None
    match = objective.match
    as_it_is = match.how == "area" or (match.how == "symbols" and not match.always)
    plain = as_it_is and objective.trust == Trust() and not any(batch.foldings)
    (_, frames, k), (_, own_frames, n_classes) = posteriors.classes_NTK.shape, student.logits_NTC.shape
    if teacher.is_foreign and empty_lines(batch).any():
        return None
    n_unknown = 0 if (unknown_C := teacher.unknown_C) is None else int(unknown_C.sum())
    if not (plain and n_unknown <= FEW_UNKNOWN * n_classes and frames == own_frames and k < n_classes):
        return None
    tail_NT = posteriors.tails_NTV[..., teacher.cached.temperatures.index(tau)]
    sparse = Sparse(posteriors.classes_NTK, posteriors.log_p_NTK, tail_NT, tau, alpha, beta)
    nats = ctc_and_kl(student.logits_NTC.float(), student.lengths_N, batch.targets_NL, batch.target_lengths_N, sparse)
    best_NT = posteriors.classes_NTK.gather(-1, posteriors.log_p_NTK.argmax(-1, keepdim=True))[..., 0]
    return TermInputs(student, batch, fused=Fused(*nats, best_NT, posteriors, teacher.cached))


def needed(auxiliary: T | None, name: str) -> T:
    """Return `auxiliary`; raises `ValueError` where it is None."""
    if auxiliary is None:
        raise ValueError(f"a term needs the auxiliary module {name}, but there is none")
    return auxiliary
