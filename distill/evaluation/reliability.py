"""Whether a confidence can be relied on: calibration error before and after the temperature, and what rejecting buys.

For the report; `calibrate.py` fits the temperature.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

BINS = 15
CURVE = tuple(range(5, 101, 5))  # percent of the lines


class Sureness(NamedTuple):
    """Of the test lines of a role, in one order: confidence, the same at temperature 1, and 1 where read exactly."""

    confidence_L: np.ndarray
    unfitted_L: np.ndarray
    exact_L: np.ndarray


def reliability(sureness: Sureness, temperature: float) -> dict[str, Any]:
    """`report.json`: `temperature`, `ece_before`, `ece`, the reject `curve` and the `area` under it."""
    by_sureness = np.argsort(-sureness.confidence_L, kind="stable")
    exact_of_surest_L = np.cumsum(sureness.exact_L[by_sureness]) / np.arange(1, len(by_sureness) + 1)
    n = len(by_sureness)
    accepted = {share: -(-share * n // 100) for share in CURVE if n}  # rounded up, so at least one line
    curve = [
        {"accepted": share / 100, "exact": round(float(exact_of_surest_L[some - 1]), 6)}
        for share, some in accepted.items()
    ]
    return {
        "temperature": temperature,
        "ece_before": round(calibration_error(sureness.unfitted_L, sureness.exact_L), 6),
        "ece": round(calibration_error(sureness.confidence_L, sureness.exact_L), 6),
        "area": round(float(exact_of_surest_L.mean()), 6) if n else 0.0,
        "curve": curve,
    }


def calibration_error(confidence_L: np.ndarray, exact_L: np.ndarray) -> float:
    """ECE: mean |mean confidence - share of exact lines| of bins of equally many lines (Nguyen and O'Connor 2015)."""
    bins = _bins(confidence_L, exact_L)
    return sum(n * abs(sure - exact) for n, sure, exact in bins) / max(1, len(exact_L))


def _bins(confidence_L: np.ndarray, exact_L: np.ndarray) -> list[tuple[int, float, float]]:
    """Lines, mean confidence and share of exact lines of each bin, the least sure first."""
    order = np.argsort(confidence_L, kind="stable")
    parts = [part for part in np.array_split(order, BINS) if len(part)]
    return [(len(part), float(confidence_L[part].mean()), float(exact_L[part].mean())) for part in parts]


def page(found: Mapping[str, Mapping[str, Any]], names: Sequence[str], picture: str) -> str:
    """The part of `report.md` about it."""
    rows = [
        "## How sure they are\n",
        "| | temperature | ECE before | ECE | exact of the surest 50 % | of the surest 80 % | of all | area |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name in names:
        one = found[name]
        exact = {point["accepted"]: point["exact"] for point in one["curve"]}
        shares = " | ".join(f"{exact.get(share, 0.0):.1%}" for share in (0.5, 0.8, 1.0))
        rows.append(
            f"| {name} | {one['temperature']:.3g} | {one['ece_before']:.3f} | {one['ece']:.3f} | {shares} "
            f"| {one['area']:.3f} |"
        )
    rows.append(
        f"\nThe confidence is the probability of the text; ECE: its mean distance from the share of exact lines over "
        f"{BINS} bins of equally many lines, before and after the temperature fitted on validation.\n"
    )
    rows.append(f"![confidence]({picture})\n")
    return "\n".join(rows)


def draw(roles: Mapping[str, Sureness], colours: Mapping[str, str], target: Path) -> None:
    """Share of exact lines against confidence, and against the share of lines that is accepted."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.6), layout="constrained")
    calibration, rejecting = figure.subplots(1, 2)
    calibration.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    for role, sureness in roles.items():
        for confidence_L, style, label in (
            (sureness.unfitted_L, ":", None), (sureness.confidence_L, "-", role),
        ):  # fmt: skip
            bins = _bins(confidence_L, sureness.exact_L)
            calibration.plot(
                [sure for _, sure, _ in bins], [exact for _, _, exact in bins], style, color=colours[role],
                marker="." if label else None, label=label,
            )  # fmt: skip
        exact_L = sureness.exact_L[np.argsort(-sureness.confidence_L, kind="stable")]
        n_accepted = np.arange(1, len(exact_L) + 1)
        rejecting.plot(n_accepted / len(exact_L), np.cumsum(exact_L) / n_accepted, color=colours[role], label=role)
    calibration.set(
        xlabel="confidence (dotted: before the temperature)", ylabel="lines exact", xlim=(0, 1), ylim=(0, 1)
    )
    rejecting.set(xlabel="share of lines accepted, the surest first", ylabel="of them exact", xlim=(0, 1))
    for axes in (calibration, rejecting):
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(target, dpi=110, metadata={"Software": None})
