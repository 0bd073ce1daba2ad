"""The page and the chart of what `weighing.py` weighed: `pareto.md` and `pareto.png`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from distill.delivery.pareto.choice import Candidate, Target
from distill.delivery.pareto.weighing import TIMED_LINES, Weighed
from distill.durable import write_chart
from distill.evaluation.document import Block, Code, Heading, Paragraph, Picture, Strong, Table, Text, as_markdown

CHART = "pareto.png"
TAKEN, FRONT, BEATEN = "tab:green", "tab:blue", "0.6"


def pareto_page(name: str, weighed: Weighed) -> str:
    """Return `pareto.md`: which to take, and every file with what it reads, its speed and its size."""
    candidates = weighed.candidates
    slowest = min(each.lines_a_second for each in candidates.values())
    rows: list[Sequence[Text]] = []
    for number, (label, each) in enumerate(_ordered(weighed), 1):
        mark: Text = Strong("take") if label == weighed.take else "frontier" if label in weighed.frontier else ""
        speed = [f"{each.lines_a_second:,.0f}", f"{each.lines_a_second / slowest:.2f}"]
        exact = f"{each.exact:.1%} ({each.low:.1%} to {each.high:.1%})"
        rows.append([str(number), label, mark, exact, f"{each.mean_of_seeds:.1%}", *speed, f"{each.bytes / 1e6:.2f}"])
    heads = ["", "student", "", "exact (95 % interval)", "mean of seeds", "lines/s", "times the slowest", "MB"]
    about = (
        f"Exact lines of {weighed.lines:,} validation lines. Lines/s: from picture to text on one thread, all files "
        f"in turn on the same {min(TIMED_LINES, weighed.lines):,} lines in one run on this machine; only ratios "
        "travel. On the frontier stands what no other file beats in all three."
    )
    blocks: list[Block] = [
        Heading(f"{name}: which student", 1),
        Paragraph(Strong(weighed.why)),
        Table(heads, rows, words=3),
        Paragraph(about),
        *(Paragraph(["Left out: ", label, ": ", why]) for label, why in weighed.left_out.items()),
        Paragraph(Picture(CHART, "exact lines against lines a second and bytes")),
    ]
    if weighed.take:
        blocks.insert(2, Paragraph(["Its file: ", Code(candidates[weighed.take].path)]))
    return as_markdown(blocks)


def draw_pareto(weighed: Weighed, target: Target, path: Path) -> None:
    """Write a chart: exact lines against lines a second, and against bytes, of every file, with the target.

    Files have the numbers of the table.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4.6), layout="constrained")
    speed, size = figure.subplots(1, 2, sharey=True)
    for axes, key, scale in ((speed, "lines_a_second", 1.0), (size, "bytes", 1e-6)):
        for number, (label, each) in enumerate(_ordered(weighed), 1):
            colour = TAKEN if label == weighed.take else FRONT if label in weighed.frontier else BEATEN
            x, exact = scale * getattr(each, key), 100 * each.exact
            axes.plot([x, x], [100 * each.low, 100 * each.high], color=colour, alpha=0.35, linewidth=2)
            axes.plot(x, exact, "o", color=colour, label=f"{number}  {label}".replace("$", r"\$"))
            aside = {"xytext": (5, 4), "ha": "left"} if number % 2 else {"xytext": (-5, 4), "ha": "right"}
            axes.annotate(str(number), (x, exact), textcoords="offset points", fontsize=9, **aside)
        if target.exact is not None:
            axes.axhline(100 * target.exact, color="tab:red", linewidth=1, linestyle="--")
        axes.set_xscale("log")
        _plain_numbers(axes)
        axes.margins(x=0.12, y=0.12)
        axes.grid(alpha=0.3)
    if target.lines_a_second is not None:
        speed.axvline(target.lines_a_second, color="tab:red", linewidth=1, linestyle="--")
    speed.set(xlabel="lines a second on one thread, more is better", ylabel="exact lines, %")
    size.set(xlabel="megabytes of the file, less is better")
    figure.legend(*size.get_legend_handles_labels(), loc="outside right center", fontsize=9, frameon=False)
    write_chart(path, figure)


def _ordered(weighed: Weighed) -> list[tuple[str, Candidate]]:
    """The files as table and chart number them: the one that reads most first."""
    return sorted(weighed.candidates.items(), key=lambda item: (-item[1].exact, item[0]))


def _plain_numbers(axes: Any) -> None:
    """Ticks of a logarithmic axis as people write numbers."""
    from matplotlib.ticker import FuncFormatter, LogLocator

    written = FuncFormatter(lambda value, _: f"{value:,g}")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(written)
    axes.xaxis.set_minor_formatter(FuncFormatter(lambda *_: ""))
