"""docs/recipe.md: every key of a recipe, from the fields of the sections that recipes are checked by."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from distill.recipe.pages import PageRecipe
from distill.recipe.sections import Recipe

INTRODUCTION = """<!-- made by `make docs` of the recipe's sections; edit the descriptions there -->
# Every key of a recipe

A recipe is one YAML file. `distill recipes show RECIPE` writes one out with every default, and
`distill check RECIPE` says what is wrong with it. Any key can be set on the command line: `student.training.steps=500`;
a number in a key is a position in a list: `data.train.0.path=lines`. A file may begin with `extends: RECIPE` and then
holds only what differs. A section with a `kind` has the keys of that kind alone.

A recipe is one of lines, and begins with the table below; with `task: pages` it is one of pages, and begins with
[page recipe](#pagerecipe). Sections that both have stand there once.

Below, each table is one section. Above it stands where the section is found; `N` is a position in a list
and `NAME` a name of one's own.
"""
PLAIN = {int: "integer", float: "number", str: "text", bool: "true or false", type(None): "null", object: "anything"}
MOST_PLACES = 6
_UNSAID = {"kind": "chooses this section"}


def recipe_page() -> str:
    """The whole page: each kind of recipe, and behind it every section in the order in which it is met."""
    places: dict[type[BaseModel], list[str]] = {}
    for recipe in (Recipe, PageRecipe):
        _collect(recipe, "", places)
    return "\n".join([INTRODUCTION, *(_section(model, paths) for model, paths in places.items())])


def _collect(model: type[BaseModel], path: str, places: dict[type[BaseModel], list[str]]) -> None:
    """Note where each section is found, depth first."""
    paths = places.setdefault(model, [])
    if path in paths:
        return
    paths.append(path)
    for name, field in model.model_fields.items():
        for below, suffix in _sections_in(field.annotation):
            _collect(below, f"{path}.{name}{suffix}".lstrip("."), places)


def _sections_in(annotation: Any, suffix: str = "") -> Iterator[tuple[type[BaseModel], str]]:
    """The sections that a type may hold, each with `.N` where it stands in a list, `.NAME` in a mapping."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _sections_in(get_args(annotation)[0], suffix)
    elif origin in (tuple, list):
        yield from _sections_in(get_args(annotation)[0], f"{suffix}.N")
    elif isinstance(origin, type) and issubclass(origin, Mapping):
        yield from _sections_in(get_args(annotation)[1], f"{suffix}.NAME")
    elif origin in (typing.Union, types.UnionType):
        for member in get_args(annotation):
            yield from _sections_in(member, suffix)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, suffix


def _section(model: type[BaseModel], paths: Sequence[str]) -> str:
    """Heading, places, the first sentence of what the section is for, and its keys."""
    named = f"{_title(model)}, kind `{_kind(model)}`" if _kind(model) else _title(model)
    rows = [f'<a id="{_anchor(model)}"></a>\n\n## {named}\n']
    if shown := [path for path in paths if path][:MOST_PLACES]:
        more = len(paths) - len(shown)
        rows.append(", ".join(f"`{path}`" for path in shown) + (f" and {more} more" if more else "") + ".\n")
    if model.__doc__:
        rows.append(" ".join(model.__doc__.split("\n\n")[0].split()) + "\n")
    rows += ["| key | type | default | range | what it is |", "|---|---|---|---|---|"]
    rows += [_row(name, field) for name, field in model.model_fields.items()]
    return "\n".join(rows) + "\n"


def _title(model: type[BaseModel]) -> str:
    """The name of a section's class as words."""
    name = model.__name__
    return "".join(
        f" {letter.lower()}" if i and letter.isupper() and not name[i - 1].isupper() else letter
        for i, letter in enumerate(name)
    )


def _anchor(model: type[BaseModel]) -> str:
    return model.__name__.lower()


def _row(name: str, field: FieldInfo) -> str:
    cells = [
        f"`{name}`",
        _type(field.annotation),
        _default(field),
        _range(field),
        field.description or _UNSAID.get(name, ""),
    ]
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def _type(annotation: Any) -> str:
    """A type in words; sections are links."""
    origin, members = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(members[0])
    if origin is Literal:
        return ", ".join(f"`{member}`" for member in members)
    if origin in (typing.Union, types.UnionType):
        kinds = [member for member in members if _kind(member)]
        rest = [_type(member) for member in members if member not in kinds]
        linked = ", ".join(f"[{_kind(member)}](#{_anchor(member)})" for member in kinds)
        return " or ".join(dict.fromkeys([*([f"section of kind {linked}"] if kinds else []), *rest]))
    if origin in (tuple, list):
        items = [member for member in members if member is not Ellipsis]
        return f"list of {_type(items[0])}" if len(items) < len(members) else f"{len(items)} of {_type(items[0])}"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"{_type(members[0])} to {_type(members[1])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"[{_title(annotation)}](#{_anchor(annotation)})"
    return PLAIN.get(annotation, str(annotation))


def _kind(annotation: Any) -> str:
    """The kind of a section that is one of several; empty for anything else."""
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return ""
    kind = annotation.model_fields.get("kind")
    return str(kind.default) if kind is not None and kind.default else ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        given = value.model_dump(mode="json", exclude_defaults=True)
        return f"`{json.dumps(given, ensure_ascii=False)}`" if given else "its defaults"
    return f"`{json.dumps(value, default=list, ensure_ascii=False)}`"


def _range(field: FieldInfo) -> str:
    """Bounds, least number of items, and pattern of a key."""
    bounds = []
    for bound in _constraints(field):
        match bound:
            case Ge(ge):
                bounds.append(f"≥ {ge}")
            case Gt(gt):
                bounds.append(f"> {gt}")
            case Le(le):
                bounds.append(f"≤ {le}")
            case Lt(lt):
                bounds.append(f"< {lt}")
            case MinLen(length):
                bounds.append(f"at least {length}")
            case _ if pattern := getattr(bound, "pattern", None):
                bounds.append(f"`{pattern}`")
    return ", ".join(bounds)


def _constraints(field: FieldInfo) -> Iterator[Any]:
    """Those of the key itself, and those of a list's items."""
    yield from field.metadata
    for member in get_args(field.annotation):
        if get_origin(member) is Annotated:
            yield from (each for each in get_args(member)[1:] if not isinstance(each, FieldInfo))
