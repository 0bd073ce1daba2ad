"""What was measured of recognisers and of page readers, as the tables that a command prints and as charts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distill.data.formats.contents import counted
from distill.durable import write_chart


def draw_speed(result: Mapping[str, Any], target: Path) -> None:
    """Write a chart: lines a second and share of exact lines, of every model and peer."""
    rows = {**result["models"], **result["peers"]}
    words = {name: f"{row['lines_a_second']:,.0f}, exact {row['exact']:.1%}" for name, row in rows.items()}
    rates = {name: row["lines_a_second"] for name, row in rows.items()}
    _draw_bars(rates, words, set(result["models"]), "lines a second on one thread, pictures to texts", target)


def draw_page_speed(result: Mapping[str, Any], target: Path) -> None:
    """Write a chart: pages a second of every page reader and peer."""
    rates = {name: row["pages_a_second"] for name, row in {**result["models"], **result["peers"]}.items()}
    words = {name: f"{rate:.2f}" for name, rate in rates.items()}
    _draw_bars(rates, words, set(result["models"]), "pages a second on one thread, pictures to texts", target)


def _draw_bars(rates: Mapping[str, float], words: Mapping[str, str], own: set[str], axis: str, target: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 1.2 + 0.5 * len(rates)), layout="constrained")
    axes = figure.subplots()
    for y, (name, rate) in enumerate(rates.items()):
        axes.barh(y, rate, color="tab:blue" if name in own else "tab:gray")
        axes.text(rate, y, f" {words[name]}", va="center")
    axes.set(yticks=range(len(rates)), yticklabels=list(rates), xlabel=axis)
    axes.margins(x=0.25)
    axes.invert_yaxis()
    write_chart(target, figure)


def speed_table(result: Mapping[str, Any]) -> str:
    """Return what was measured of recognisers as a table."""
    table = [f"{counted(result['lines'], 'line')}, one thread, peak {result['peak_gflops']:.0f} Gflop/s"]
    for name, row in result["models"].items():
        table.append(f"{name}: {_lines(row)}, {row['over_the_network_alone']:.2f} times the network alone")
        memory = f", {row['cold']['mib']:.0f} MiB" if "mib" in row["cold"] else ""
        table.append(f"  a fresh process: {row['cold']['seconds']:.2f} s to its first text{memory}")
        if "processes" in row:
            table.append(
                f"  {row['processes']['n']} processes: {row['processes']['times_one']:.2f} times one "
                f"(a matrix product here: {result['product_times_one']:.2f})"
            )
        table.append(f"  {'width':>6s} {'batch':>6s} {'ms a line':>10s} {'lines/s':>9s} {'of peak':>8s}")
        table += [
            f"  {cell['width_px']:6.0f} {cell['batch']:6.0f} {cell['ms_a_line']:10.3f} {cell['lines_a_second']:9,.0f} "
            f"{cell['share_of_peak']:8.0%}"
            for cell in row["network"]
        ]
    fastest = max((row["lines_a_second"] for row in result["models"].values()), default=0.0)
    table += [
        f"{name}: {_lines(row)}; the fastest model is {fastest / row['lines_a_second']:.1f} times as fast"
        for name, row in result["peers"].items()
    ]
    return "\n".join(table)


def page_speed_table(result: Mapping[str, Any]) -> str:
    """Return what was measured of page readers as a table."""
    table = [
        f"{counted(result['pages'], 'page')}, one thread, seconds of the processor, "
        f"the faster of {result['rounds']} rounds"
    ]
    for name, row in result["models"].items():
        phases = ", ".join(f"{phase} {ms:.1f}" for phase, ms in row["ms_a_page"].items())
        table.append(f"{name}: {row['pages_a_second']:.2f} pages/s, {row['together']:.2f} with pages in one batch")
        table.append(f"  ms a page: {phases}")
        cold = row["cold"]
        if "refused" in cold:
            table.append(f"  a fresh process: not measured: {cold['refused']}")
        else:
            memory = f"{cold['mib']:.0f} MiB, {'with' if cold['torch'] else 'without'} torch"
            table.append(f"  a fresh process: {cold['seconds']:.2f} s to its first page, {memory}")
        if "processes" in row:
            table.append(f"  {row['processes']['n']} processes: {row['processes']['times_one']:.2f} times one")
    fastest = max(row["pages_a_second"] for row in result["models"].values())
    for name, row in result["peers"].items():
        rate = row["pages_a_second"]
        table.append(f"{name}: {rate:.2f} pages/s; the fastest model is {fastest / rate:.1f} times as fast")
    return "\n".join(table)


def _lines(row: Mapping[str, Any]) -> str:
    return f"{row['lines_a_second']:,.0f} lines/s, exact {row['exact']:.1%}, CER {row['cer']:.1%}"
