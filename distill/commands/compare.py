"""The command that compares settings of the student, and says which student to take for a target."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distill.commands import Commands, add, recipe_and_folder, reports, show, takes_recipe, until_stopped
from distill.commands.recording import check_record, of_comparison, takes_record, write_record
from distill.paths import expanded
from students.errors import UserError

if TYPE_CHECKING:
    from distill.delivery.pareto.choice import Target

SEEDS, SEEDS_OF_SIZES = 3, 1
FORMS = ("onnx", "int8", "fp16")


def add_to(commands: Commands) -> None:
    """Add the command of this module."""
    compare = add(commands, "compare", _compare, "one teacher, several settings of the student, equal budgets")
    takes_recipe(compare)
    compare.add_argument(
        "--over",
        action="append",
        metavar="KEY=A,B",
        help="settings; repeat to combine (with --pareto by default all sizes and kinds of students)",
    )
    seeds = f"seeds of every setting (default {SEEDS}; with --pareto {SEEDS_OF_SIZES})"
    compare.add_argument("--seeds", type=int, metavar="N", help=seeds)
    compare.add_argument("--on", choices=["validation", "test"], default="validation", help="lines to score on")
    compare.add_argument("--equal-seconds", action="store_true", help="also controls given the seconds of the students")
    compare.add_argument("--pareto", action="store_true", help="weigh exact lines against lines a second and bytes")
    compare.add_argument("--at-least", type=float, metavar="SHARE", help="with --pareto: exact lines asked for, as 0.9")
    compare.add_argument("--lines-a-second", type=float, metavar="N", help="with --pareto: speed asked for, one thread")
    compare.add_argument(
        "--to", action="append", choices=FORMS, default=[], help="with --pareto: export into this form, too; repeat"
    )
    takes_record(compare)
    reports(compare)


def _compare(options: argparse.Namespace) -> int:
    from distill.comparison.lines import run_comparison
    from distill.comparison.pages import run_page_comparison
    from distill.comparison.settings import Comparison
    from distill.comparison.summary import line_summary, page_summary
    from distill.delivery.pareto.choice import SIZES_AND_KINDS
    from distill.recipe.pages import PageRecipe

    target = _target(options)
    recipe, _ = recipe_and_folder(options)
    folder = expanded(options.run) if options.run else Path("runs") / f"compare-{recipe.name}"
    check_record(options)
    of_pages = isinstance(recipe, PageRecipe)
    if of_pages and options.pareto:
        raise UserError("--pareto: weighs students that read lines; this recipe is of pages")
    options.over = options.over or ([SIZES_AND_KINDS] if options.pareto else None)
    if not options.over:
        raise UserError("compare: name what to vary with --over KEY=A,B,..., or --pareto for sizes and kinds")
    n_seeds = (SEEDS_OF_SIZES if options.pareto else SEEDS) if options.seeds is None else options.seeds
    if n_seeds < 1:
        raise UserError(f"--seeds {n_seeds}: at least one")
    comparison = Comparison(options.recipe, options.overrides, options.over, n_seeds, options.on, options.equal_seconds)

    def work(stop: Any) -> int:
        if isinstance(recipe, PageRecipe):
            result = run_page_comparison(comparison, folder, stop)
            words = page_summary(recipe, options.over, result)
        else:
            result = run_comparison(comparison, folder, stop)
            words = line_summary(recipe, options.over, result)
        words = f"{words}\n{folder / 'compare.md'}"
        if options.pareto:
            weighed, which = _weighed(options, folder, result, target, recipe.name)
            result, words = result | {"pareto": weighed}, f"{words}\n\n{which}"
        show(result, options, words)
        write_record(options, lambda: of_comparison(options, result))
        return 0

    return until_stopped(work)


def _target(options: argparse.Namespace) -> Target:
    """Return what is asked of a student; raises `UserError` for what nothing can reach, or without --pareto."""
    from distill.delivery.pareto.choice import Target

    exact, speed = options.at_least, options.lines_a_second
    asked = {"--at-least": exact is not None, "--lines-a-second": speed is not None, "--to": bool(options.to)}
    if not options.pareto and any(asked.values()):
        raise UserError(f"{', '.join(name for name, there in asked.items() if there)}: only together with --pareto")
    if exact is not None and not 0 < exact <= 1:
        raise UserError(f"--at-least {exact:g}: a share of the lines, above 0 and at most 1, such as 0.9 for 90 %")
    if speed is not None and not speed > 0:
        raise UserError(f"--lines-a-second {speed:g}: more than 0")
    if options.pareto and options.on == "test":
        raise UserError("--pareto chooses a student, so it looks at validation; leave the test for the one you take")
    return Target(exact, speed)


def _weighed(
    options: argparse.Namespace, folder: Path, result: dict[str, Any], target: Target, name: str
) -> tuple[dict[str, Any], str]:
    """Weigh the students of a comparison, write `pareto.json`, `.md` and `.png`, and return figures and words."""
    from distill.delivery.pareto.summary import CHART, draw_pareto, pareto_page
    from distill.delivery.pareto.weighing import weigh
    from distill.signed_json import write_json
    from students.model_file import write_whole

    weighed = weigh(folder, result, target, options.to)
    page = pareto_page(name, weighed)
    write_json(folder / "pareto.json", weighed.as_dict())
    write_whole(folder / "pareto.md", page.encode())
    draw_pareto(weighed, target, folder / CHART)
    return weighed.as_dict(), f"{page}\n{folder / 'pareto.md'}"
