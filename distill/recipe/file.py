"""From YAML to one checked recipe: nearest names, every problem at once, `extends`, overrides on top.

YAML 1.2; a duplicate key is refused. The sections, with every key, are in `sections.py`.
"""

from __future__ import annotations

import difflib
import io
import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, TypeAlias, get_args, get_origin

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from distill.paths import expanded
from distill.recipe.extending import laid_over
from distill.recipe.overrides import alternatives, kind_of, lay_over, move_renamed, renamed
from distill.recipe.pages import PageRecipe
from distill.recipe.sections import Recipe, RecipeError
from distill.runtime import of_another_suite
from distill.schema import is_model, message_of
from students.encodings import saved_as_utf8

log = logging.getLogger(__name__)

RECIPE_NAME = "recipe.yaml"  # of a run folder
RENAMED = {"drawn-words": "synthetic-words", "drawn-receipts": "synthetic-receipts"}  # shipped under another name once


def shipped_recipes() -> dict[str, str]:
    """Return name and YAML text of every recipe that comes with the suite."""
    folder = resources.files("recipes")
    return {
        entry.name.removesuffix(".yaml"): entry.read_text("utf-8")
        for entry in sorted(folder.iterdir(), key=lambda e: e.name)
        if entry.name.endswith(".yaml")
    }


AnyRecipe: TypeAlias = Recipe | PageRecipe
TASKS: Mapping[str, type[AnyRecipe]] = {"lines": Recipe, "pages": PageRecipe}


def load_recipe(name_or_path: str, overrides: Sequence[str] = ()) -> AnyRecipe:
    """Read a shipped recipe, a file, or the one in a run folder, and check it whole.

    Its key `task` says what is learnt: lines, where it is missing, or pages. `overrides` (`section.key=value`) are laid
    on top. Raises `RecipeError` listing every problem.
    """
    values = _read(name_or_path)
    model = _model_of(name_or_path, values)
    problems: list[str] = []
    overrides = [renamed(override) for override in overrides]
    for i, override in enumerate(overrides):
        problems += lay_over(model, values, override, overrides[:i])
    try:
        recipe = model.model_validate(values)
    except ValidationError as error:
        problems += [_explain(model, problem) for problem in error.errors() if not _follows(problem)]
        raise RecipeError(f"{_listed(name_or_path, problems)}\n{_why_refused(model, name_or_path)}".rstrip()) from None
    if problems:
        raise RecipeError(_listed(name_or_path, problems))
    return recipe


def run_folder(name_or_path: str, recipe: AnyRecipe) -> Path:
    """Return the folder that a recipe runs in by default: one of its name, or the run folder that it was read from."""
    path = expanded(name_or_path)
    is_run = name_or_path not in shipped_recipes() and (path / RECIPE_NAME).is_file()
    return path if is_run else Path("runs") / recipe.name


def load_line_recipe(name_or_path: str, overrides: Sequence[str] = ()) -> Recipe:
    """Return a recipe of lines as `load_recipe` does; raises `RecipeError` for one of pages."""
    recipe = load_recipe(name_or_path, overrides)
    if isinstance(recipe, PageRecipe):
        raise RecipeError(f"recipe {name_or_path}: its task is pages, and this is done with recipes of lines alone")
    return recipe


def _model_of(where: str, values: dict[str, Any]) -> type[AnyRecipe]:
    """The model of the recipe's task; `lines` need not be said."""
    task = values.get("task", "lines")
    if not isinstance(task, str) or task not in TASKS:
        near = difflib.get_close_matches(str(task), TASKS, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(TASKS)}"
        raise RecipeError(_listed(where, [f"task: {task!r} is no task; {hint}"]))
    if task == "lines":
        values.pop("task", None)
    return TASKS[task]


def _why_refused(model: type[AnyRecipe], name_or_path: str) -> str:
    """That another suite wrote the recipe of a run folder, in words; empty where it is right without overrides."""
    path = expanded(name_or_path)
    folder = path.parent if path.name == RECIPE_NAME else path
    if name_or_path in shipped_recipes() or not (folder / RECIPE_NAME).is_file():
        return ""
    try:
        model.model_validate(_read(name_or_path))
    except ValidationError:
        return of_another_suite(folder)
    return ""


def _listed(where: str, problems: Iterable[str]) -> str:
    lines = list(problems)
    return f"recipe {where}: {len(lines)} problem{'s' * (len(lines) > 1)}\n" + "\n".join(
        f"  - {line}" for line in lines
    )


def _read(name_or_path: str, above: tuple[str, ...] = ()) -> dict[str, Any]:
    """The raw values, those of the recipes that it `extends` beneath its own; `above` are those that extend it."""
    values = _parse(_text(name_or_path), name_or_path)
    move_renamed(values)
    base = values.get("extends")
    values.setdefault("name", Path(name_or_path).stem)
    if name_or_path in RENAMED:
        log.warning("the recipe %s is called %s now", name_or_path, RENAMED[name_or_path])
        values["name"] = name_or_path  # so that its run folder goes on
    if base is None:
        values.pop("extends", None)
        return values
    if not isinstance(base, str):
        raise RecipeError(f"recipe {name_or_path}: extends takes one name or path")
    sibling = Path(name_or_path).parent / base
    beneath = str(sibling) if sibling.is_file() else base
    chain = (*above, name_or_path)
    if beneath in chain:
        raise RecipeError(f"recipe {name_or_path}: extends {base!r}, which extends it: {' > '.join((*chain, beneath))}")
    below = _read(beneath, chain)
    return {key: value for key, value in laid_over(below, values, name_or_path).items() if key != "extends"}


def _text(name_or_path: str) -> str:
    shipped = shipped_recipes()
    if (name := RENAMED.get(name_or_path, name_or_path)) in shipped:
        return shipped[name]
    path = expanded(name_or_path)
    path = path / RECIPE_NAME if (path / RECIPE_NAME).is_file() else path
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise RecipeError(f"recipe {path}: not UTF-8 text (byte {error.start}); {saved_as_utf8(error)}") from error
    except OSError as error:
        near = difflib.get_close_matches(name_or_path, shipped, 1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise RecipeError(
            f"recipe {name_or_path}: neither a shipped recipe nor a readable file; {hint}shipped: {', '.join(shipped)}"
        ) from error


def _parse(text: str, where: str) -> dict[str, Any]:
    try:
        values = json.loads(_json_of(text))
    except (YAMLError, TypeError, ValueError, RecursionError) as error:
        raise RecipeError(f"recipe {where}: {yaml_problem(error)}") from error
    if not isinstance(values, dict):
        raise RecipeError(f"recipe {where}: holds no sections")
    return values


def yaml_problem(error: Exception) -> str:
    """Return why a text cannot be read as YAML, in a line, and where in it if that is known."""
    if not isinstance(error, MarkedYAMLError):
        return str(error).splitlines()[0]
    mark = error.problem_mark
    return (f"line {mark.line + 1} " if mark else "") + (error.problem or str(error)).splitlines()[0]


@lru_cache(maxsize=32)
def _json_of(text: str) -> str:
    """The values of a YAML text as JSON; parsed once, since a run reads its recipe again for every network."""
    return _bounded_json(YAML(typ="safe", pure=True).load(text))


def _bounded_json(values: object) -> str:
    """JSON of plain values: a YAML anchor and its aliases become separate, so that an override meets only one.

    Aliases within aliases can stand for more than memory holds; a megabyte is more than any recipe.
    """
    pieces, length = [], 0
    for piece in json.JSONEncoder(allow_nan=False, default=_no_plain_value).iterencode(values):
        pieces.append(piece)
        length += len(piece)
        if length > 2**20:
            raise ValueError("its aliases stand for more than a megabyte")
    return "".join(pieces)


def _no_plain_value(value: object) -> None:
    """A date, a set or bytes, as YAML has them."""
    raise TypeError(
        f"{str(value)[:60]!r} is read as a {type(value).__name__}, which no key takes; put a text in quotes"
    )


def _follows(problem: Any) -> bool:
    """A list counts as too short once its items are refused: only the items' own problems are worth telling."""
    return problem["type"] == "too_short" and len(problem["input"]) >= problem["ctx"]["min_length"]


def _explain(model: type[BaseModel], problem: Any) -> str:
    """One problem found by pydantic in the words of a recipe."""
    location = problem["loc"]
    key = ".".join(str(part) for part in location if not _is_tag(model, part, location))
    match problem["type"]:
        case "extra_forbidden":
            known = _keys_at(model, location[:-1])
            near = difflib.get_close_matches(str(location[-1]), known, 1, 0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
            return f"{key}: no such key; {hint}"
        case "missing":
            return f"{key}: is missing"
        case "union_tag_invalid":
            return f"{key}.kind: {problem['ctx']['tag']!r} is not one of {problem['ctx']['expected_tags']}"
        case "union_tag_not_found":
            return f"{key}.kind: is missing"
        case "too_short":
            return f"{key}: needs at least {problem['ctx']['min_length']}, and has {len(problem['input'])}"
        case _:
            return f"{key or 'recipe'}: {message_of(problem)} (got {_short(problem['input'])})"


def _short(value: object) -> str:
    text = "a section" if isinstance(value, (dict, BaseModel)) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _is_tag(model: type[BaseModel], part: str | int, location: tuple[str | int, ...]) -> bool:
    """Pydantic puts the tag of a discriminated union into the location; a reader's key has none."""
    position = location.index(part)
    return isinstance(part, str) and position > 0 and part in _tags_at(model, location[:position])


def _branches(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models an annotation may stand for."""
    for each in alternatives(annotation):
        if get_origin(each) is tuple:
            yield from _branches(get_args(each)[0])
        elif is_model(each, BaseModel):
            yield each


def _models_at(model: type[BaseModel], location: Sequence[str | int]) -> list[type[BaseModel]]:
    """The models that the section at `location` may be."""
    models = [model]
    for part in location:
        if isinstance(part, int):
            continue
        tagged = [m for m in models if kind_of(m) == part]
        models = tagged or [
            branch for m in models if part in m.model_fields for branch in _branches(m.model_fields[part].annotation)
        ]
    return models


def _tags_at(model: type[BaseModel], location: Sequence[str | int]) -> set[str | None]:
    models = _models_at(model, location)
    return {kind_of(m) for m in models} if len(models) > 1 else set()


def _keys_at(model: type[BaseModel], location: Sequence[str | int]) -> list[str]:
    return sorted({name for m in _models_at(model, location) for name in m.model_fields})


def resolved_yaml(recipe: AnyRecipe) -> str:
    """Return the whole recipe with every default written out."""
    stream = io.StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.width = 110
    yaml.dump(recipe.model_dump(mode="json"), stream)
    return stream.getvalue()
