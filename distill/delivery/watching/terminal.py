"""Runs in a terminal: a row for every network, with its curve in block characters."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Sequence

from distill.delivery.watching.state import NetworkState, RunState

BLOCKS = "▁▂▃▄▅▆▇█"
BAR_COLUMNS, CURVE_COLUMNS = 20, 24
MEASURES = ("validation_exact", "validation_hmean")  # the figure that weights are chosen by
SHOWN_ANSWERS = 6
WORTH_TELLING = 0.05  # share of the time spent waiting for data


def in_terminal(states: Sequence[RunState], columns: int | None = None, plain: bool = False) -> str:
    """Return the runs as text of so many columns (None: those of the terminal); `plain`: ASCII alone."""
    columns = columns or shutil.get_terminal_size((100, 30)).columns
    rows: list[str] = []
    for state in states:
        rows.append(f"{state.recipe}  {state.folder}")
        rows += [row for network in state.networks for row in _network(network, plain)]
        rows += [] if state.networks else ["  nothing is trained yet"]
        rows += [f"  refused of {part}: {n}, named in data.json" for part, n in state.refused.items()]
        if state.networks and (answers := state.networks[-1].answers):
            rows.append(f"  of validation the {state.networks[-1].name} makes, at its last look:")
            rows += [_answer(each["right"], each["given"], plain) for each in answers[:SHOWN_ANSWERS]]
        if state.verdict:
            rows += textwrap.wrap(state.verdict, columns, initial_indent="  ", subsequent_indent="  ")
        rows.append("")
    return "\n".join(row[:columns] for row in rows)


def _network(network: NetworkState, plain: bool) -> list[str]:
    """How far it is, and beneath it what it comes to."""
    share = network.step / network.steps if network.steps else 1.0
    full = round(share * BAR_COLUMNS)
    bar = ("#" * full).ljust(BAR_COLUMNS, ".") if plain else ("█" * full).ljust(BAR_COLUMNS, "░")
    head = f"  {network.name:16s} {bar} {network.step:,} of {network.steps:,} steps, {_standing(network)}"
    parts = []
    measure = next((name for name in MEASURES if name in network.curves), None)
    if measure:
        values = [value for _, value in network.curves[measure]]
        curve = "" if plain else f" {sparkline(values)}"
        parts.append(f"{measure.removeprefix('validation_')} {values[-1]:.1%} (best {max(values):.1%}){curve}")
    if "loss" in network.curves:
        parts.append(f"loss {network.curves['loss'][-1][1]:.3f}")
    if network.a_second:
        parts.append(f"{network.a_second:,.0f} {network.unit}s/s")
    if network.waiting_share and network.waiting_share >= WORTH_TELLING:
        parts.append(f"{network.waiting_share:.0%} waiting for data")
    return [head, "  ".join(["  ", *parts])] if parts else [head]


def _standing(network: NetworkState) -> str:
    if network.finished:
        return "finished"
    if not network.going:
        return "not going on"
    return "going on" if network.left_s is None else f"{duration(network.left_s)} left"


def _answer(right: str, given: str, plain: bool) -> str:
    words = ascii if plain else repr
    if right == given:
        return f"    =  {words(given)}"
    return f"    {'!=' if plain else '≠ '} {words(given)}  should be {words(right)}"


def sparkline(values: Sequence[float], columns: int = CURVE_COLUMNS) -> str:
    """Return values as a row of block characters, the highest eight eighths; of many values, evenly spread ones."""
    if len(values) > columns:
        values = [values[round(i * (len(values) - 1) / (columns - 1))] for i in range(columns)]
    low, high = min(values), max(values)
    spread = high - low or 1.0
    return "".join(BLOCKS[round((value - low) / spread * (len(BLOCKS) - 1))] for value in values)


def duration(seconds: float) -> str:
    """Return a time as people say it: `45 s`, `12 min`, `2 h 05 min`."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"
