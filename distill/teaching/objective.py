"""What a training minimises, as named sums and counts; and what is watched beside it.

Every term of `terms.py` has its function here, and two facts: whether it needs a teacher, and whether it speaks of
labelled lines only. Only the step divides, by the counts of the whole step over all processes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from rapidfuzz.distance import Levenshtein
from torch import Tensor, nn
from typing_extensions import assert_never

from distill.data.batch import Batch, StepData
from distill.data.posteriors import Cached, Posteriors
from distill.recipe.terms import Objective, Trust
from distill.teaching.auxiliary import ATTENTION, HINT, PEER
from distill.teaching.losses.alignment import aligned_cross_entropy, guided_spikes, self_alignment
from distill.teaching.losses.attention import attention
from distill.teaching.losses.ctc import class_changes, ctc, nats_of
from distill.teaching.losses.features import feature_hint
from distill.teaching.losses.frames import mean_over, summed, valid_frames
from distill.teaching.losses.large import MANY_CLASSES, Sparse, ctc_and_kl, sparse_kl
from distill.teaching.losses.logits import (
    bag_of_symbols,
    blank_split,
    consistency,
    dist,
    frame_kl,
    kl_per_frame,
    mutual,
    shares,
)
from distill.teaching.losses.matching import equal_frames, matched, rest_as_student
from distill.teaching.losses.sequence import sequence_kd
from distill.teaching.teacher import FrozenTeacher
from students.charset import BLANK
from students.decode import collapse
from students.parts import Outputs

Terms = dict[str, tuple[Tensor, int]]
T = TypeVar("T")


@dataclass(frozen=True)
class Judged:
    """What a term looks at: the student's outputs, the lines, and what the teacher says, if there is one.

    `heard` has the teacher's outputs on its own frames, `onto` on the student's, at each temperature that has its
    own: a network has one for all, a cache one for each.
    """

    student: Outputs
    batch: Batch
    heard: Mapping[float, Outputs]
    onto: Mapping[float, Outputs]
    trust_N: Tensor | None = None
    hinted: tuple[Tensor, Tensor] | None = None  # features of both sides on the student's frames
    peer: Outputs | None = None
    decoder: nn.Module | None = None
    fused: tuple[Tensor, Tensor] | None = None  # CTC of every line and KL or split of every frame, of one gradient

    def teacher(self, temperature: float = 1.0) -> Outputs:
        """On the student's frames."""
        return self.onto.get(temperature, self.onto[1.0])


@dataclass(frozen=True)
class Kind:
    """How a term is computed, whether a teacher must speak, and of which lines it speaks."""

    compute: Callable[[Objective, Judged], tuple[Tensor, int]]
    taught: bool = True
    labelled_only: bool = False


def _ctc(_: Objective, j: Judged) -> tuple[Tensor, int]:
    if j.fused is not None:
        labelled_N = j.batch.labelled_N.to(j.fused[0].device)
        return (j.fused[0] / j.student.lengths_N)[labelled_N].sum(), int(labelled_N.sum())
    return ctc(j.student, j.batch.targets_NL, j.batch.target_lengths_N, j.batch.labelled_N, j.batch.foldings)


def _class_changes(_: Objective, j: Judged) -> tuple[Tensor, int]:
    return class_changes(j.student, j.batch.labelled_N, j.batch.foldings)


def _self_alignment(_: Objective, j: Judged) -> tuple[Tensor, int]:
    b = j.batch
    return self_alignment(j.student, b.targets_NL, b.target_lengths_N, b.labelled_N, b.foldings)


def _consistency(_: Objective, j: Judged) -> tuple[Tensor, int]:
    return consistency(j.student)


def _mutual(_: Objective, j: Judged) -> tuple[Tensor, int]:
    return mutual(j.student, _needed(j.peer, PEER))


def _peer_ctc(_: Objective, j: Judged) -> tuple[Tensor, int]:
    b = j.batch
    return ctc(_needed(j.peer, PEER), b.targets_NL, b.target_lengths_N, b.labelled_N, b.foldings)


def _attention(_: Objective, j: Judged) -> tuple[Tensor, int]:
    b, decoder = j.batch, _needed(j.decoder, ATTENTION)
    return attention(decoder, j.student, b.targets_NL, b.target_lengths_N, b.labelled_N, b.foldings)


def _frame_kl(o: Objective, j: Judged) -> tuple[Tensor, int]:
    kl = o.frame_kl
    if j.fused is not None:
        written_NT = _best(_needed(j.batch.posteriors, "cached teacher")) != BLANK
        chosen_NT = shares(valid_frames(j.student), written_NT, kl.frames, kl.neighbours, kl.blank_weight)
        return summed(kl.temperature**2 * mean_over(j.fused[1], chosen_NT))
    return frame_kl(
        j.student, j.teacher(kl.temperature), temperature=kl.temperature, frames=kl.frames, neighbours=kl.neighbours,
        blank_weight=kl.blank_weight, standardised=kl.standardised, weights_N=j.trust_N,
    )  # fmt: skip


def _blank_split(o: Objective, j: Judged) -> tuple[Tensor, int]:
    split = o.blank_split
    if j.fused is not None:
        return summed(split.temperature**2 * mean_over(j.fused[1], valid_frames(j.student)))
    return blank_split(
        j.student, j.teacher(split.temperature), temperature=split.temperature, alpha=split.alpha, beta=split.beta,
        weights_N=j.trust_N,
    )  # fmt: skip


def _dist(o: Objective, j: Judged) -> tuple[Tensor, int]:
    tau = o.dist.temperature
    return dist(
        j.student, j.teacher(tau), temperature=tau, between=o.dist.between, within=o.dist.within, weights_N=j.trust_N
    )  # fmt: skip


def _bag_of_symbols(o: Objective, j: Judged) -> tuple[Tensor, int]:
    tau = o.bag_of_symbols.temperature
    return bag_of_symbols(j.student, j.heard.get(tau, j.heard[1.0]), temperature=tau, weights_N=j.trust_N)


def _guided_spikes(_: Objective, j: Judged) -> tuple[Tensor, int]:
    return guided_spikes(j.student, j.teacher(), weights_N=j.trust_N)


def _aligned_cross_entropy(_: Objective, j: Judged) -> tuple[Tensor, int]:
    b = j.batch
    return aligned_cross_entropy(
        j.student, j.teacher(), b.targets_NL, b.target_lengths_N, b.labelled_N, b.foldings, weights_N=j.trust_N
    )


def _sequence_kd(o: Objective, j: Judged) -> tuple[Tensor, int]:
    kd = o.sequence_kd
    return sequence_kd(
        j.student, j.heard[1.0], n_best=kd.n_best, beam=kd.beam, temperature=kd.temperature, weights_N=j.trust_N
    )


def _feature_hint(o: Objective, j: Judged) -> tuple[Tensor, int]:
    ours_NTD, theirs_NTD = _needed(j.hinted, HINT)
    return feature_hint(ours_NTD, theirs_NTD, j.student, distance=o.feature_hint.distance, weights_N=j.trust_N)


def _needed(beside: T | None, name: str) -> T:
    if beside is None:
        raise ValueError(f"no {name} learns beside the student, but a term needs it")
    return beside


KINDS: Mapping[str, Kind] = {
    "ctc": Kind(_ctc, taught=False, labelled_only=True),
    "class_changes": Kind(_class_changes, taught=False, labelled_only=True),
    "self_alignment": Kind(_self_alignment, taught=False, labelled_only=True),
    "consistency": Kind(_consistency, taught=False),
    "mutual": Kind(_mutual, taught=False),
    "peer_ctc": Kind(_peer_ctc, taught=False, labelled_only=True),
    "attention": Kind(_attention, taught=False, labelled_only=True),
    "frame_kl": Kind(_frame_kl),
    "blank_split": Kind(_blank_split),
    "dist": Kind(_dist),
    "bag_of_symbols": Kind(_bag_of_symbols),
    "guided_spikes": Kind(_guided_spikes),
    "aligned_cross_entropy": Kind(_aligned_cross_entropy),
    "sequence_kd": Kind(_sequence_kd),
    "feature_hint": Kind(_feature_hint),
}


def term_weights(objective: Objective, done: float, taught: bool) -> dict[str, float]:
    """The weights of the terms that speak once a share `done` (0-1) of the steps is over."""
    views = objective.consistency
    rising = min(1.0, (done - views.begin) / views.warmup) if views.warmup else 1.0
    weights = {
        "ctc": objective.ctc_weight,
        "class_changes": objective.class_changes_weight,
        "consistency": views.weight_at(done) * rising,
        "peer_ctc": objective.ctc_weight if objective.mutual.weight and done < objective.mutual.end else 0.0,
    }
    for name, kind in KINDS.items():
        if name not in weights and (taught or not kind.taught):
            weights[name] = getattr(objective, name).weight_at(done)
    return {name: weights[name] for name in KINDS if weights.get(name)}


def term_counts(names: Iterable[str], step: StepData) -> dict[str, int]:
    """The lines of a whole step, over all micro-batches and processes, that each term speaks of."""
    return {name: step.n_labelled if KINDS[name].labelled_only else step.n_items for name in names}


def judge(
    objective: Objective, names: Collection[str], student: Outputs, heard: Mapping[float, Outputs] | None, batch: Batch,
    beside: nn.ModuleDict, peer: Outputs | None, teacher: FrozenTeacher | None,
) -> Judged:  # fmt: skip
    """What the named terms look at; `beside` is what learns beside the student, `peer` what its peer says."""
    decoder = beside[ATTENTION] if ATTENTION in beside else None  # noqa: SIM401 - a ModuleDict has no get
    if heard is None:
        return Judged(student, batch, {}, {}, peer=peer, decoder=decoder)
    match, unknown_C = objective.match, teacher.unknown_C if teacher is not None else None
    as_they_are = heard if equal_frames(heard[1.0], student) else {1.0: heard[1.0]}  # means of frames are taken at 1
    onto = {
        tau: rest_as_student(matched(outputs, student, match.how, match.max_shift, unknown_C), student, unknown_C)
        for tau, outputs in as_they_are.items()
    }
    hinted = None
    if "feature_hint" in names:
        through = teacher.neck if teacher is not None and objective.feature_hint.through_neck else None
        hinted = beside[HINT](student, heard[1.0], through)
    trust_N = trust_in(heard[1.0], batch, objective.trust)
    return Judged(student, batch, heard, onto, trust_N, hinted, peer, decoder)


def judge_compactly(
    objective: Objective, names: Collection[str], student: Outputs, batch: Batch, teacher: FrozenTeacher | None
) -> Judged | None:
    """`judge` with CTC and frame KL, or blank split, as one, and a cached teacher never made dense; else None.

    It wins where there are thousands of classes, and serves where nothing else listens to the teacher.
    """
    kl, split, said = objective.frame_kl, objective.blank_split, batch.posteriors
    if teacher is None or teacher.cached is None or said is None or student.logits_NTC.shape[-1] < MANY_CLASSES:
        return None
    match [name for name in names if name not in ("ctc", "class_changes")]:
        case ["frame_kl"] if not kl.standardised:
            tau, alpha, beta = kl.temperature, 1.0, 1.0
        case ["blank_split"]:
            tau, alpha, beta = split.temperature, split.alpha, split.beta
        case _:
            return None
    plain = objective.match.how != "shift" and objective.trust.policy == "keep" and not any(batch.foldings)
    (_, frames, k), (_, own_frames, n_classes) = said.classes_NTK.shape, student.logits_NTC.shape
    if not (plain and teacher.unknown_C is None and frames == own_frames and k < n_classes):
        return None
    tail_NT = said.tails_NTV[..., teacher.cached.temperatures.index(tau)]
    sparse = Sparse(said.classes_NTK, said.log_p_NTK, tail_NT, tau, alpha, beta)
    fused = ctc_and_kl(student.logits_NTC.float(), student.lengths_N, batch.targets_NL, batch.target_lengths_N, sparse)
    return Judged(student, batch, {}, {}, fused=fused)


def _best(said: Posteriors) -> Tensor:
    """A cached teacher's best class of every frame, (N, T)."""
    return said.classes_NTK.gather(-1, said.log_p_NTK.argmax(-1, keepdim=True))[..., 0]


def loss_terms(objective: Objective, names: Iterable[str], judged: Judged) -> Terms:
    """Sum and count of every named term."""
    return {name: KINDS[name].compute(objective, judged) for name in names}


@torch.no_grad()
def trust_in(teacher: Outputs, batch: Batch, trust: Trust) -> Tensor | None:
    """What the teacher's word counts on every line, (N,); None: 1 everywhere. Unlabelled lines: always 1."""
    match trust.policy:
        case "keep":
            return None
        case "weight":
            return _probability_of_label(teacher, batch)
        case "drop":
            errors_N = torch.tensor(_errors_a_character(teacher.logits_NTC.argmax(-1), teacher.lengths_N, batch))
            return (errors_N <= trust.max_cer).float()
        case _:
            assert_never(trust.policy)


def _probability_of_label(teacher: Outputs, batch: Batch) -> Tensor:
    """P(label) to the power 1 / characters."""
    trust_N = torch.ones(len(batch.keys))
    for row in torch.nonzero(batch.labelled_N.cpu()).flatten().tolist():
        one = slice(row, row + 1)
        nats = nats_of(
            teacher.logits_NTC[one], teacher.lengths_N[one], batch.targets_NL[one], batch.target_lengths_N[one],
            batch.foldings[row],
        )  # fmt: skip
        trust_N[row] = torch.exp(-nats[0] / max(1, int(batch.target_lengths_N[row])))
    return trust_N


def _errors_a_character(path_NS: Tensor, lengths_N: Tensor, batch: Batch) -> list[float]:
    """Edits between the teacher's best path and the label, over the label's characters, as far as the label tells."""
    of_lines = path_NS.cpu().numpy()
    errors = []
    for row, labelled in enumerate(batch.labelled_N.tolist()):
        label = batch.targets_NL[row, : batch.target_lengths_N[row]].tolist()
        read = collapse(of_lines[row, : int(lengths_N[row])])
        if (folded := batch.foldings[row]) is not None:
            label, read = folded.fold(label), folded.fold(read)
        errors.append(Levenshtein.distance(read, label) / max(1, len(label)) if labelled else 0.0)
    return errors


class Word(NamedTuple):
    """What a teacher says, as it is watched: best classes and KL on the student's frames, the rest on its own."""

    best_NT: Tensor
    kl_NT: Tensor  # at temperature 1
    path_NS: Tensor
    entropy_NS: Tensor
    lengths_N: Tensor


@torch.inference_mode()
def watched(judged: Judged, cached: Cached | None) -> Mapping[str, float]:
    """Figures of one batch that explain a curve: blank share, and where a teacher speaks, what it says.

    `kl_blank` and `kl_character`: mean KL at temperature 1 on frames where the teacher's best class is the
    blank or a character. `spike_offset`: median of student minus teacher position of the same character, in
    frames, over lines on which both read the same text. `teacher_wrong`: share of the labelled lines that the teacher
    reads otherwise than their labels say.
    """
    best_NT = judged.student.logits_NTC.argmax(-1)
    figures = {"blank_share": (best_NT == BLANK).float().mean().item()}
    if judged.fused is not None and cached is not None:
        word = _cached_word(judged, cached)
    elif judged.heard:
        word = _word(judged)
    else:
        return figures
    figures["teacher_entropy"] = word.entropy_NS.mean().item()
    blank_NT = word.best_NT == BLANK
    for name, frames_NT in (("kl_blank", blank_NT), ("kl_character", ~blank_NT)):
        if frames_NT.any():
            figures[name] = word.kl_NT[frames_NT].mean().item()
    offsets = _spike_offsets(best_NT.cpu().numpy(), word.best_NT.cpu().numpy())
    if offsets:
        figures["spike_offset"] = float(np.median(offsets))
    if n_labelled := int(judged.batch.labelled_N.sum()):
        errors = _errors_a_character(word.path_NS, word.lengths_N, judged.batch)
        figures["teacher_wrong"] = sum(e > 0 for e in errors) / n_labelled
    return figures


def _word(judged: Judged) -> Word:
    student, teacher, heard = judged.student, judged.teacher(), judged.heard[1.0]
    log_p_NSC = heard.logits_NTC.float().log_softmax(-1)
    return Word(
        teacher.logits_NTC.argmax(-1), kl_per_frame(student.logits_NTC, teacher.logits_NTC, 1.0),
        heard.logits_NTC.argmax(-1), -(log_p_NSC.exp() * log_p_NSC).sum(-1), heard.lengths_N,
    )  # fmt: skip


def _cached_word(judged: Judged, cached: Cached) -> Word:
    """The same of a cached teacher, never made dense: the tail is taken as flat in the entropy, as one in the KL."""
    said = _needed(judged.batch.posteriors, "cached teacher")
    logits_NTC, lengths_N = judged.student.logits_NTC.float(), judged.student.lengths_N
    tail_NT1 = said.tails_NTV[..., cached.temperatures.index(1.0), None]
    log_p_NTX = torch.cat([said.log_p_NTK, tail_NT1], -1)
    each_NTX = torch.cat([said.log_p_NTK, tail_NT1 - math.log(logits_NTC.shape[-1] - cached.top_k)], -1)
    best_NT = _best(said)
    kl_NT = sparse_kl(logits_NTC, Sparse(said.classes_NTK, said.log_p_NTK, tail_NT1[..., 0], 1.0))
    return Word(best_NT, kl_NT, best_NT, -(log_p_NTX.exp() * each_NTX).sum(-1), lengths_N)


def _spike_offsets(student_NT: np.ndarray, teacher_NT: np.ndarray) -> list[int]:
    offsets: list[int] = []
    for student_T, teacher_T in zip(student_NT, teacher_NT, strict=True):
        if collapse(student_T) == collapse(teacher_T):
            offsets += (_spikes(student_T) - _spikes(teacher_T)).tolist()
    return offsets


def _spikes(classes_T: np.ndarray) -> np.ndarray:
    """First frame of every character that the path writes."""
    return np.flatnonzero((np.diff(classes_T, prepend=BLANK) != 0) & (classes_T != BLANK))
