"""The characters of a foreign model: read from metadata or a file, and laid on its classes."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from distill.recipe.file import yaml_problem
from students.charset import normalise
from students.encodings import saved_as_utf8
from students.errors import DataError

SHORTEST = 5  # entries; a shorter list of a file is something else
LARGEST_BYTES = 8 * 2**20
SUFFIXES = (".txt", ".yml", ".yaml", ".json", ".py")


@dataclass(frozen=True)
class Entries:
    """A list of characters, and where it stands."""

    where: str
    entries: tuple[str, ...]


@dataclass(frozen=True)
class Classes:
    """The character of every class of the foreign model, None for the blank and for what our charset cannot hold."""

    character_of: tuple[str | None, ...]
    blank: int
    left_out: tuple[str, ...]  # entries that our charset cannot hold
    how: str

    @property
    def columns(self) -> list[int]:
        """Return the blank's class, then those of the characters."""
        return [self.blank, *(i for i, c in enumerate(self.character_of) if c is not None)]

    @property
    def characters(self) -> str:
        """Return the characters, in the order of their classes."""
        return "".join(c for c in self.character_of if c is not None)


def read_lists(path: Path) -> list[Entries]:
    """Return every list of characters in a text, YAML, JSON or Python file, which is read and never run.

    Raises `DataError` where it cannot be read or holds none.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: is not UTF-8 text (byte {error.start}); give the characters one a line; {saved_as_utf8(error)}"
        ) from error
    try:
        found = list(_lists(text, path))
    except (YAMLError, ValueError, SyntaxError, RecursionError) as error:
        raise DataError(f"{path}: not readable as {path.suffix or 'text'}: {yaml_problem(error)}") from error
    if not found:
        raise DataError(f"{path}: holds no list of characters; give them one a line, as YAML, JSON or a Python list")
    return found


def of_text(text: str) -> tuple[str, ...]:
    """Return one entry a line, or, of a single line, one a character."""
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    if lines[-1] == "":
        lines.pop()
    return tuple(lines[0]) if len(lines) == 1 else tuple(lines)


def _lists(text: str, path: Path) -> Iterator[Entries]:
    match path.suffix.lower():
        case ".yml" | ".yaml":
            nested = _in_values(YAML(typ="safe").load(text), path.name)
        case ".json":
            nested = _in_values(json.loads(text), path.name)
        case ".py":
            nested = _in_python(ast.parse(text), path.name)
        case _:
            nested = iter([Entries(path.name, of_text(text))])
    yield from (found for found in nested if len(found.entries) >= SHORTEST)


def _in_values(value: Any, where: str) -> Iterator[Entries]:
    """Lists of plain values, however deep; a number stands for its digits."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _in_values(inner, f"{where}, {key}")
    elif isinstance(value, list):
        if all(isinstance(each, str | int) for each in value):
            yield Entries(where, tuple(str(each) for each in value))
        else:
            for inner in value:
                yield from _in_values(inner, where)
    elif (
        isinstance(value, str)
        and len(value) >= SHORTEST
        and where.split(", ")[-1] in ("characters", "charset", "character", "vocab", "alphabet")
    ):
        yield Entries(where, of_text(value) if "\n" in value else tuple(value))


def _in_python(tree: ast.Module, where: str) -> Iterator[Entries]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.List | ast.Tuple) or len(node.elts) < SHORTEST:
            continue
        values = [each.value for each in node.elts if isinstance(each, ast.Constant) and isinstance(each.value, str)]
        if len(values) == len(node.elts):
            yield Entries(f"{where}, line {node.lineno}", tuple(values))


def fits(entries: Entries, n_classes: int) -> bool:
    """Return whether a list can be the characters of so many classes."""
    return n_classes - 2 <= len(entries.entries) <= n_classes


def on_classes(
    found: Entries, n_classes: int, blank: Literal["first", "last"], space: Literal["end", "none"] | None
) -> Classes:
    """Lay a list on the classes of a model, the blank among its entries or outside of them, a space behind them or not.

    Raises `DataError` for a list of the wrong length, or one that would give two spaces.
    """
    entries, n = found.entries, len(found.entries)
    spaces = [i for i, entry in enumerate(entries) if entry == " "]
    if len(spaces) > 1:
        raise DataError(
            f"{found.where}: holds the space twice, as entries {spaces[0] + 1} and {spaces[1] + 1}; remove one"
        )
    behind = space == "end" or (space is None and n == n_classes - 2)
    if behind and spaces and n <= n_classes - 2:
        raise DataError(
            f"{found.where}: {n:,} entries, a space behind them and the blank make the {n_classes:,} classes, but the "
            f"list holds a space already (entry {spaces[0] + 1}), so there would be two: an entry is missing, or this "
            "is the dictionary of another model"
        )
    want = n_classes - 1 - behind
    if n == n_classes and space != "end":
        at = 0 if blank == "first" else n - 1
        inside, how = [*entries[:at], *entries[at + 1 :]], f"{n:,} entries, {entries[at]!r} for the blank among them"
    elif n == want:
        inside, how = (
            [*entries, *[" "] * behind],
            f"{n:,} entries{', a space behind them' if behind else ''}, and the blank",
        )
    else:
        raise DataError(
            f"{found.where}: {n:,} entries, but the model has {n_classes:,} classes: {n_classes - 1:,} and the blank, "
            f"or {n_classes - 2:,}, a space and the blank; give the dictionary that the model was trained with"
        )
    return _laid(inside, 0 if blank == "first" else n_classes - 1, how)


def _laid(inside: Sequence[str], blank: int, how: str) -> Classes:
    """Characters of the classes other than the blank; the first of equal ones counts."""
    kept: list[str | None] = []
    left_out: list[str] = []
    known: set[str] = set()
    for entry in inside:
        character = normalise(entry)
        if len(character) != 1 or character in known:
            left_out.append(entry)
            kept.append(None)
        else:
            known.add(character)
            kept.append(character)
    kept.insert(blank, None)
    return Classes(tuple(kept), blank, tuple(left_out), how)
