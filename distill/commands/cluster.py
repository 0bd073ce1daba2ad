"""Commands that share work out over the workers of a Ray cluster: rendering, posteriors, decoding and labels."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from distill.commands import (
    Commands,
    add,
    in_run,
    recipe_and_folder,
    reports,
    show,
    takes_recipe,
    until_stopped,
    warnings_told,
)
from distill.commands.data import labelling_of, report_of_import, source_of, takes_lines
from distill.commands.recipes import cache_in_words, line_recipe
from students.errors import UserError


def add_to(commands: Commands) -> None:
    """Add the command of this module, which has commands of its own."""
    about = "make the files that a run needs, shared out over many workers (Ray)"
    inner = commands.add_parser("cluster", help=about, description=about).add_subparsers(required=True, metavar="WHAT")
    render = add(inner, "render", _render, "render the lines of a recipe into the cache of its run")
    takes_recipe(render)
    cache = add(inner, "cache", _cache, "compute the teacher's posteriors on the training lines, once")
    takes_recipe(cache)
    imports = add(inner, "import", _import, "lines of any source into a folder of Parquet files, labelled by a model")
    takes_lines(imports, "folder of Parquet files to write")
    imports.add_argument(
        "--part-lines", type=int, default=20_000, metavar="N", help="rows of the source a part (default 20000)"
    )
    for sub in (render, cache, imports):
        _takes_workers(sub)
        reports(sub)


def _takes_workers(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--workers", type=int, metavar="N", help="workers, a core each (default: the cores here)")
    sub.add_argument(
        "--address", metavar="ADDRESS", help="Ray cluster, auto: the one of this machine (default: a new one)"
    )
    sub.add_argument("--gpus-each", type=float, default=0.0, metavar="G", help="GPUs of a worker (default 0)")
    sub.add_argument("--here", action="store_true", help="without Ray: one shard after another in this process")


def _spread(options: argparse.Namespace) -> Any:
    from distill.cluster import OnRay, here
    from distill.waiting import available_cores

    workers = available_cores() if options.workers is None else options.workers
    if workers < 1 or options.gpus_each < 0:
        raise UserError(f"--workers {workers} --gpus-each {options.gpus_each:g}: at least 1 worker, and 0 GPUs")
    if options.here:
        if options.workers is not None or options.address is not None or options.gpus_each:
            raise UserError("--here: no Ray, so --workers, --address and --gpus-each say nothing")
        return here
    return OnRay(workers, options.address, options.gpus_each)


def _render(options: argparse.Namespace) -> int:
    from distill.runs.shared_out import render_shared

    spread, recipe = _spread(options), line_recipe(options)
    folder = recipe_and_folder(options)[1]

    def work(stop: Any) -> int:
        folders = [str(path) for path in render_shared(recipe, folder, stop, spread)]
        show({"rendered": folders}, options, "\n".join(folders) or "the recipe has no rendered lines")
        return 0

    return until_stopped(work)


def _cache(options: argparse.Namespace) -> int:
    from distill.runs.shared_out import cache_shared
    from distill.runs.teachers import expect_cache

    spread = _spread(options)
    expect_cache(line_recipe(options))  # told before lines are opened
    return in_run(options, lambda run: cache_shared(run, spread), cache_in_words, needs_teacher=True)


def _import(options: argparse.Namespace) -> int:
    from distill.data.importing import import_parts

    if options.part_lines < 1:
        raise UserError(f"--part-lines {options.part_lines}: 1 or more")
    spread, source, labelling = _spread(options), source_of(options), labelling_of(options)
    out = Path(options.out)

    def work(stop: Any) -> int:
        with warnings_told() as warnings:
            result = import_parts(source, out, labelling, spread, options.part_lines, stop.raise_if_set)
        return report_of_import(result | {"warnings": warnings}, options)

    return until_stopped(work)
