"""Half-written files that a process left behind when it was killed, beside what it was writing."""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path

_TEMPORARY = re.compile(r"\.(.+)\.(\d+)\.tmp", re.DOTALL)


def temporary_of(path: Path) -> Path:
    """Return where this process writes what will be `path`; two processes may write the same."""
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def is_abandoned(path: Path) -> bool:
    """Return whether a file is a `temporary_of` a process of this machine that lives no more."""
    found = _TEMPORARY.fullmatch(path.name)
    return found is not None and not _lives(int(found[2]))


def remove_abandoned_of(path: Path) -> None:
    """Remove what killed processes have half written of `path`, as it lay there when this process first looked."""
    for abandoned in _abandoned_in(path.parent).pop(path.name, ()):
        abandoned.unlink(missing_ok=True)


@cache  # a folder may take thousands of files, and a look at each time would be thousands of looks at thousands
def _abandoned_in(folder: Path) -> dict[str, list[Path]]:
    """The abandoned files of a folder by the name that they were to have."""
    found: dict[str, list[Path]] = {}
    for path in folder.iterdir():
        if is_abandoned(path):
            found.setdefault(path.name[1:].rsplit(".", 2)[0], []).append(path)
    return found


def _lives(process: int) -> bool:
    if os.name == "nt":  # where asking would interrupt it
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # somebody else's, or no process at all
        return True
    return True
