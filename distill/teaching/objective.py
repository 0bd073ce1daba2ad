"""What a training minimises: every term of an objective as a sum and a count, and its weight at a step.

The facts about a term stand in its section, in `distill.recipe.terms`; `sum_and_count` computes it. Only the step
divides, by the counts of the whole step over all processes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

import torch
from torch import Tensor
from typing_extensions import assert_never

from distill.recipe import terms
from distill.recipe.objective import Objective
from distill.teaching.auxiliary import ATTENTION, HINT, PEER
from distill.teaching.inputs import TermInputs, needed
from distill.teaching.losses.alignment import aligned_cross_entropy, guided_spikes, self_alignment
from distill.teaching.losses.attention import attention
from distill.teaching.losses.ctc import class_changes, ctc
from distill.teaching.losses.features import feature_hint
from distill.teaching.losses.frames import mean_over, summed, valid_frames
from distill.teaching.losses.logits import (
    bag_of_symbols,
    blank_split,
    consistency,
    dist,
    focal_frame_kl,
    frame_kl,
    mutual,
    shares,
)
from distill.teaching.losses.sequence import Search, sequence_kd
from distill.teaching.trust import errors_a_character
from students.charset import BLANK


class AnyObjective(Protocol):
    """What a task minimises: named terms."""

    @property
    def terms(self) -> Mapping[str, terms.Term]:
        """Return every term by its name, switched off or not."""


class Counted(Protocol):
    """A step as terms count it: its items, and those of them that have a label."""

    @property
    def n_items(self) -> int:
        """Return the items of the whole step, over all processes."""

    @property
    def n_labelled(self) -> int:
        """Return how many of them have a label."""


def term_weights(objective: AnyObjective, done: float, taught: bool) -> dict[str, float]:
    """Return the weights above 0 once a share `done` (0-1) of the steps is over; `taught`: there is a teacher."""
    weights = {name: term.weight_at(done) for name, term in objective.terms.items() if taught or not term.needs_teacher}
    return {name: weight for name, weight in weights.items() if weight}


def any_needs_teacher(objective: AnyObjective, names: Iterable[str]) -> bool:
    """Return whether one of the named terms needs the outputs of a teacher."""
    of_objective = objective.terms
    return any(of_objective[name].needs_teacher for name in names)


def term_counts(objective: AnyObjective, names: Iterable[str], step: Counted) -> dict[str, int]:
    """Return the items of a whole step, over all micro-batches and processes, that each named term is computed on."""
    of_objective = objective.terms
    return {name: step.n_labelled if of_objective[name].labelled_only else step.n_items for name in names}


def loss_terms(objective: Objective, names: Iterable[str], inputs: TermInputs) -> dict[str, tuple[Tensor, int]]:
    """Return sum and count of every named term over the lines of one batch; of the teacher's, over those it teaches."""
    of_objective = objective.terms
    return {name: _over_its_lines(of_objective[name], inputs) for name in names}


def _over_its_lines(term: terms.AnyTerm, inputs: TermInputs) -> tuple[Tensor, int]:
    on = inputs.taught if term.needs_teacher else inputs
    return sum_and_count(term, on) if on.n_lines else (torch.zeros((), device=on.student.lengths_N.device), 0)


def sum_and_count(term: terms.AnyTerm, inputs: TermInputs) -> tuple[Tensor, int]:
    """Return the sum of a term over the lines of one batch, unweighted, and the number of those lines."""
    if inputs.temperatures_N is not None and isinstance(term, terms.Softened):
        return _by_temperature(term, inputs, inputs.temperatures_N)
    student, trust_N = inputs.student, inputs.trust_N
    match term:
        case terms.CTC():
            return _ctc(inputs)
        case terms.ClassChanges():
            return class_changes(student, inputs.batch.labelled_N, inputs.batch.foldings)
        case terms.SelfAlignment():
            return self_alignment(student, *inputs.labels)
        case terms.Consistency():
            return consistency(student)
        case terms.Mutual():
            return mutual(student, needed(inputs.peer, PEER))
        case terms.PeerCTC():
            return ctc(needed(inputs.peer, PEER), *inputs.labels)
        case terms.Attention():
            return attention(needed(inputs.decoder, ATTENTION), student, *inputs.labels)
        case terms.FrameKL():
            return _frame_kl(term, inputs)
        case terms.FocalFrameKL(temperature=tau, gamma=gamma):
            teacher, sure_NT = inputs.teacher(tau), inputs.sure_NT
            return focal_frame_kl(student, teacher, temperature=tau, gamma=gamma, weights_N=trust_N, sure_NT=sure_NT)
        case terms.BlankSplit():
            return _blank_split(term, inputs)
        case terms.Dist(temperature=tau, between=between, within=within):
            teacher = inputs.teacher(tau)
            return dist(student, teacher, temperature=tau, between=between, within=within, weights_N=trust_N)
        case terms.BagOfSymbols(temperature=tau):
            return bag_of_symbols(student, inputs.teacher_on_its_frames(tau), temperature=tau, weights_N=trust_N)
        case terms.GuidedSpikes():
            return guided_spikes(student, inputs.teacher(), weights_N=trust_N)
        case terms.AlignedCrossEntropy():
            return aligned_cross_entropy(student, inputs.teacher(), *inputs.labels, weights_N=trust_N)
        case terms.SequenceKD():
            return _sequence_kd(term, inputs)
        case terms.FeatureHint(distance=distance):
            return feature_hint(*needed(inputs.features, HINT), student, distance=distance, weights_N=trust_N)
        case _:
            assert_never(term)


def _by_temperature(term: terms.SoftenedTerm, inputs: TermInputs, temperatures_N: Tensor) -> tuple[Tensor, int]:
    """A term at the temperature of every line's source, or its own: the sums of the lines of each temperature."""
    tau_N = torch.where(temperatures_N.isnan(), term.temperature, temperatures_N)
    parts = [
        sum_and_count(
            term.model_copy(update={"temperature": tau}), inputs.of_lines(torch.nonzero(tau_N == tau).flatten())
        )
        for tau in tau_N.unique().tolist()
    ]
    return torch.stack([total for total, _ in parts]).sum(), sum(count for _, count in parts)


def _ctc(inputs: TermInputs) -> tuple[Tensor, int]:
    if inputs.fused is None:
        return ctc(inputs.student, *inputs.labels)
    nats_N = inputs.fused.ctc_N
    labelled_N = inputs.batch.labelled_N.to(nats_N.device)
    return (nats_N / inputs.student.lengths_N)[labelled_N].sum(), int(labelled_N.sum())


def _frame_kl(term: terms.FrameKL, inputs: TermInputs) -> tuple[Tensor, int]:
    if inputs.fused is None:
        return frame_kl(inputs.student, inputs.teacher(term.temperature), term, inputs.trust_N, inputs.sure_NT)
    valid_NT, written_NT = valid_frames(inputs.student), inputs.fused.best_NT != BLANK
    chosen_NT = shares(valid_NT, written_NT, term)
    return summed(term.temperature**2 * mean_over(inputs.fused.kl_NT, chosen_NT))


def _blank_split(term: terms.BlankSplit, inputs: TermInputs) -> tuple[Tensor, int]:
    if inputs.fused is None:
        teacher, tau = inputs.teacher(term.temperature), term.temperature
        return blank_split(
            inputs.student,
            teacher,
            temperature=tau,
            alpha=term.alpha,
            beta=term.beta,
            weights_N=inputs.trust_N,
            sure_NT=inputs.sure_NT,
        )
    return summed(term.temperature**2 * mean_over(inputs.fused.kl_NT, valid_frames(inputs.student)))


def _sequence_kd(term: terms.SequenceKD, inputs: TermInputs) -> tuple[Tensor, int]:
    teacher = inputs.teacher_on_its_frames()
    weights_N = inputs.trust_N
    if term.lines != "all":
        labelled_N = inputs.batch.labelled_N.cpu()
        chosen_N = ~labelled_N
        if term.lines == "disagreeing":
            path_NS = teacher.logits_NTC.argmax(-1)
            chosen_N |= torch.tensor(errors_a_character(path_NS, teacher.lengths_N, inputs.batch)) > 0
        weights_N = chosen_N.float() if weights_N is None else weights_N.cpu() * chosen_N
    return sequence_kd(
        inputs.student,
        teacher,
        Search(term.n_best, term.beam, inputs.known_texts),
        temperature=term.temperature,
        by_probability=term.by_probability,
        weights_N=weights_N,
    )
