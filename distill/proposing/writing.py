"""A recipe as YAML that people like to read: short sections in one row, and above each choice its reason."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from ruamel.yaml import YAML

WIDTH = 110
PLAIN = re.compile(r"[A-Za-z_./][\w./-]*")


def written(recipe: Mapping[str, Any], reasons: Mapping[str, str], head: str) -> str:
    """Return a recipe as YAML. `reasons` has comments by the key they stand above (`data.cut`); `head` is on top."""
    return "\n".join([*_comment(head, ""), *_rows(recipe, reasons, "", "")]) + "\n"


def flow(value: Any) -> str:
    """Return a value in one row of YAML."""
    match value:
        case Mapping():
            return "{" + ", ".join(f"{key}: {flow(each)}" for key, each in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(flow, value)) + "]"
        case str():
            return value if _is_plain(value) else json.dumps(value, ensure_ascii=False)
        case _:
            return json.dumps(value)


def _is_plain(text: str) -> bool:
    """Whether YAML reads a word, as it stands, as that word."""
    return bool(PLAIN.fullmatch(text)) and YAML(typ="safe", pure=True).load(text) == text


def _rows(section: Mapping[str, Any], reasons: Mapping[str, str], above: str, indent: str) -> Iterator[str]:
    for key, value in section.items():
        where = f"{above}.{key}".lstrip(".")
        if where in reasons:
            yield from _comment(reasons[where], indent)
        below = list(value.values()) if isinstance(value, Mapping) else []
        if isinstance(value, list) and value and isinstance(value[0], Mapping):
            yield f"{indent}{key}:"
            for i, each in enumerate(value):
                yield from _item(each, reasons, f"{where}.{i}", f"{indent}  ")
        elif any(len(flow(each)) > WIDTH / 2 for each in below) or _has_reasons(where, reasons):
            yield f"{indent}{key}:"
            yield from _rows(value, reasons, where, f"{indent}  ")
        else:
            yield from _flowing(f"{indent}{key}: ", value, f"{indent}  ")


def _flowing(lead: str, value: Any, indent: str) -> Iterator[str]:
    """A value in flow style, broken between its entries where one row does not hold it."""
    match value:
        case Mapping():
            entries, (first, last) = [f"{key}: {flow(each)}" for key, each in value.items()], "{}"
        case list() | tuple():
            entries, (first, last) = [flow(each) for each in value], "[]"
        case _:
            yield lead + flow(value)
            return
    row = lead + first
    for i, entry in enumerate(entries):
        piece = entry + (last if i == len(entries) - 1 else ",")
        if len(row) + 1 + len(piece) > WIDTH:
            yield row.rstrip()
            row = indent
        row += piece if row.endswith((first, indent)) else f" {piece}"
    yield row if entries else row + last


def _item(value: Mapping[str, Any], reasons: Mapping[str, str], where: str, indent: str) -> Iterator[str]:
    if where in reasons:
        yield from _comment(reasons[where], indent)
    row = f"{indent}- {flow(value)}"
    if len(row) <= WIDTH:
        yield row
        return
    first, *rest = _rows(value, reasons, where, f"{indent}  ")
    yield f"{indent}- {first.lstrip()}"
    yield from rest


def _has_reasons(where: str, reasons: Mapping[str, str]) -> bool:
    return any(key.startswith(f"{where}.") for key in reasons)


def _comment(text: str, indent: str) -> list[str]:
    lead = f"{indent}# "
    return [
        row
        for part in text.splitlines()
        for row in textwrap.wrap(part, WIDTH, initial_indent=lead, subsequent_indent=lead)
    ]
