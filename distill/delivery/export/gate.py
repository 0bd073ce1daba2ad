"""What an exported file must show before it is written: the model's logits, its texts, or its accuracy within a budget.

Each check returns what it saw, or raises `ExportError` saying by how much it failed.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from distill.data.lines import Lines
from distill.evaluation.evaluate import texts_of, truths_of
from distill.evaluation.metrics import score
from distill.schema import Protocol
from students.errors import ExportError
from students.image import decode_image
from students.reader import LogitsOf, Reader

BATCHES = (1, 3, 8)
LARGEST_DIFFERENCE = 1e-4
TIMED_RUNS = 40
TIMED_WIDTH = 10  # times the height


def check_logits(model: Reader, exported: Reader, lines: Lines) -> dict[str, Any]:
    """Compare logits at three widths by three batch sizes: equal shapes, values within `LARGEST_DIFFERENCE`.

    Raises `ExportError` otherwise.
    """
    widths_px = three_widths(lines, model.description.preparation.width_quantum_px)
    largest = 0.0
    for width_px in widths_px:
        images_NCHW = stretched(model, lines, width_px, max(BATCHES))
        for n in BATCHES:
            want_NTC, got_NTC = model.logits_of(images_NCHW[:n]), exported.logits_of(images_NCHW[:n])
            if want_NTC.shape != got_NTC.shape:
                raise ExportError(f"{n} lines of {width_px} px: logits {got_NTC.shape}, torch gives {want_NTC.shape}")
            difference = float(np.abs(want_NTC - got_NTC).max())
            if not difference <= LARGEST_DIFFERENCE:  # nan too
                raise ExportError(
                    f"{n} lines of {width_px} px: logits differ from torch's by up to {difference:.2g}, "
                    f"more than {LARGEST_DIFFERENCE:g}; nothing was written"
                )
            largest = max(largest, difference)
    return {"widths_px": widths_px, "batches": list(BATCHES), "largest_difference": largest}


def check_texts(model: Reader, exported: Reader, lines: Lines) -> dict[str, Any]:
    """Read every line alone and in a batch, by torch and by the exported file; all four texts must be equal.

    Raises `ExportError` otherwise.
    """
    want = texts_of(model, lines, "torch, in batches")
    for reader, what, batch_lines in (
        (model, "torch, one by one", 1),
        (exported, "exported, one by one", 1),
        (exported, "exported, in batches", 64),
    ):
        got = texts_of(reader, lines, what, batch_lines)
        if different := [key for key in want if got[key] != want[key]]:
            key = different[0]
            raise ExportError(
                f"{what}: {len(different)} of {len(want)} texts unlike torch's in batches, the first: "
                f"{key}: {got[key]!r} and {want[key]!r}; nothing was written"
            )
    return {"lines": len(want), "different": 0}


def check_accuracy(
    model: Reader, exported: Reader, lines: Lines, protocol: Protocol, budget_points: float
) -> dict[str, Any]:
    """Compare exact match and CER on labelled lines; each may be at most `budget_points` (percent) worse.

    Raises `ExportError` otherwise, and where no line can be compared.
    """
    before, after = (score(truths_of(lines), texts_of(r, lines, "reading"), protocol) for r in (model, exported))
    if not before.n:
        raise ExportError(
            f"no line is left to compare under the protocol {protocol}; give --data with lines of the model's kind"
        )
    lost = {"exact": 100 * (before.exact - after.exact), "cer": 100 * (after.cer - before.cer)}
    if not max(lost.values()) <= budget_points:
        raise ExportError(
            f"loses {lost['exact']:.2f} points of exact lines ({before.exact:.2%} to {after.exact:.2%}) and "
            f"{lost['cer']:.2f} points of CER ({before.cer:.2%} to {after.cer:.2%}) on {before.n:,} lines, "
            f"budget {budget_points:g}; nothing was written"
        )
    return {
        "protocol": protocol,
        "lines": before.n,
        "before": {"exact": before.exact, "cer": before.cer},
        "after": {"exact": after.exact, "cer": after.cer},
        "lost_points": {name: round(value, 4) for name, value in lost.items()},
        "budget_points": budget_points,
    }


def ms_a_line(logits_of: LogitsOf, channels: int, height_px: int) -> float:
    """Return the milliseconds of one empty line, ten times as wide as high, without preparing it; the best of some."""
    images_NCHW = np.zeros((1, channels, height_px, TIMED_WIDTH * height_px), np.float32)
    fastest_s = float("inf")
    for _ in range(TIMED_RUNS):
        start = time.perf_counter()
        logits_of(images_NCHW)
        fastest_s = min(fastest_s, time.perf_counter() - start)
    return 1000 * fastest_s


def three_widths(lines: Lines, quantum_px: int) -> list[int]:
    """Return the smallest, middle and largest padded width of the lines, px; where there are fewer, wider ones."""
    known = np.unique(lines.padded_width_px)
    widths_px = {int(known[0]), int(known[len(known) // 2]), int(known[-1])}
    while len(widths_px) < 3:
        widths_px.add(max(widths_px) + quantum_px)
    return sorted(widths_px)


def stretched(reader: Reader, lines: Lines, width_px: int, n: int) -> np.ndarray:
    """Prepare the `n` lines nearest to `width_px` in width, padded or squeezed into it: (n, channels, H, width)."""
    preparation = reader.description.preparation
    nearest = np.argsort(np.abs(lines.padded_width_px - width_px), kind="stable")
    some = [lines[int(i)] for i in np.resize(nearest, n)]
    scaled = [preparation.scale(decode_image(line.image, line.key), line.key) for line in some]
    return np.stack([preparation.to_tensor(image_HWC, width_px) for image_HWC in scaled])
