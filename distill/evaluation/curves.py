"""How the networks of a run learnt: validation error and training loss over their steps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from distill.durable import write_chart
from distill.track import read_metrics

COLOURS = {"teacher": "tab:gray", "control": "tab:orange", "before": "tab:orange", "student": "tab:blue"}


class Curves(NamedTuple):
    """What is drawn: keys of `metrics.jsonl`, a rate whose rest to 1 is the error and a loss, and what they are."""

    rate: str
    error_label: str
    loss: str
    loss_label: str


def draw_curves(folder: Path, roles: Sequence[str], curves: Curves, target: Path) -> None:
    """Write a picture with the validation error and the training loss of every role of a run folder."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.6), layout="constrained")
    error, loss = figure.subplots(1, 2)
    for role in roles:
        entries = read_metrics(folder / role / "metrics.jsonl")
        validated = [e for e in entries if curves.rate in e]
        logged = [e for e in entries if curves.loss in e]
        rest = [1 - e[curves.rate] for e in validated]
        error.plot([e["step"] for e in validated], rest, color=COLOURS[role], marker=".", label=role)
        loss.plot([e["step"] for e in logged], [e[curves.loss] for e in logged], color=COLOURS[role], label=role)
    error.set(xlabel="step", ylabel=curves.error_label, yscale="log")
    loss.set(xlabel="step", ylabel=curves.loss_label, yscale="log")
    for axes in (error, loss):
        axes.grid(alpha=0.3)
        axes.legend()
    write_chart(target, figure)
