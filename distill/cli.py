"""The command line: the only place that prints. A mistake of the user is one message and exit code 2.

Commands import what they need when they run, so that `distill read` never waits for timm or datasets.
"""

from __future__ import annotations

import argparse
import errno
import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from students.errors import DataError, UserError

PROBLEMS_FOUND = 1
USER_ERROR = 2
OUR_FLOORS = ("students", "teachers", "distill")
Command = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    parser = _parser()
    options, behind = parser.parse_known_args(arguments)
    if behind and (not hasattr(options, "overrides") or any(word.startswith("-") for word in behind)):
        parser.error(f"unrecognized arguments: {' '.join(behind)}")
    if behind:  # argparse takes positional words in one stretch; ours may stand behind an option too
        options.overrides += behind
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s", stream=sys.stderr)
    command: Command = options.command
    try:
        return command(options)
    except UserError as error:
        print(f"distill: {error}", file=sys.stderr)
        return USER_ERROR
    except ModuleNotFoundError as error:
        if error.name in OUR_FLOORS:
            raise
        print(f"distill: {error.name} is not installed; pip install 'crnn-distill[train]'", file=sys.stderr)
        return USER_ERROR
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if error.filename is None and error.errno != errno.ENOSPC:
            raise
        print(f"distill: {error.filename or 'writing'}: {error.strerror}", file=sys.stderr)
        return USER_ERROR


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="distill",
        description="Distils large text-line recognisers into small ones, and proves the gain.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Command, about: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=about, description=about)
        sub.set_defaults(command=command)
        return sub

    def takes_recipe(sub: argparse.ArgumentParser) -> None:
        sub.add_argument("recipe", metavar="RECIPE", help="name of a shipped recipe, or a YAML file")
        sub.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="for example data.root=folder")
        sub.add_argument("--run", type=Path, metavar="FOLDER", help="run folder (default runs/<recipe>)")

    def reports(sub: argparse.ArgumentParser) -> None:
        sub.add_argument("--json", action="store_true", help="print JSON")

    recipes = add("recipes", _recipes, "list the shipped recipes, or show one fully resolved")
    recipes.add_argument("show", nargs="?", choices=["show"], help="show one recipe")
    recipes.add_argument("recipe", nargs="?", metavar="RECIPE")
    recipes.add_argument("overrides", nargs="*", metavar="KEY=VALUE")
    reports(recipes)
    for name, command, about in (
        ("check", _check, "open recipe and data, report every problem, train nothing"),
        ("teacher", _teacher, "train the teacher"),
        ("student", _student, "train control and student against the teacher, and report"),
    ):
        sub = add(name, command, about)
        takes_recipe(sub)
        reports(sub)
    cache = add("cache", _cache, "compute the teacher's posteriors on the training lines, once")
    takes_recipe(cache)
    reports(cache)
    compare = add("compare", _compare, "one teacher, several settings of the student, equal seeds and budgets")
    takes_recipe(compare)
    compare.add_argument(
        "--over", action="append", required=True, metavar="KEY=A,B", help="settings; repeat to combine"
    )
    compare.add_argument("--seeds", type=int, default=3, metavar="N", help="seeds of every setting (default 3)")
    compare.add_argument("--on", choices=["validation", "test"], default="validation", help="lines it is judged on")
    compare.add_argument(
        "--equal-seconds", action="store_true", help="also a control given the seconds of the first setting's student"
    )
    reports(compare)
    render = add("render", _render, "a contact sheet of what training sees")
    takes_recipe(render)
    render.add_argument("-n", type=int, default=60, metavar="N", help="how many lines (default 60)")
    evaluate = add("evaluate", _evaluate, "exact match, CER and WER of a model on labelled lines")
    evaluate.add_argument("model", metavar="MODEL", help="model file or run folder")
    evaluate.add_argument("data", nargs="+", metavar="DATA", help="Parquet file, folder, or hf://user/name")
    evaluate.add_argument("--protocol", choices=["exact", "nospace", "alnum"], help="default: the model's own")
    reports(evaluate)
    read = add("read", _read, "read line images")
    read.add_argument("model", metavar="MODEL", help="model file or run folder")
    read.add_argument("images", nargs="+", metavar="IMAGE")
    reports(read)
    return parser


def _recipes(options: argparse.Namespace) -> int:
    from distill.recipe_file import load_recipe, shipped_recipes
    from distill.run import resolved_yaml

    if options.show:
        if not options.recipe:
            raise UserError("recipes show: name a recipe, one of " + ", ".join(shipped_recipes()))
        recipe = load_recipe(options.recipe, options.overrides)
        _print(recipe.model_dump(mode="json"), options, resolved_yaml(recipe).rstrip())
        return 0
    known = {name: load_recipe(name).about for name in shipped_recipes()}
    _print(known, options, "\n".join(f"{name:12s} {about}" for name, about in known.items()))
    return 0


def _check(options: argparse.Namespace) -> int:
    from distill.check import check

    recipe, folder = _recipe_and_folder(options)
    found = check(recipe, folder)
    lines = [f"{part}: {n:,} lines" for part, n in found["lines"].items()]
    lines += [f"note: {note}" for note in found["notes"]]
    lines += [f"problem: {problem}" for problem in found["problems"]]
    _print(found, options, "\n".join([*lines, *(["no problems"] if not found["problems"] else [])]))
    return PROBLEMS_FOUND if found["problems"] else 0


def _teacher(options: argparse.Namespace) -> int:
    from distill.run import train_teacher

    return _in_run(options, lambda run: {"teacher": str(train_teacher(run))}, lambda _: "")


def _student(options: argparse.Namespace) -> int:
    from distill.report import in_words
    from distill.run import train_students

    def words(result: dict[str, Any]) -> str:
        folder = _recipe_and_folder(options)[1]
        return f"{in_words(result)}\nreport: {folder / 'report.md'}"

    return _in_run(options, train_students, words)


def _cache(options: argparse.Namespace) -> int:
    from distill.run import cache_teacher

    def words(result: dict[str, Any]) -> str:
        rows = []
        for name, part in result.items():
            errors = ", ".join(
                f"{tau}: loss {off['loss']:.2%}, gradient {off['gradient']:.2%}" for tau, off in part["error"].items()
            )
            rows.append(
                f"{name}: {part['lines']:,} lines in {part['views']} views, {part['bytes_a_line']:,.0f} bytes each; "
                f"off by {errors}"
            )
        return "\n".join(rows)

    return _in_run(options, cache_teacher, words)


def _compare(options: argparse.Namespace) -> int:
    from distill.compare import page, run_comparison

    recipe, _ = _recipe_and_folder(options)
    folder = options.run or Path("runs") / f"compare-{recipe.name}"
    if options.seeds < 1:
        raise UserError(f"--seeds {options.seeds}: at least one")

    def work(stop: Any) -> int:
        result = run_comparison(
            options.recipe, options.overrides, options.over, options.seeds, options.on, options.equal_seconds, folder,
            stop,
        )  # fmt: skip
        _print(result, options, f"{page(recipe, options.over, result)}\n{folder / 'compare.md'}")
        return 0

    return _until_stopped(work)


def _in_run(
    options: argparse.Namespace,
    work: Callable[[Any], dict[str, Any]],
    words: Callable[[dict[str, Any]], str],
) -> int:
    """Open the run, do one piece of work in it, and say the result."""
    from distill.run import open_run

    recipe, folder = _recipe_and_folder(options)

    def in_run(stop: Any) -> int:
        run = open_run(recipe, folder, stop)
        result = work(run)
        run.accelerator.end_training()
        if run.accelerator.is_main_process:
            _print(result, options, words(result))
        return 0

    return _until_stopped(in_run)


def _until_stopped(work: Callable[[Any], int]) -> int:
    """Exit code of `work`; a polite stop ends with 75."""
    from distill.runtime import STOPPED, Stopped, stoppable

    with stoppable() as stop:
        try:
            return work(stop)
        except Stopped:
            print("stopped; the same command continues", file=sys.stderr)
            return STOPPED


def _render(options: argparse.Namespace) -> int:
    from distill.preview import training_sheet

    *overrides, target = options.overrides or [""]
    if not target.lower().endswith(".png"):
        raise UserError("render: name the picture last, for example: distill render quick -n 60 sheet.png")
    options.overrides = overrides
    recipe, folder = _recipe_and_folder(options)
    training_sheet(recipe, folder, options.n).save(target)
    print(target)
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    import teachers
    from distill.evaluate import evaluate_sources

    reader = teachers.load(options.model)
    protocol = options.protocol or reader.description.training.get("protocol", "exact")
    result = evaluate_sources(reader, options.data, protocol)
    rows = [f"{'source':24s} {'lines':>7s} {'exact':>8s} {'CER':>8s}"]
    rows += [
        f"{name:24s} {part['n']:7d} {part['exact']:8.2%} {part['cer']:8.2%}" for name, part in result["sources"].items()
    ]
    rows.append(
        f"{'all (' + protocol + ')':24s} {result['n']:7d} {result['exact']:8.2%} {result['cer']:8.2%}  "
        f"WER {result['wer']:.2%}, {result['left_out']} lines left out, {len(result['refused'])} refused"
    )
    rows += [f"refused: {reason}" for reason in result["refused"]]
    _print(result, options, "\n".join(rows))
    return 0


def _read(options: argparse.Namespace) -> int:
    import teachers

    reader = teachers.load(options.model)
    failed = 0
    for image in options.images:
        try:
            reading = reader.read(image)
        except DataError as error:
            failed += 1
            print(f"distill: {error}", file=sys.stderr)
            continue
        if options.json:
            characters = [vars(c) for c in reading.characters]
            print(json.dumps({"image": image, "text": reading.text, "confidence": reading.confidence,
                              "characters": characters}, ensure_ascii=False))  # fmt: skip
        else:
            print(f"{image}\t{reading.text}\t{reading.confidence:.4f}")
    return USER_ERROR if failed else 0


def _recipe_and_folder(options: argparse.Namespace) -> tuple[Any, Path]:
    from distill.recipe_file import load_recipe

    recipe = load_recipe(options.recipe, options.overrides)
    return recipe, options.run or Path("runs") / recipe.name


def _print(value: object, options: argparse.Namespace, words: str) -> None:
    text = json.dumps(value, indent=1, ensure_ascii=False) if options.json else words
    if text:
        print(text)
