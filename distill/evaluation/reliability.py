"""Whether a confidence can be relied on: calibration error before and after the temperature, and what rejecting buys.

For the report; `calibrate.py` fits the temperature.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from distill.durable import write_chart
from distill.evaluation.document import Block, Heading, Paragraph, Picture, Table

BINS = 15
CURVE = tuple(range(5, 101, 5))  # percent of the lines


class Confidences(NamedTuple):
    """The confidences of a role on test lines, in one order, all of shape (L,).

    `unfitted_L` is the confidence at temperature 1; `exact_L` is 1 for a line that is read exactly, else 0.
    """

    confidence_L: np.ndarray
    unfitted_L: np.ndarray
    exact_L: np.ndarray


def reliability(read: Confidences, temperature: float) -> dict[str, Any]:
    """Return the part of `report.json` on the confidence of one role.

    It has `temperature`, `ece_before`, `ece`, the reject `curve` and the `area` under it.
    """
    by_confidence = np.argsort(-read.confidence_L, kind="stable")
    exact_of_accepted_L = np.cumsum(read.exact_L[by_confidence]) / np.arange(1, len(by_confidence) + 1)
    n = len(by_confidence)
    accepted = {share: -(-share * n // 100) for share in CURVE if n}  # rounded up, so at least one line
    curve = [
        {"accepted": share / 100, "exact": round(float(exact_of_accepted_L[some - 1]), 6)}
        for share, some in accepted.items()
    ]
    return {
        "temperature": temperature,
        "ece_before": round(calibration_error(read.unfitted_L, read.exact_L), 6),
        "ece": round(calibration_error(read.confidence_L, read.exact_L), 6),
        "area": round(float(exact_of_accepted_L.mean()), 6) if n else 0.0,
        "curve": curve,
    }


def calibration_error(confidence_L: np.ndarray, exact_L: np.ndarray) -> float:
    """Return the ECE: mean |mean confidence - share of exact lines| of bins of equal size (Nguyen, O'Connor 2015)."""
    bins = _bins(confidence_L, exact_L)
    return sum(n * abs(confidence - exact) for n, confidence, exact in bins) / max(1, len(exact_L))


def _bins(confidence_L: np.ndarray, exact_L: np.ndarray) -> list[tuple[int, float, float]]:
    """Lines, mean confidence and share of exact lines of each bin, the least confident first."""
    order = np.argsort(confidence_L, kind="stable")
    parts = [part for part in np.array_split(order, BINS) if len(part)]
    return [(len(part), float(confidence_L[part].mean()), float(exact_L[part].mean())) for part in parts]


def page(found: Mapping[str, Mapping[str, Any]], names: Sequence[str], picture: str) -> list[Block]:
    """Return the part of the report on confidence."""
    rows = []
    for name in names:
        one = found[name]
        exact = {point["accepted"]: point["exact"] for point in one["curve"]}
        shares = [f"{exact.get(share, 0.0):.1%}" for share in (0.5, 0.8, 1.0)]
        errors = [f"{one[key]:.3f}" for key in ("ece_before", "ece")]
        rows.append([name, f"{one['temperature']:.3g}", *errors, *shares, f"{one['area']:.3f}"])
    heads = ["", "temperature", "ECE before", "ECE", "exact at 50 % accepted", "at 80 %", "at 100 %", "area"]
    about = (
        "The confidence is the probability of the text; the most confident lines are accepted first. ECE: the mean "
        f"distance of the confidence from the share of exact lines over {BINS} bins of equally many lines, before and "
        "after the temperature fitted on validation."
    )
    return [Heading("Confidence"), Table(heads, rows), Paragraph(about), Paragraph(Picture(picture, "confidence"))]


def draw_reliability(roles: Mapping[str, Confidences], colours: Mapping[str, str], target: Path) -> None:
    """Write a chart: share of exact lines against confidence, and against the share of lines that is accepted."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.6), layout="constrained")
    calibration, rejecting = figure.subplots(1, 2)
    calibration.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    for role, read in roles.items():
        for values_L, line in (
            (read.unfitted_L, {"linestyle": ":"}),
            (read.confidence_L, {"linestyle": "-", "marker": ".", "label": role}),
        ):
            bins = _bins(values_L, read.exact_L)
            mean_confidences, shares_exact = [mean for _, mean, _ in bins], [exact for _, _, exact in bins]
            calibration.plot(mean_confidences, shares_exact, color=colours[role], **line)
        exact_L = read.exact_L[np.argsort(-read.confidence_L, kind="stable")]
        n_accepted = np.arange(1, len(exact_L) + 1)
        rejecting.plot(n_accepted / len(exact_L), np.cumsum(exact_L) / n_accepted, color=colours[role], label=role)
    calibration.set(
        xlabel="confidence (dotted: before the temperature)", ylabel="lines exact", xlim=(0, 1), ylim=(0, 1)
    )
    rejecting.set(xlabel="share of lines accepted, the most confident first", ylabel="of them exact", xlim=(0, 1))
    for axes in (calibration, rejecting):
        axes.grid(alpha=0.3)
        axes.legend()
    write_chart(target, figure)
