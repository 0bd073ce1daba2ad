"""The command that runs a step again whose loss or gradient was not finite."""

from __future__ import annotations

import argparse
import math
from typing import Any

from distill.commands import (
    PROBLEMS_FOUND,
    Commands,
    add,
    recipe_and_folder,
    reports,
    show,
    takes_recipe,
    until_stopped,
)


def add_to(commands: Commands) -> None:
    """Add the command of this module."""
    replay = add(commands, "replay", _replay, "run a step again that was not finite, and show what in it is not")
    takes_recipe(replay)
    reports(replay)


def _replay(options: argparse.Namespace) -> int:
    from distill.runs.replaying import kept_step, replay
    from distill.runs.tasks import open_any_run

    recipe, folder = recipe_and_folder(options)
    kept_step(folder)  # before the lines are opened, which may have to be rendered first

    def work(stop: Any) -> int:
        name, found = replay(open_any_run(recipe, folder, stop))
        items = {item.key: list(item.not_finite) for item in found.items}
        odd = {key: names for key, names in items.items() if names}
        rows = [f"{key}: not finite: {', '.join(names)}" for key, names in odd.items()]
        if found.problem:
            rows = [f"{name} {found.problem}", *(rows or ["each item by itself is finite: it is the step as a whole"])]
        else:
            rows.append(
                f"{name} step {found.step}: finite now, loss {found.loss:.4g}, gradient norm {found.gradient_norm:.4g}"
            )
        result = {
            "training": name,
            "step": found.step,
            "finite": not found.problem,
            "loss": _number(found.loss),
            "gradient_norm": _number(found.gradient_norm),
            "items": items,
        }
        show(result, options, "\n".join(rows))
        return PROBLEMS_FOUND if found.problem else 0

    return until_stopped(work)


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
