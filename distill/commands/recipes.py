"""Commands that take a recipe: look at it, check it, train."""

from __future__ import annotations

import argparse
import glob
import logging
import tempfile
from pathlib import Path
from typing import Any

from distill.commands import (
    PROBLEMS_FOUND,
    Commands,
    add,
    in_run,
    recipe_and_folder,
    reports,
    show,
    takes_limit,
    takes_recipe,
    warnings_told,
)
from distill.commands.recording import check_record, of_report, takes_record, write_record
from distill.data.formats.contents import counted
from distill.paths import expanded
from students.errors import UserError

log = logging.getLogger(__name__)


def add_to(commands: Commands) -> None:
    """Add the commands of this module."""
    recipes = add(commands, "recipes", _recipes, "list the shipped recipes, or show one fully resolved")
    recipes.add_argument("show", nargs="?", choices=["show"], help="show one recipe")
    recipes.add_argument("recipe", nargs="?", metavar="RECIPE")
    recipes.add_argument("overrides", nargs="*", metavar="KEY=VALUE")
    reports(recipes)
    check = add(commands, "check", _check, "open recipe and data, report every problem, train nothing")
    takes_recipe(check)
    check.add_argument(
        "--suspicious",
        type=int,
        default=60,
        metavar="N",
        help="how many labels that a finished teacher doubts are shown (default 60; 0: ask no teacher)",
    )
    check.add_argument(
        "--locator",
        metavar="MODEL",
        help="of pages: what looks for text without a box (default: the run's teacher; of a folder: pages)",
    )
    reports(check)
    for name, command, about in (
        ("teacher", _teacher, "train the teacher"),
        ("student", _student, "train control and student against the teacher, and report"),
        ("run", _run, "teacher, control, student and report in one go; what is finished is reused"),
    ):
        sub = add(commands, name, command, about)
        takes_recipe(sub)
        reports(sub)
        takes_limit(sub)
        if name != "teacher":
            takes_record(sub)
    cache = add(commands, "cache", _cache, "compute the teacher's posteriors on the training lines, once")
    takes_recipe(cache)
    reports(cache)
    render = add(commands, "render", _render, "a contact sheet of what training sees")
    takes_recipe(render)
    render.add_argument("-n", type=int, default=60, metavar="N", help="how many lines (default 60)")


def _recipes(options: argparse.Namespace) -> int:
    from distill.recipe.file import load_recipe, resolved_yaml, shipped_recipes

    if options.show:
        if not options.recipe:
            raise UserError("recipes show: name a recipe, one of " + ", ".join(shipped_recipes()))
        recipe = load_recipe(options.recipe, options.overrides)
        show(recipe.model_dump(mode="json"), options, resolved_yaml(recipe).rstrip())
        return 0
    known = {name: load_recipe(name).about for name in shipped_recipes()}
    show(known, options, "\n".join([*(f"{name:12s} {about}" for name, about in known.items()), *_names_of_models()]))
    return 0


def line_recipe(options: argparse.Namespace) -> Any:
    """Return the recipe, for commands that know lines alone; raises `RecipeError` for one of pages."""
    from distill.recipe.file import load_line_recipe

    return load_line_recipe(options.recipe, options.overrides)


def _names_of_models() -> list[str]:
    """What finished models are called, for whoever looks where recipes are listed."""
    from students.shipped import shipped_students
    from teachers.shipped import HOW, NAMES, shipped_teachers

    there = shipped_teachers()
    names = ", ".join(name if name in there else f"{name} (not installed)" for name in sorted({*NAMES, *there}))
    rows = [
        "",
        f"students, as MODEL or student.init: {shipped_students().known}",
        f"teachers, as teacher.file, teacher.init or objective.more_teachers: {names}; as MODEL, teachers/NAME",
    ]
    return rows if there else [*rows, f"to install the teachers: {HOW}"]


def _check(options: argparse.Namespace) -> int:
    from distill.evaluation.doctor.diagnosis import in_table

    if options.suspicious < 0:
        raise UserError(f"--suspicious {options.suspicious}: 0 or more")
    if options.locator is not None and not options.suspicious:
        raise UserError("--suspicious 0 asks nobody: leave it out, or --locator")
    with warnings_told() as warnings:
        found, written = _checked(options)
    result = found.as_dict() | {"pages": [str(path) for path in written], "warnings": warnings}
    show(result, options, "\n".join([in_table(found), *result["pages"]]))
    return PROBLEMS_FOUND if result["problems"] else 0


def _say_which(name: str) -> None:
    """Warn where a word means a shipped recipe, and lines or a recipe of that name lie here too."""
    from distill.recipe.file import shipped_recipes

    if name in shipped_recipes() and Path(name).exists():
        log.warning("%s is taken as the shipped recipe; what lies here under that name is meant by ./%s", name, name)


def _checked(options: argparse.Namespace) -> tuple[Any, list[Path]]:
    """What is found of a recipe, or of a place of pages or lines, and the files that were written."""
    from distill.evaluation.doctor.page import write_check, write_lines_check
    from distill.evaluation.doctor.pages.html import write_page_check
    from distill.preflight.line_folder import check_line_folder, is_place_of_lines
    from distill.preflight.lines import check
    from distill.preflight.page_folder import check_page_folder, is_place_of_pages
    from distill.preflight.pages import check_pages
    from distill.preflight.places import check_folder
    from distill.recipe.file import shipped_recipes
    from distill.recipe.pages import PageRecipe

    _say_which(options.recipe)
    path, asks = expanded(options.recipe), options.suspicious > 0
    if options.recipe not in shipped_recipes() and is_place_of_pages(path):
        _refuse_overrides(options)
        folder = expanded(options.run) if options.run else check_folder(path)
        found = check_page_folder(path, folder, (options.locator or "pages") if asks else None).of_place(path)
        return found, write_page_check(folder, str(path), "a folder of pages", found)
    if is_place_of_lines(options.recipe):
        _refuse_overrides(options)
        _refuse_locator(options)
        folder = expanded(options.run) if options.run else check_folder(path)
        found = check_line_folder(options.recipe, folder).of_place(path)
        return found, write_lines_check(folder, options.recipe, found)
    recipe, folder = recipe_and_folder(options)
    if isinstance(recipe, PageRecipe):
        found = check_pages(recipe, folder, options.locator, asks)
        return found, write_page_check(folder, recipe.name, recipe.about, found)
    _refuse_locator(options)
    found = check(recipe, folder, options.suspicious)
    return found, write_check(folder, recipe, found)


def _teacher(options: argparse.Namespace) -> int:
    from distill.recipe.sections import Recipe
    from distill.runs.tasks import train_teacher

    recipe, _ = recipe_and_folder(options)
    if isinstance(recipe, Recipe):
        _ = recipe.own_teacher  # raises where there is none, before lines are opened
    return in_run(options, lambda run: {"teacher": str(train_teacher(run))}, lambda _: "")


def _run(options: argparse.Namespace) -> int:
    return _student(options, teacher_first=True)


def _student(options: argparse.Namespace, teacher_first: bool = False) -> int:
    from distill.runs.tasks import AnyRun, outcome_in_words, train_students, train_whole

    check_record(options)

    def work(run: AnyRun) -> dict[str, Any]:
        result = train_whole(run) if teacher_first else train_students(run)
        if run.accelerator.is_main_process:
            write_record(options, lambda: of_report(options, run.folder, result))
        return result

    def words(result: dict[str, Any]) -> str:
        folder = recipe_and_folder(options)[1]
        return f"{outcome_in_words(folder, result)}\nreport: {folder / 'report.md'}"

    return in_run(options, work, words, needs_teacher=not teacher_first)


def _cache(options: argparse.Namespace) -> int:
    from distill.runs.teachers import cache_teacher, expect_cache

    expect_cache(line_recipe(options))  # told before lines are opened
    return in_run(options, cache_teacher, cache_in_words, needs_teacher=True)


def cache_in_words(result: dict[str, Any]) -> str:
    """Return a row for each cache: how many lines, how large, and how far it is off."""
    rows = []
    for name, part in result.items():
        errors = ", ".join(
            f"{tau}: loss {off['loss']:.2%}, gradient {off['gradient']:.2%}" for tau, off in part["error"].items()
        )
        rows.append(
            f"{name}: {counted(part['lines'], 'line')} in {counted(part['views'], 'view')}, "
            f"{part['bytes_a_line']:,.0f} bytes each; "
            f"off by {errors}"
        )
    return "\n".join(rows)


def _refuse_locator(options: argparse.Namespace) -> None:
    """Raise `UserError` for a locator where there are no pages."""
    if options.locator is not None:
        raise UserError("--locator is for pages")


def _refuse_overrides(options: argparse.Namespace) -> None:
    """Raise `UserError` for keys of a recipe where there is none."""
    if options.overrides:
        raise UserError(f"{options.overrides[0]}: {options.recipe} is no recipe, so there are no keys to set")


def _render(options: argparse.Namespace) -> int:
    from distill.delivery.target import expect_other
    from distill.durable import write_picture
    from distill.preflight.line_folder import is_place_of_lines
    from distill.preflight.line_preview import training_sheet
    from distill.preflight.page_preview import training_crops
    from distill.proposing.preview import lines_and_their_likes
    from distill.recipe.pages import PageRecipe

    *overrides, target = options.overrides or [""]
    if not target.lower().endswith(".png"):
        raise UserError("render: name the picture last, for example: distill render quick -n 60 sheet.png")
    if options.n < 1:
        raise UserError(f"-n {options.n}: a sheet shows at least one line")
    options.overrides = overrides
    _say_which(options.recipe)
    if is_place_of_lines(options.recipe):
        _refuse_overrides(options)
        lines = expanded(options.recipe)
        expect_other(Path(target), [lines, *lines.rglob(glob.escape(Path(target).name))])
        with tempfile.TemporaryDirectory() as cache:
            write_picture(Path(target), lines_and_their_likes(options.recipe, options.n, Path(cache)))
        print(target)
        return 0
    recipe, folder = recipe_and_folder(options)
    sheet = training_crops if isinstance(recipe, PageRecipe) else training_sheet
    write_picture(Path(target), sheet(recipe, folder, options.n))
    print(target)
    return 0
