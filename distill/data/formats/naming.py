"""Where a source lies, and its name in every error about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

from distill.data.formats.parts import is_there
from students.errors import DataError


class NamedSource(Protocol):
    """What has a name."""

    @property
    def name(self) -> str:
        """Return it."""


Source = TypeVar("Source", bound=NamedSource)


class Placed(Protocol):
    """What lies somewhere below a root."""

    @property
    def path(self) -> str:
        """Return where, relative to the root."""


@contextmanager
def naming(source: NamedSource) -> Iterator[None]:
    """Name the source in every `DataError` that is raised in this context."""
    try:
        yield
    except DataError as error:
        raise DataError(f"source {source.name}: {error}") from error


def problems_of(sources: Iterable[Source], look: Callable[[Source], object]) -> list[str]:
    """Return every `DataError` that `look` raises about a source, with the sources that it is true of."""
    names: dict[str, list[str]] = {}
    for source in sources:
        try:
            look(source)
        except DataError as error:  # noqa: PERF203 - every source is looked at
            names.setdefault(str(error), []).append(source.name)
    return [f"source{'s' * (len(of) > 1)} {', '.join(of)}: {problem}" for problem, of in names.items()]


def placed(source: Placed, root: Path) -> Path:
    """Return where a source of files lies; raises `DataError` where nothing does."""
    path = root / source.path
    if not is_there(path):
        raise DataError(f"{path}: no such file or folder; set data.root (DATA=...) to the folder that holds it")
    return path
