"""A teacher whose symbols stand a frame or two from where the student writes them, with each moved to the student."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from distill.teaching.losses.frames import SURELY_NOT, log_posteriors, valid_frames
from students.charset import BLANK
from students.parts import Outputs


class Symbols(NamedTuple):
    """The symbols that best paths write: class, first and last frame, (N, K) int64; class 0 behind the last one."""

    classes_NK: Tensor
    first_NK: Tensor
    last_NK: Tensor


@torch.no_grad()
def moved_near(teacher: Outputs, student: Outputs, max_shift: int, unknown_C: Tensor | None = None) -> Outputs:
    """Return a teacher of equal frames with every symbol moved by up to `max_shift` frames to where the student has it.

    The offsets d_k make sum_k sum_{t in symbol k} log q_{t + d_k}(c_k) / q_{t + d_k}(blank) greatest: the student's
    likeliest path among those that write the teacher's text with every symbol as long as there and at most so far away.
    Symbols keep their order, and equal neighbours a frame between them; of equally good offsets the smallest is taken.
    Frames between symbols go with the nearer symbol, so that a spike keeps its slopes: where a gap grows, frames that
    are surely blank come into its middle, where it shrinks, its middle goes. A symbol of a class that the teacher does
    not know (`unknown_C`, bool) moves for its neighbours' sake alone.
    """
    n_frames = teacher.logits_NTC.shape[1]
    symbols = symbols_of(teacher)
    if not symbols.classes_NK.shape[1]:
        return teacher
    lengths_N = student.lengths_N.cpu()
    moves_NK = _best_moves(symbols, _odds(symbols, student, max_shift, unknown_C), max_shift)
    source_NT, is_put_in_NT = _sources(symbols, moves_NK, lengths_N, n_frames)
    source_NT, is_put_in_NT = (x.to(teacher.logits_NTC.device) for x in (source_NT, is_put_in_NT))
    moved_NTC = teacher.logits_NTC.gather(1, source_NT[..., None].expand_as(teacher.logits_NTC))
    blank_C = moved_NTC.new_full(moved_NTC.shape[-1:], SURELY_NOT)
    blank_C[BLANK] = 0
    return teacher._replace(logits_NTC=torch.where(is_put_in_NT[..., None], blank_C, moved_NTC))


def numbered(path_NT: Tensor, valid_NT: Tensor) -> Tensor:
    """Return for every frame of best paths which symbol of the line it writes, from 1, (N, T); 0 where none."""
    path_NT = torch.where(valid_NT, path_NT, BLANK)
    before_NT = F.pad(path_NT[:, :-1], (1, 0), value=BLANK)
    begins_NT = (path_NT != before_NT) & (path_NT != BLANK)
    return torch.where(path_NT == BLANK, 0, begins_NT.cumsum(1))


def texts_of_paths(path_NT: Tensor, lengths_N: Tensor) -> tuple[Tensor, Tensor]:
    """Return what best paths write, (N, L) int64, at least one wide, 0 behind the end; and the lengths, (N,).

    The same as `students.greedy.collapse` of every line, all lines at once.
    """
    numbers_NT = numbered(path_NT, torch.arange(path_NT.shape[1]) < lengths_N[:, None])
    text_lengths_N = numbers_NT.amax(1)
    texts_NL = torch.zeros(len(path_NT), 1 + max(1, int(text_lengths_N.max())), dtype=torch.int64)
    return texts_NL.scatter(1, numbers_NT, path_NT * (numbers_NT > 0))[:, 1:], text_lengths_N


def symbols_of(outputs: Outputs) -> Symbols:
    """Return the symbols of the best paths, on the host."""
    path_NT, valid_NT = outputs.logits_NTC.argmax(-1).cpu(), valid_frames(outputs).cpu()
    numbers_NT = numbered(path_NT, valid_NT)
    frames_NT = torch.arange(path_NT.shape[1]).expand_as(path_NT)
    of_symbol_NK = torch.zeros(len(path_NT), 1 + int(numbers_NT.max()), dtype=torch.int64)  # column 0: in none

    def column(values_NT: Tensor, how: str) -> Tensor:
        return of_symbol_NK.scatter_reduce(1, numbers_NT, values_NT, how, include_self=False)[:, 1:]

    return Symbols(column(path_NT, "amax"), column(frames_NT, "amin"), column(frames_NT, "amax"))


def _offsets(max_shift: int) -> np.ndarray:
    """Every offset, those of the least frames first, so that the first of equally good ones is the smallest."""
    return np.array(sorted(range(-max_shift, max_shift + 1), key=abs))


def _odds(symbols: Symbols, student: Outputs, max_shift: int, unknown_C: Tensor | None) -> np.ndarray:
    """Log-odds of every symbol against the blank at every offset, (N, K, D); -inf where it would leave the line."""
    log_q_NTC = log_posteriors(student).detach()
    n, n_frames, _ = log_q_NTC.shape
    classes_NTK = symbols.classes_NK[:, None].expand(-1, n_frames, -1).to(log_q_NTC.device)
    odds_NTK = log_q_NTC.gather(-1, classes_NTK) - log_q_NTC[..., BLANK, None]
    before_NTK = F.pad(odds_NTK.double().cumsum(1).cpu(), (0, 0, 1, 0))  # of all frames before t
    offsets_D = torch.from_numpy(_offsets(max_shift))
    begin_NKD, end_NKD = symbols.first_NK[..., None] + offsets_D, symbols.last_NK[..., None] + 1 + offsets_D
    rows_N11, symbols_K1 = torch.arange(n)[:, None, None], torch.arange(classes_NTK.shape[-1])[:, None]
    inside_NKD = (begin_NKD >= 0) & (end_NKD <= student.lengths_N.cpu()[:, None, None])
    begins, ends = begin_NKD.clamp(0, n_frames), end_NKD.clamp(0, n_frames)
    odds_NKD = before_NTK[rows_N11, ends, symbols_K1] - before_NTK[rows_N11, begins, symbols_K1]
    if unknown_C is not None:
        odds_NKD = odds_NKD.masked_fill(unknown_C.cpu()[symbols.classes_NK][..., None], 0)
    odds_NKD = odds_NKD.masked_fill(~inside_NKD, -torch.inf)
    is_none_NK1 = symbols.classes_NK[..., None] == BLANK
    return torch.where(is_none_NK1, 0, odds_NKD).numpy()


def _best_moves(symbols: Symbols, odds_NKD: np.ndarray, max_shift: int) -> Tensor:
    """The offsets of the greatest sum of log-odds that keep the symbols apart (Viterbi over symbols), (N, K)."""
    classes_NK, first_NK, last_NK = (part.numpy() for part in symbols)
    offsets_D = _offsets(max_shift)
    rows, n_symbols = np.arange(len(classes_NK)), classes_NK.shape[1]
    needed_NK = 1 + (classes_NK[:, 1:] == classes_NK[:, :-1])
    slack_NK = first_NK[:, 1:] - last_NK[:, :-1] - needed_NK
    slack_NK[classes_NK[:, 1:] == BLANK] = 2 * max_shift  # behind the last symbol
    nearer_DD = offsets_D[None, :] - offsets_D[:, None]  # frames that the symbol and the one before come closer
    best_ND = odds_NKD[:, 0]
    came_from_NKD = np.zeros(odds_NKD.shape, np.int8)
    for k in range(1, n_symbols):
        ways_NDD = np.where(nearer_DD <= slack_NK[:, k - 1, None, None], best_ND[:, None], -np.inf)
        came_from_NKD[:, k] = ways_NDD.argmax(-1)
        best_ND = ways_NDD.max(-1) + odds_NKD[:, k]
    state_N = best_ND.argmax(-1)
    moves_NK = np.zeros_like(first_NK)
    for k in reversed(range(n_symbols)):
        moves_NK[:, k] = offsets_D[state_N]
        state_N = came_from_NKD[rows, k, state_N].astype(np.int64)
    return torch.from_numpy(np.where(classes_NK == BLANK, 0, moves_NK))


def _sources(symbols: Symbols, moves_NK: Tensor, lengths_N: Tensor, n_frames: int) -> tuple[Tensor, Tensor]:
    """Which frame of the teacher stands on every frame, (N, T), and where a blank is put in instead, bool (N, T)."""
    is_none_NK = symbols.classes_NK == BLANK
    end_N1 = lengths_N[:, None]
    first_NK = torch.where(is_none_NK, end_N1, symbols.first_NK)
    # the edges of the line stand as symbols that stay: before the first frame, and behind the last
    first_NX = torch.cat([torch.full_like(end_N1, -1), first_NK, end_N1], 1)
    last_NX = torch.cat([torch.full_like(end_N1, -1), symbols.last_NK, end_N1], 1)
    moves_NX = F.pad(moves_NK, (1, 1))
    begins_NX = (first_NX + moves_NX).contiguous()
    t_NT = torch.arange(n_frames).expand(len(first_NX), -1).contiguous()
    before_NT = (torch.searchsorted(begins_NX, t_NT, right=True) - 1).clamp(max=first_NX.shape[1] - 2)
    behind_NT = before_NT + 1
    last_NT, first_NT = last_NX.gather(1, before_NT), first_NX.gather(1, behind_NT)
    with_last_NT, with_first_NT = t_NT - moves_NX.gather(1, before_NT), t_NT - moves_NX.gather(1, behind_NT)
    within_NT = with_last_NT <= last_NT
    with_last_is_nearer_NT = with_last_NT - last_NT <= first_NT - with_first_NT
    goes_with_last_NT = within_NT | with_last_is_nearer_NT
    source_NT = torch.where(goes_with_last_NT, with_last_NT, with_first_NT)
    middle_NT = (last_NT + first_NT) // 2  # of the gap as the teacher has it: up to here it goes with the last symbol
    in_its_half_NT = (source_NT <= middle_NT) == goes_with_last_NT
    valid_NT = t_NT < end_N1
    is_put_in_NT = ~(within_NT | in_its_half_NT) & valid_NT
    return torch.where(valid_NT & ~is_put_in_NT, source_NT, t_NT), is_put_in_NT
