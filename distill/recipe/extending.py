"""A recipe over the one that it extends: what is said there of lines that it does not have falls away."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

EITHER_OR = ({"test", "test_cut"}, {"validation", "cut"})  # of the data: who says one does not take over the other

log = logging.getLogger(__name__)


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return mappings merged key by key, unless their `kind` differs; everything else is replaced."""
    values = dict(below)
    for key, value in above.items():
        old = values.get(key)
        same_kind = (
            isinstance(old, dict)
            and isinstance(value, dict)
            and (old.get("kind") == value.get("kind", old.get("kind")))
        )
        values[key] = merged(old, value) if same_kind else value  # type: ignore[arg-type]
    return values


def laid_over(below: Mapping[str, Any], above: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return a recipe's raw values over those of the one it extends.

    A recipe with training sources of its own takes over no stage, sources, mix or cut that names other ones; what falls
    away is told.
    """
    values = merged(below, above)
    own = above.get("data")
    if not isinstance(own, dict):
        return values
    for pair in EITHER_OR:
        if len(named := own.keys() & pair) == 1:
            (other,) = pair - named
            values["data"].pop(other, None)
    names = _names(own)
    if names is None:
        return values
    gone: list[str] = []
    for network in ("teacher", "student"):
        if isinstance(part := values.get(network), dict):
            said = above.get(network)
            values[network] = _network(part, said if isinstance(said, dict) else {}, names, network, gone)
    values["data"] = _data(values["data"], own, names, gone)
    if gone:
        log.warning("recipe %s: %s of %r are of other lines and left out", where, ", ".join(gone), above.get("extends"))
    return values


def _names(data: Mapping[str, Any]) -> set[str] | None:
    """The names of a recipe's own training sources; None where it has none."""
    train = data.get("train")
    if not isinstance(train, list):
        return None
    return {source["name"] for source in train if isinstance(source, dict) and isinstance(source.get("name"), str)}


def _network(
    part: Mapping[str, Any], own: Mapping[str, Any], names: set[str], network: str, gone: list[str]
) -> dict[str, Any]:
    values = dict(part)
    for key in ("sources", "mix"):
        if key not in own and not _known(values.get(key), names):
            values[key] = None
            gone.append(f"{network}.{key}")
    stages = values.get("stages")
    if "stages" not in own and isinstance(stages, list):
        kept = [
            s for s in stages if not isinstance(s, dict) or all(_known(s.get(k), names) for k in ("sources", "mix"))
        ]
        if len(kept) < len(stages):
            values["stages"] = kept
            gone.append(f"{network}.stages")
    return values


def _data(data: Mapping[str, Any], own: Mapping[str, Any], names: set[str], gone: list[str]) -> dict[str, Any]:
    values = dict(data)
    for key in ("cut", "test_cut", "unlabel"):
        part = values.get(key)
        if not isinstance(part, dict) or _known(part.get("sources"), names):
            continue
        said = own.get(key)
        if isinstance(said, dict) and "sources" not in said:
            values[key] = dict(said)  # documents and sources beneath are of other lines
        elif key not in own:
            values[key] = None if key == "unlabel" else {k: v for k, v in part.items() if k == "share"}
            gone.append(f"data.{key}" if key == "unlabel" else f"the documents of data.{key}")
    return values


def _known(value: Any, names: Iterable[str]) -> bool:
    """Whether sources, or a mix by its weights, name training sources that are there."""
    named = value.get("weights") if isinstance(value, dict) else value
    return not isinstance(named, (list, dict)) or set(named) <= set(names)
