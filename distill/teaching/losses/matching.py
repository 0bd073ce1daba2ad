"""A teacher with other frames or classes than the student's: its posteriors on the student's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F
from typing_extensions import assert_never

from distill.recipe.objective import FrameMatch
from distill.teaching.losses.alignment import occupancy
from distill.teaching.losses.frames import TINY, log_posteriors, valid_frames
from distill.teaching.losses.logits import kl_per_frame
from distill.teaching.losses.near import moved_near, numbered, texts_of_paths
from students.charset import BLANK
from students.parts import Outputs


class Matched(NamedTuple):
    """A teacher on the student's frames, and how sure it is of what stands on each, if symbols were matched."""

    outputs: Outputs
    sure_NT: Tensor | None = None

    @property
    def sureness_NT(self) -> Tensor:
        """Return the teacher's largest posterior on every frame, 0-1."""
        return log_posteriors(self.outputs).amax(-1).exp() if self.sure_NT is None else self.sure_NT


@torch.no_grad()
def matched(
    teacher: Outputs,
    student: Outputs,
    match: FrameMatch,
    unknown_C: Tensor | None = None,
    soft: Outputs | None = None,
) -> Matched:
    """Return the teacher's posteriors on the student's frames, as logits; its features stay on its own.

    - `symbols`: each character of the teacher's text is expected where the student would write it, as far as it would:
      sum_k g_t(k) p_k, g the student's occupancy given that text, p_k the mean of the teacher's posteriors on the
      frames of character k, p_0 of those between characters. Frame KL to it, on all frames at temperature 1, has the
      gradient of CTC on the teacher's text, whose labels are the teacher's posteriors. A text that does not fit the
      student's frames, or of which a class is unknown to the teacher (`unknown_C`, bool), falls back on `area`. Where
      frames are equal, only with `always`. At a `match.temperature` tau the characters of p_k share what p_k leaves to
      characters as p^(1/tau) does, frame by frame, of `soft`: the teacher's outputs at tau; None: those at 1.
    - `area`: a frame of the student is blank as far as all of the teacher's frames that it covers are, so blanks are
      multiplied; characters share the rest as they do in the mean. (A mean of the blanks would halve every spike of a
      teacher of twice the frames: no student that follows it writes.) Of `c blank c` on frames that become two, one
      character is left.
    - `shift`: `area`, then moved along the line by up to `max_shift` frames to where the KL is least; edges are
      repeated. Acts where frames are equal, too.
    - `near`: `area`, then every symbol for itself moved by up to `max_shift` frames to where the student is likeliest
      to write it (`near.py`). Acts where frames are equal, too.

    Raises `ValueError` for `auto`, which the run settles before.
    """
    match match.how:
        case "area":
            return Matched(_pooled(teacher, student))
        case "shift":
            return Matched(_shifted(_pooled(teacher, student), student, match.max_shift))
        case "near":
            return Matched(moved_near(_pooled(teacher, student), student, match.max_shift, unknown_C))
        case "symbols":
            if equal_frames(teacher, student) and not match.always:
                return Matched(teacher)
            return _by_symbols(teacher, student, unknown_C, _softened(teacher, soft or teacher, match.temperature))
        case "auto":
            raise ValueError("how to match is still open: the run settles auto before the student is trained")
        case _:
            assert_never(match.how)


def averages_frames(teacher: Outputs, student: Outputs, match: FrameMatch) -> bool:
    """Return whether `matched` makes means of the teacher's frames, which are taken at temperature 1."""
    return not equal_frames(teacher, student) or (match.how == "symbols" and match.always)


def in_classes(teacher: Outputs, class_of_C: Sequence[int] | None) -> Outputs:
    """Return the teacher's posteriors in the student's classes; `class_of_C` has for each the teacher's class, or -1.

    What the teacher gives to characters that the student lacks is shared out among those that the teacher lacks; where
    there are none, the rest is renormalised. None: the classes are the same.
    """
    if class_of_C is None:
        return teacher
    index_C = torch.tensor(class_of_C, device=teacher.logits_NTC.device)
    known_C = index_C >= 0
    return teacher._replace(logits_NTC=placed(log_posteriors(teacher)[..., index_C[known_C]], known_C))


def placed(log_p_NTK: Tensor, known_C: Tensor, rest_NT: Tensor | None = None) -> Tensor:
    """Return the log-posteriors of known classes, bool (C,), among all classes (N, T, C); the others share the rest.

    `rest_NT` is that mass; None: what is missing to 1.
    """
    log_p_NTC = log_p_NTK.new_empty(*log_p_NTK.shape[:2], len(known_C))
    log_p_NTC[..., known_C] = log_p_NTK
    if n_unknown := int((~known_C).sum()):
        rest_NT = 1 - log_p_NTK.exp().sum(-1) if rest_NT is None else rest_NT
        log_p_NTC[..., ~known_C] = (rest_NT.clamp(min=TINY) / n_unknown).log()[..., None]
    return log_p_NTC


def rest_as_student(teacher: Outputs, student: Outputs, unknown_C: Tensor | None) -> Outputs:
    """Return the teacher's mass on classes that it does not know, spread among them as the student spreads its own.

    All of them are then one class to a KL: sum_known p log(p / q) + P log(P / Q), P and Q the sums over the rest.
    """
    if unknown_C is None:
        return teacher
    unknown_C = unknown_C.to(teacher.logits_NTC.device)
    log_p_NTC = log_posteriors(teacher)
    log_q_NTU = student.logits_NTC.detach().float()[..., unknown_C].log_softmax(-1)
    log_p_NTC[..., unknown_C] = log_p_NTC[..., unknown_C].logsumexp(-1, keepdim=True) + log_q_NTU
    return teacher._replace(logits_NTC=log_p_NTC)


def _pooled(teacher: Outputs, student: Outputs) -> Outputs:
    if equal_frames(teacher, student):
        return teacher
    log_p_NSC, overlap_NTS = log_posteriors(teacher), _overlap(teacher, student)
    of_a_frame_NTS = overlap_NTS * teacher.lengths_N[:, None, None]
    blank_NT1 = (of_a_frame_NTS @ log_p_NSC[..., BLANK : BLANK + 1]).exp()
    written_NTK = overlap_NTS @ log_p_NSC[..., BLANK + 1 :].exp() + TINY
    p_NTC = torch.cat([blank_NT1, (1 - blank_NT1) * written_NTK / written_NTK.sum(-1, keepdim=True)], -1)
    return teacher._replace(logits_NTC=(p_NTC + TINY).log(), lengths_N=student.lengths_N)


def onto_frames(values_NSD: Tensor, teacher: Outputs, student: Outputs) -> Tensor:
    """Return values of the teacher's frames as means over what each frame of the student covers, (N, T, D)."""
    if equal_frames(teacher, student):
        return values_NSD
    return (_overlap(teacher, student) * student.lengths_N[:, None, None]) @ values_NSD


def _overlap(teacher: Outputs, student: Outputs) -> Tensor:
    """How much of the line every pair of frames shares, (N, student's frames, teacher's frames)."""
    begin_NT, end_NT = _edges(student)
    begin_NS, end_NS = _edges(teacher)
    ends_NTS = torch.minimum(end_NT[:, :, None], end_NS[:, None])
    return (ends_NTS - torch.maximum(begin_NT[:, :, None], begin_NS[:, None])).clamp(min=0)


def equal_frames(one: Outputs, other: Outputs) -> bool:
    """Return whether both sides have as many frames on every line."""
    return one.logits_NTC.shape[1] == other.logits_NTC.shape[1] and torch.equal(one.lengths_N, other.lengths_N)


def _edges(outputs: Outputs) -> tuple[Tensor, Tensor]:
    """Where each frame begins and ends, as shares of the line; empty behind the valid length."""
    numbers_T = torch.arange(outputs.logits_NTC.shape[1], device=outputs.logits_NTC.device)
    lengths_N1 = outputs.lengths_N[:, None].to(numbers_T.device)
    begin_NT = (numbers_T / lengths_N1).clamp(max=1)
    return begin_NT, ((numbers_T + 1) / lengths_N1).clamp(max=1)


def _shifted(teacher: Outputs, student: Outputs, max_shift: int) -> Outputs:
    valid_NT = valid_frames(student)
    frames_T = torch.arange(valid_NT.shape[1], device=valid_NT.device)
    last_N1 = student.lengths_N[:, None].to(valid_NT.device) - 1
    moved, costs = [], []
    for by in sorted(range(-max_shift, max_shift + 1), key=abs):  # of equally good ones the smallest
        source_NT = (frames_T - by).clamp(min=0).minimum(last_N1)
        index_NTC = source_NT[..., None].expand_as(teacher.logits_NTC)
        moved.append(teacher.logits_NTC.gather(1, index_NTC))
        costs.append((kl_per_frame(student.logits_NTC, moved[-1], 1.0) * valid_NT).sum(1))
    best_N = torch.stack(costs).argmin(0)
    rows = torch.arange(len(best_N), device=best_N.device)
    return teacher._replace(logits_NTC=torch.stack(moved)[best_N, rows])


def _by_symbols(teacher: Outputs, student: Outputs, unknown_C: Tensor | None, p_NSC: Tensor) -> Matched:
    path_NS, sure_NS = teacher.logits_NTC.argmax(-1).cpu(), log_posteriors(teacher).amax(-1).exp()
    texts_NL, text_lengths_N = texts_of_paths(path_NS, teacher.lengths_N.cpu())
    repeats_N = ((texts_NL[:, 1:] == texts_NL[:, :-1]) & (texts_NL[:, 1:] != BLANK)).sum(1)  # a blank stands between
    fits_N = text_lengths_N + repeats_N <= student.lengths_N.cpu()
    if unknown_C is not None:
        fits_N &= ~unknown_C.cpu()[texts_NL].any(1)
    fitting_M = fits_N.nonzero().flatten().tolist()
    if not fitting_M:
        return Matched(_pooled(teacher, student))
    longest = max(1, int(text_lengths_N[fitting_M].max()))
    occupied_MTU, columns_ML = occupancy(
        log_posteriors(student)[fitting_M],
        student.lengths_N[fitting_M],
        texts_NL[fitting_M, :longest],
        text_lengths_N[fitting_M],
    )
    p_MSX = torch.cat([p_NSC, sure_NS[..., None]], -1)[fitting_M]
    mean_MUX = _means_of_columns(path_NS[fitting_M], teacher.lengths_N.cpu()[fitting_M], columns_ML, p_MSX)
    expected_MTX = occupied_MTU @ mean_MUX
    if len(fitting_M) < len(fits_N):
        by_area = Matched(_pooled(teacher, student))
        logits_NTC, sure_NT = by_area.outputs.logits_NTC.float().clone(), by_area.sureness_NT.clone()
    else:  # every line is replaced below
        logits_NTC = p_NSC.new_empty(len(fits_N), student.logits_NTC.shape[1], p_NSC.shape[-1])
        sure_NT = logits_NTC.new_empty(logits_NTC.shape[:2])
    logits_NTC[fitting_M] = (expected_MTX[..., :-1] + TINY).log()
    sure_NT[fitting_M] = expected_MTX[..., -1]
    return Matched(teacher._replace(logits_NTC=logits_NTC, lengths_N=student.lengths_N), sure_NT)


def _softened(teacher: Outputs, soft: Outputs, tau: float) -> Tensor:
    """The teacher's posteriors, (N, S, C), with the characters of every frame at temperature tau and the blank at 1."""
    p_NSC = log_posteriors(teacher).exp()
    if tau == 1:
        return p_NSC
    shares_NSK = (soft.logits_NTC.float()[..., BLANK + 1 :] / tau).softmax(-1)
    return torch.cat([p_NSC[..., :1], (1 - p_NSC[..., :1]) * shares_NSK], -1)


def _means_of_columns(path_MS: Tensor, lengths_M: Tensor, columns_ML: Tensor, p_MSX: Tensor) -> Tensor:
    """Means over the frames of every column of `occupancy`, (M, U, X), of posteriors and of the largest of a frame.

    Where column 0 has no frame, the blank is certain there.
    """
    valid_MS = torch.arange(path_MS.shape[1]) < lengths_M[:, None]
    columns_MS = F.pad(columns_ML, (1, 0)).gather(1, numbered(path_MS, valid_MS))
    n_columns = 1 + columns_ML.shape[1]
    of_column_MUS = (F.one_hot(columns_MS, n_columns) * valid_MS[..., None]).transpose(1, 2).to(p_MSX)
    n_MU1 = of_column_MUS.sum(-1, keepdim=True)
    mean_MUX = of_column_MUS @ p_MSX / n_MU1.clamp(min=1)
    for certain in (BLANK, -1):
        mean_MUX[:, 0, certain] += n_MU1[:, 0, 0] == 0
    return mean_MUX
