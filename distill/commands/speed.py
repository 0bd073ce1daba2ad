"""The command that measures speed."""

from __future__ import annotations

import argparse
from pathlib import Path

from distill.commands import Commands, add, reports, show
from students.errors import UserError


def add_to(commands: Commands) -> None:
    speed = add(commands, "speed", _speed, "how fast lines are drawn")
    speed.add_argument(
        "--renderer",
        nargs="?",
        const="",
        metavar="RECIPE",
        help="draw lines as a recipe does; without one, by defaults",
    )
    speed.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="for example data.root=folder")
    speed.add_argument("-n", type=int, default=2000, metavar="N", help="lines a round (default 2000)")
    speed.add_argument("--against-trdg", type=Path, metavar="PYTHON", help="Python of an environment that has trdg 1.8")
    speed.add_argument("--processes", type=int, default=1, metavar="N", help="also measure N processes at once")
    reports(speed)


def _speed(options: argparse.Namespace) -> int:
    from distill.data.sources import RenderedSource
    from distill.recipe_file import load_recipe
    from distill.renderer_speed import DEFAULT, renderer_speed

    if options.renderer is None:
        raise UserError("speed: say what is measured: --renderer, or --renderer RECIPE")
    if options.n < 1 or options.processes < 1:
        raise UserError(f"speed: -n {options.n} and --processes {options.processes} must be at least 1")
    source, root = DEFAULT, Path()
    if options.renderer:
        data = load_recipe(options.renderer, options.overrides).data
        rendered = [each for each in data.train if isinstance(each, RenderedSource)]
        if not rendered:
            raise UserError(f"speed: recipe {options.renderer} draws no training lines")
        source, root = rendered[0], Path(data.root).expanduser()
    result = renderer_speed(source, root, options.n, options.against_trdg, options.processes)
    rows = [
        f"{result['lines_a_second']:,} lines/s on one core ({result['characters']} characters, "
        f"{result['height_px']} px, {result['faces']} faces)",
        f"{result['first_use']:,} in the first round, in which letters are drawn for the first time",
        f"{result['over_pillow']} x a plain Pillow loop, fonts cached, same operations ({result['pillow']:,})",
    ]
    if "trdg" in result:
        rows.append(f"{result['over_trdg']} x trdg ({result['trdg']})")
    if "processes" in result:
        rows.append(f"{result['processes']} processes: {result['over_one_process']} x one")
    show(result, options, "\n".join(rows))
    return 0
