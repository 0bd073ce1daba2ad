"""The page and the chart of a comparison: `compare.md` and `compare.png`, made from `compare.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from distill.recipe.sections import Recipe
from distill.runs.outcomes import GIVEN


def page(recipe: Recipe, over: Sequence[str], result: Mapping[str, Any]) -> str:
    """Return `compare.md`: one row for each setting."""
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
            f"| {name} | {row['teacher']:.1%} | {row['control']:.1%} | {row['student']:.1%} | {points(row['gain'])} | "
            f"{points(row['cer_change'])} | {_verdict(row)} | "
            f"{points(first['gain'])}, {verdict_in_words(first)} | {row['seconds']['student']:.0f}"
            + (f" + {row['seconds']['cache']:.0f} |" if row["seconds"]["cache"] else " |")
        )
    longer = {n: row[GIVEN] for n, row in result["settings"].items() if GIVEN in row}
    if longer:
        rows += ["\n## Over a control given the seconds of the student and its cache\n"]
        rows += ["| setting | control | distilled | gain in points | verdict |", "|---|---:|---:|---|---|"]
        rows += [
            f"| {name} | {given['exact']:.1%} | {result['settings'][name]['student']:.1%} | {points(given['gain'])} | "
            f"{verdict_in_words(given)} |"
            for name, given in longer.items()
        ]
    if len(result["settings"]) > 2:
        rows += [
            "\n## Every pair\n",
            "The better first. Intervals are of a pair alone: of 20 pairs of equals one lies apart.\n",
        ]
        rows += ["| setting | over | gain in points | verdict |", "|---|---|---|---|"]
        rows += [
            f"| {pair['of']} | {pair['over']} | {points(pair['gain'])} | {verdict_in_words(pair)} |"
            for pair in result["pairs"]
        ]
    rows += [f"\nHow the teacher was matched ({run}): {why}." for run, why in result.get("match", {}).items()]
    rows += [f"\nLeft out: {name}, {reason}." for name, reason in result.get("refused", {}).items()]
    rows += [f"\n{sentence}." for sentence in result.get("foreign_teachers", ())]
    return "\n".join([*rows, "\n![gains](compare.png)\n"])


def _verdict(row: Mapping[str, Any]) -> str:
    words = verdict_in_words(row)
    return f"nothing reads, {words}" if row["nothing_reads"] else words


def verdict_in_words(row: Mapping[str, Any]) -> str:
    """Return the verdict of a row of `compare.json` as it is printed."""
    return str(row["verdict"]).replace("_", " ")


def points(gain: Mapping[str, float]) -> str:
    """Return a gain in points, with its interval."""
    return f"{100 * gain['value']:+.1f} ({100 * gain['low']:+.1f} to {100 * gain['high']:+.1f})"


def draw_gains(result: Mapping[str, Any], target: Path) -> None:
    """Write a chart: gain of every setting over its control, in points, with its interval and a dot for each seed."""
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
    figure.savefig(target, dpi=110, metadata={"Software": None})
