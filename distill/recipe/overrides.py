"""`section.key=value` of the command line, laid over the values of a recipe.

The text of a key that holds text is taken as it stands: `#`, quotes, spaces, digits. Every other value is YAML.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from distill.schema import is_model

NONE = ("", "null")  # of a key that may hold none
CACHE_ROOT = ("cache.root", "runtime.cache_root")  # one key: what else it is called, and its name in a recipe


def renamed(override: str) -> str:
    """Return an override with the key's name in a recipe."""
    key, separator, text = override.partition("=")
    return f"{CACHE_ROOT[1]}{separator}{text}" if key == CACHE_ROOT[0] else override


def move_renamed(values: dict[str, Any]) -> None:
    """Give keys of a recipe's raw values their names, unless the place is taken: then both stay, and one is wrong."""
    (section, key), (new_section, new_key) = (name.split(".") for name in CACHE_ROOT)
    old, new = values.get(section), values.get(new_section, {})
    if isinstance(old, dict) and set(old) == {key} and isinstance(new, dict) and new_key not in new:
        values[new_section] = new | {new_key: values.pop(section)[key]}


def lay_over(model: type[BaseModel], values: dict[str, Any], override: str, earlier: Sequence[str]) -> list[str]:
    """Set one `section.key=value`; a number in the key is a position in a list. Returns problems."""
    key, separator, text = override.partition("=")
    if not separator or not key:
        return [f"override {override!r}: write section.key=value"]
    *parents, last = key.split(".")
    try:
        here: Any = values
        kinds = [model]
        for parent in parents:
            kinds = list(_types_below(kinds, parent, here))
            here = here[int(parent)] if isinstance(here, list) else here.setdefault(parent, {})
        value = _value(text, list(_types_below(kinds, last, here)))
        if isinstance(here, list):
            here[int(last)] = value
        elif last == "kind" and here.get("kind") != value:
            below = key.removesuffix("kind")
            if undone := [each for each in earlier if each.startswith(below) and not each.startswith(f"{key}=")]:
                return [f"override {override!r}: would undo {undone[0]!r} before it; give the kind first"]
            here.clear()  # the keys of another kind mean nothing here
            here[last] = value
        else:
            here[last] = value
    except (YAMLError, ValueError, IndexError, AttributeError, TypeError):
        return [f"override {override!r}: there is no such place, or the value is not YAML"]
    return []


def _value(text: str, kinds: Sequence[Any]) -> Any:
    """What the text means for a key of these types."""
    optional = types.NoneType in kinds
    if any(_is_text(kind) for kind in kinds) and all(_is_text(kind) or kind is types.NoneType for kind in kinds):
        return None if optional and text in NONE else text
    return YAML(typ="safe", pure=True).load(text) if text else None


def _is_text(kind: Any) -> bool:
    return kind is str or (get_origin(kind) is Literal and all(isinstance(choice, str) for choice in get_args(kind)))


def _types_below(kinds: Sequence[Any], part: str, here: Any) -> Iterator[Any]:
    """The types that the key `part` may have below values `here` of such types; of a kind that is chosen, its own."""
    chosen = here.get("kind") if isinstance(here, Mapping) else None
    models = [kind for kind in kinds if is_model(kind, BaseModel)]
    of_kind = [model for model in models if chosen is not None and kind_of(model) == chosen]
    for model in of_kind or models:
        if part in model.model_fields:
            yield from alternatives(model.model_fields[part].annotation)
    for kind in kinds:
        match get_origin(kind), get_args(kind):
            case (origin, (element, *_)) if origin in (tuple, list):
                yield from alternatives(element)
            case (origin, (_, element)) if origin is not Literal:
                yield from alternatives(element)


def alternatives(annotation: Any) -> Iterator[Any]:
    """Yield the types that an annotation stands for."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from alternatives(get_args(annotation)[0])
    elif origin in (typing.Union, types.UnionType):
        for member in get_args(annotation):
            yield from alternatives(member)
    else:
        yield annotation


def kind_of(model: type[BaseModel]) -> str | None:
    """Return the `kind` that a model is chosen by, where it has one."""
    kind = model.model_fields.get("kind")
    return str(kind.default) if kind is not None else None
