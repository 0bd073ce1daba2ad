"""The sources of training, validation and test lines or pages, opened in the order that tells problems early."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from distill.data.formats.naming import NamedSource
from students.errors import DataError

SourceT = TypeVar("SourceT", bound=NamedSource)
OpenedT = TypeVar("OpenedT")


class NotMadeError(DataError):
    """Sources that are made from fonts were not opened, since none were to be made; of all others nothing is wrong."""


def open_parts(
    parts: Mapping[str, Sequence[SourceT]],
    made_here: type[SourceT],
    opened_by: Callable[[str, SourceT], OpenedT],
    problems: list[str],
    make: Callable[[], object] | None,
) -> dict[str, list[OpenedT]]:
    """Return what `opened_by` makes of each part and source, in the order of the sources.

    Sources of the type `made_here` take minutes, so they come last, after `make`; where that is None `NotMadeError` is
    raised instead. Raises one `DataError` for all `problems`, to which `opened_by` adds: before anything is made, and
    at the end.
    """
    every = [(part, source) for part, sources in parts.items() for source in sources]
    to_make = [i for i, (_, source) in enumerate(every) if isinstance(source, made_here)]
    opened = {i: opened_by(*each) for i, each in enumerate(every) if i not in to_make}
    if problems:
        raise DataError("\n".join(problems))
    if to_make and make is None:
        names = ", ".join(dict.fromkeys(every[i][1].name for i in to_make))
        raise NotMadeError(f"sources made from fonts are looked at when nothing else is missing: {names}")
    if make is not None:
        make()
    opened |= {i: opened_by(*every[i]) for i in to_make}
    if problems:
        raise DataError("\n".join(problems))
    return {part: [opened[i] for i, (name, _) in enumerate(every) if name == part] for part in parts}
