"""How far a teacher is trusted on a labelled line, given how it reads the line."""

from __future__ import annotations

import math

import torch
from rapidfuzz.distance import Levenshtein
from torch import Tensor
from typing_extensions import assert_never

from distill.data.batch import Batch
from distill.recipe.objective import Trust
from distill.teaching.losses.ctc import nats_of
from students.greedy import collapse
from students.parts import Outputs


@torch.no_grad()
def trust_in(teacher: Outputs, batch: Batch, trust: Trust) -> Tensor | None:
    """Return the weight of the teacher's terms on every line, (N,); None: 1 on all lines.

    Labelled lines by the policy, then all by the weights of their sources.
    """
    of_label_N = _by_policy(teacher, batch, trust)
    if not trust.sources:
        return of_label_N
    of_source_N = torch.tensor([trust.sources.get(source, 1.0) for source in batch.sources])
    return of_source_N if of_label_N is None else of_label_N * of_source_N


def read_in(batch: Batch, trust: Trust) -> Tensor | None:
    """Return which lines the teacher has a say on, bool (N,); None: on all of them."""
    if not trust.unread:
        return None
    return torch.tensor([source not in trust.unread for source in batch.sources])


def temperatures_in(batch: Batch, trust: Trust) -> Tensor | None:
    """Return the temperature of every line's source, (N,) float64, NaN where it has none; None: none has."""
    if not trust.temperatures:
        return None
    of_lines = [trust.temperatures.get(source, math.nan) for source in batch.sources]
    return torch.tensor(of_lines, dtype=torch.float64)


def _by_policy(teacher: Outputs, batch: Batch, trust: Trust) -> Tensor | None:
    """The weight of labelled lines, 1 on unlabelled ones; None: 1 on all."""
    match trust.policy:
        case "keep":
            return None
        case "weight":
            return _probability_of_label(teacher, batch)
        case "drop":
            errors_N = torch.tensor(errors_a_character(teacher.logits_NTC.argmax(-1), teacher.lengths_N, batch))
            return (errors_N <= trust.max_cer).float()
        case _:
            assert_never(trust.policy)


def unless_empty(trust_N: Tensor | None, batch: Batch) -> Tensor | None:
    """Return the weights, 0 on lines that are labelled as empty: a teacher may write something where nothing is."""
    empty_N = empty_lines(batch)
    if not empty_N.any():
        return trust_N
    return (~empty_N).float() if trust_N is None else trust_N * ~empty_N.to(trust_N.device)


def empty_lines(batch: Batch) -> Tensor:
    """Return which lines are labelled as empty, bool (N,)."""
    return batch.labelled_N.cpu() & (batch.target_lengths_N.cpu() == 0)


def _probability_of_label(teacher: Outputs, batch: Batch) -> Tensor:
    """P(label) to the power 1 / characters, (N,); 1 on unlabelled lines."""
    trust_N = torch.ones(len(batch.keys))
    for row in torch.nonzero(batch.labelled_N.cpu()).flatten().tolist():
        one = slice(row, row + 1)
        logits_NTC, lengths_N = teacher.logits_NTC[one], teacher.lengths_N[one]
        targets_NL, target_lengths_N = batch.targets_NL[one], batch.target_lengths_N[one]
        nats = nats_of(logits_NTC, lengths_N, targets_NL, target_lengths_N, batch.foldings[row])
        trust_N[row] = torch.exp(-nats[0] / max(1, int(batch.target_lengths_N[row])))
    return trust_N


def errors_a_character(path_NS: Tensor, lengths_N: Tensor, batch: Batch) -> list[float]:
    """Return the edits between a best path and the label, a character, of every line; 0 without a label.

    Classes that the label does not distinguish count as equal.
    """
    of_lines = path_NS.cpu().numpy()
    errors = []
    for row, labelled in enumerate(batch.labelled_N.tolist()):
        label = batch.targets_NL[row, : batch.target_lengths_N[row]].tolist()
        read = collapse(of_lines[row, : int(lengths_N[row])])
        if (folded := batch.foldings[row]) is not None:
            label, read = folded.fold(label), folded.fold(read)
        errors.append(Levenshtein.distance(read, label) / max(1, len(label)) if labelled else 0.0)
    return errors
