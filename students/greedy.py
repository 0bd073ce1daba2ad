"""Greedy CTC decoding: the best class of each frame, repeats merged, blanks dropped.

Numpy only, so that every reader decodes with the same code. `beam.py` searches, `decoder.py` chooses between the two.
"""

from __future__ import annotations

from itertools import islice

import numpy as np

from students.alignments import text_log_probabilities
from students.charset import BLANK, Charset
from students.reading import Reading, WrittenClass, reading_of


def greedy(log_probabilities_NTC: np.ndarray, charset: Charset, review_below: float = 0.0) -> list[Reading]:
    """Read the best class of each frame, repeats merged, blanks dropped (Graves et al. 2006, best path decoding).

    `log_probabilities_NTC` are natural logarithms of the posteriors of lines with equal frames, all of them valid.
    """
    written_N = _best_paths(log_probabilities_NTC)
    logs_N = text_log_probabilities(log_probabilities_NTC, [[run.c for run in written] for written in written_N])
    n_frames = log_probabilities_NTC.shape[1]
    return [
        reading_of(written, charset, confidence, n_frames, review_below=review_below)
        for written, confidence in zip(written_N, np.exp(logs_N).tolist(), strict=True)
    ]


def _best_paths(log_probabilities_NTC: np.ndarray) -> list[list[WrittenClass]]:
    """What the best path of every line writes, each class with its frames; all lines at once."""
    n_lines, n_frames = log_probabilities_NTC.shape[:2]
    if not n_frames:
        return [[] for _ in range(n_lines)]
    best_NT = log_probabilities_NTC.argmax(axis=2)
    begins_NT = np.ones(best_NT.shape, bool)
    np.not_equal(best_NT[:, 1:], best_NT[:, :-1], out=begins_NT[:, 1:])
    firsts = np.flatnonzero(begins_NT)  # of runs, the frames of all lines counted on
    highest_NT = np.take_along_axis(log_probabilities_NTC, best_NT[:, :, None], 2)
    log_p = np.maximum.reduceat(highest_NT.ravel(), firsts)
    lasts = np.append(firsts[1:], best_NT.size)
    classes = best_NT.ravel()[firsts]
    kept = np.flatnonzero(classes != BLANK)
    lines, starts = np.divmod(firsts[kept], n_frames)
    ends = lasts[kept] - lines * n_frames
    runs = map(WrittenClass, classes[kept].tolist(), starts.tolist(), ends.tolist(), log_p[kept].tolist())
    return [list(islice(runs, n)) for n in np.bincount(lines, minlength=n_lines).tolist()]


def best_path_text(log_probabilities_TC: np.ndarray, charset: Charset) -> str:
    """Return the text of greedy decoding alone."""
    return charset.decode(collapse(log_probabilities_TC.argmax(axis=1)))


def collapse(classes_T: np.ndarray) -> list[int]:
    """Return the classes that a frame-wise path writes: repeats merged, blanks dropped."""
    changes = np.diff(classes_T, prepend=BLANK) != 0
    return [int(c) for c in classes_T[changes] if c != BLANK]
