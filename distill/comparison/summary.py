"""What a comparison writes: `compare.json`, and made from it the table `compare.md` and the chart `compare.png`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from distill.comparison.line_outcomes import GIVEN
from distill.durable import write_chart
from distill.evaluation.pages.report import MEASURE
from distill.evaluation.roles import ROLES
from distill.recipe.pages import PageRecipe
from distill.recipe.sections import Recipe
from distill.signed_json import write_json
from students.model_file import write_whole


def write_comparison(folder: Path, result: Mapping[str, Any], summary: str) -> None:
    """Write `compare.json`, `compare.md` and `compare.png`."""
    write_json(folder / "compare.json", result)
    write_whole(folder / "compare.md", summary.encode())
    _draw_gains(result, folder / "compare.png")


def line_summary(recipe: Recipe, over: Sequence[str], result: Mapping[str, Any]) -> str:
    """Return `compare.md` of a comparison on lines: one row for each setting."""
    rows = [
        f"# {recipe.name}: {' '.join(over)}\n",
        f"Exact lines on {result['on']}, means of seeds {', '.join(map(str, result['seeds']))}; intervals (95 %) over "
        "(seed, line) pairs; CER: points more or less than the control; seconds of one training, and those of filling "
        "its cache.\n",
        "| setting | teacher | control | distilled | gain in points | CER | verdict | over the first | seconds |",
        "|---|---:|---:|---:|---|---|---|---|---:|",
    ]
    for name, row in result["settings"].items():
        first = row["over_the_first"]
        rows.append(
            f"| {name} | {row['teacher']:.1%} | {row['control']:.1%} | {row['student']:.1%} | {_points(row['gain'])} | "
            f"{_points(row['cer_change'])} | {_verdict(row)} | "
            f"{_points(first['gain'])}, {_in_words(first)} | {row['seconds']['student']:.0f}"
            + (f" + {row['seconds']['cache']:.0f} |" if row["seconds"]["cache"] else " |")
        )
    longer = {n: row[GIVEN] for n, row in result["settings"].items() if GIVEN in row}
    if longer:
        rows += ["\n## Over a control given the seconds of the student and its cache\n"]
        rows += ["| setting | control | distilled | gain in points | verdict |", "|---|---:|---:|---|---|"]
        rows += [
            f"| {name} | {given['exact']:.1%} | {result['settings'][name]['student']:.1%} | {_points(given['gain'])} | "
            f"{_in_words(given)} |"
            for name, given in longer.items()
        ]
    rows += _pairs(result, "Intervals are of a pair alone: of 20 pairs of equals one lies apart.")
    rows += [f"\nHow the teacher was matched ({run}): {why}." for run, why in result.get("match", {}).items()]
    rows += [f"\nLeft out: {name}, {reason}." for name, reason in result.get("refused", {}).items()]
    rows += [f"\n{sentence}." for sentence in result.get("foreign_teachers", ())]
    return "\n".join([*rows, "\n![gains](compare.png)\n"])


def page_summary(recipe: PageRecipe, over: Sequence[str], result: Mapping[str, Any]) -> str:
    """Return `compare.md` of a comparison on pages: one row for each setting."""
    rows = [
        f"# {recipe.name}: {' '.join(over)}\n",
        f"{MEASURE[0].upper()}{MEASURE[1:]} on {result['on']}, means of seeds {', '.join(map(str, result['seeds']))}; "
        "intervals (95 %) over (seed, page) pairs; seconds of one training.\n",
        "| setting | teacher | control | distilled | gain in points | verdict | over the first | seconds |",
        "|---|---:|---:|---:|---|---|---|---:|",
    ]
    for name, row in result["settings"].items():
        first = row["over_the_first"]
        rates = " | ".join(f"{row[role]:.1%}" for role in ROLES)
        rows.append(
            f"| {name} | {rates} | {_points(row['gain'])} | {_in_words(row)} | "
            f"{_points(first['gain'])}, {_in_words(first)} | {row['seconds']['student']:.0f} |"
        )
    rows += _pairs(result, "Intervals are of a pair alone.")
    return "\n".join([*rows, "\n![gains](compare.png)\n"])


def _pairs(result: Mapping[str, Any], what: str) -> list[str]:
    """A table of every pair of settings; nothing where the settings are themselves one pair."""
    if len(result["settings"]) <= 2:
        return []
    head = ["| setting | over | gain in points | verdict |", "|---|---|---|---|"]
    rows = [f"| {p['of']} | {p['over']} | {_points(p['gain'])} | {_in_words(p)} |" for p in result["pairs"]]
    return ["\n## Every pair\n", f"The better first. {what}\n", *head, *rows]


def _verdict(row: Mapping[str, Any]) -> str:
    words = _in_words(row)
    return f"nothing reads, {words}" if row["nothing_reads"] else words


def _in_words(row: Mapping[str, Any]) -> str:
    return str(row["verdict"]).replace("_", " ")


def _points(gain: Mapping[str, float]) -> str:
    """A gain in points, with its interval."""
    return f"{100 * gain['value']:+.1f} ({100 * gain['low']:+.1f} to {100 * gain['high']:+.1f})"


def _draw_gains(result: Mapping[str, Any], target: Path) -> None:
    """A chart: gain of every setting over its control, in points, with its interval and a dot for each seed."""
    from matplotlib.figure import Figure

    names = list(result["settings"])
    figure = Figure(figsize=(8, 1.2 + 0.45 * len(names)), layout="constrained")
    axes = figure.subplots()
    for y, name in enumerate(names):
        row = result["settings"][name]
        gain = row["gain"]
        axes.plot([100 * gain["low"], 100 * gain["high"]], [y, y], color="tab:blue", linewidth=3, alpha=0.4)
        axes.plot(100 * gain["value"], y, "o", color="tab:blue")
        dots = [100 * (s - c) for s, c in zip(row["each_seed"], row["each_control"], strict=True)]
        axes.plot(dots, [y] * len(dots), ".", color="tab:gray")
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set(yticks=range(len(names)), yticklabels=names, xlabel=f"points over the control, {result['on']}")
    axes.invert_yaxis()
    axes.grid(alpha=0.3, axis="x")
    write_chart(target, figure)
